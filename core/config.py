"""What is in config.yaml, and is it possible? ``load()`` gives a checked :class:`Config` or one sentence.

Every mistake is a :class:`ConfigError` that names file, line, the path inside the file, what is wrong
and what to do. YAML 1.2 rules hold (``22:30`` and ``off`` stay text), duplicate keys are refused.
What needs the tables of devices and detectors is checked by ``gateway.build``, with the same errors.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from core.config_duties import HeartbeatConfig, ValveConfig
from core.model import Home, Mounting, Resident, Responder, Room, Sensor
from core.watch import Watch

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Path_ = tuple[str | int, ...]
Line_ = Annotated[str, Field(max_length=200, pattern=r"^[^\r\n\x00]*$")]  # one line for people


class ConfigError(Exception):
    """A mistake in the configuration, told in one sentence with path and line."""

    def __init__(self, file: str, line: int | None, where: Path_, message: str) -> None:
        self.file, self.line, self.where, self.message = file, line, where, message
        spot = f"{file}:{line}" if line is not None else file
        path = ".".join(str(p) for p in where)
        super().__init__(f"{spot}: {path + ': ' if path else ''}{message}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class HomeConfig(_Strict):
    id: Id
    name: str = ""
    time_zone: str = "UTC"
    language: Literal["zh-CN", "en"] = "en"
    address: Line_ = ""
    floor: Line_ = ""
    how_to_get_in: Line_ = ""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone is called {zone!r}; use a name such as Asia/Shanghai") from None
        return zone


class ResidentConfig(_Strict):
    name: str = ""
    born: int | None = Field(default=None, ge=1890, le=2100)
    note: str = ""  # for yourself; no message carries it
    conditions: tuple[Line_, ...] = Field(default=(), max_length=8)
    phone: Line_ = ""
    watch: Watch = Watch()


class ResponderConfig(_Strict):
    name: Line_ = Field(min_length=1)
    role: Line_ = ""
    phone: Line_ = ""
    minutes: float | None = Field(default=None, ge=0, le=600)
    residents: tuple[Id, ...] = ()


class RoomConfig(_Strict):
    kind: Literal["hall", "living", "bedroom", "bathroom", "kitchen", "outdoors", "other"] = "other"
    name: str = ""


class MqttLinkConfig(_Strict):
    type: Literal["mqtt"]
    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    insecure: bool = False
    keep_alive_s: int = Field(default=30, ge=5, le=600)
    lateness_s: float = Field(default=2.0, ge=0, le=60)

    @property
    def loopback(self) -> bool:
        """Does it stay inside this machine?"""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class SerialLinkConfig(_Strict):
    type: Literal["serial"]
    port: str = Field(min_length=1)
    baud: int | None = Field(default=None, ge=300, le=4_000_000)
    lateness_s: float = Field(default=2.0, ge=0, le=60)


LinkConfig = Annotated[MqttLinkConfig | SerialLinkConfig, Field(discriminator="type")]


class MountingConfig(_Strict):
    height_m: float | None = Field(default=None, gt=0, le=6)
    tilt_deg: float = Field(default=0.0, ge=-90, le=90)
    vertical_axis: Literal["x", "y", "z", "-x", "-y", "-z", "learn"] = "z"


class SensorConfig(_Strict):
    device: str
    link: Id
    room: Id | Literal[""] = ""
    kind: str = ""
    topic: str = ""
    mounting: MountingConfig = MountingConfig()
    options: dict[str, Any] = {}


class SamplesConfig(_Strict):
    keep_days: int = Field(default=30, ge=1, le=3650)
    thin_s: float = Field(default=60.0, ge=1, le=3600)
    raw_before_s: float = Field(default=60.0, ge=0, le=3600)
    raw_after_s: float = Field(default=60.0, ge=0, le=3600)


class InfluxConfig(_Strict):
    url: str
    org: str = ""
    bucket: str
    token_file: Path | None = None
    telemetry: bool = True


class StoreConfig(_Strict):
    state_dir: Path = Path("state")
    samples: SamplesConfig = SamplesConfig()
    influx: InfluxConfig | None = None


class ChannelConfig(_Strict):
    type: str
    from_severity: Literal["alarm", "warning", "trouble", "info"] = "info"
    discreet: bool = False  # leave out conditions, telephone numbers and how to get in
    options: dict[str, Any] = {}


class AnswersConfig(_Strict):
    base_url: str = ""
    listen: str = ""
    valid_h: float = Field(default=24.0, ge=1, le=168)
    secret_file: Path | None = None
    insecure: bool = False


class RecordConfig(_Strict):
    enabled: bool = False
    keep_days: int = Field(default=30, ge=1, le=365)
    max_mb: int = Field(default=500, ge=1, le=100_000)


class Config(_Strict):
    home: HomeConfig
    residents: dict[Id, ResidentConfig] = {}
    responders: dict[Id, ResponderConfig] = {}
    rooms: dict[Id, RoomConfig] = {}
    links: dict[Id, LinkConfig]
    sensors: dict[Id, SensorConfig]
    detectors: dict[str, dict[str, Any] | None] = {}
    alerts: dict[str, Any] = {}
    store: StoreConfig = StoreConfig()
    channels: dict[Id, ChannelConfig] = {}
    record: RecordConfig = RecordConfig()
    answers: AnswersConfig = AnswersConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    valves: dict[Id, ValveConfig] = {}

    def as_home(self) -> Home:
        """Which plain facts do detectors and the book get?"""
        return Home(
            id=self.home.id,
            zone=self.home.time_zone,
            language=self.home.language,
            residents=tuple(
                Resident(i, r.name, r.born, r.conditions, r.phone, r.watch) for i, r in self.residents.items()
            ),
            rooms={i: Room(i, r.kind, r.name) for i, r in self.rooms.items()},
            sensors={
                i: Sensor(
                    id=i,
                    device=s.device,
                    link=s.link,
                    room=s.room,
                    kind=s.kind,
                    address=s.topic,
                    mounting=Mounting(s.mounting.height_m, s.mounting.tilt_deg, s.mounting.vertical_axis),
                    options=s.options,
                )
                for i, s in self.sensors.items()
            },
            address=self.home.address,
            floor=self.home.floor,
            entry=self.home.how_to_get_in,
            responders=tuple(
                Responder(i, r.name, r.role, r.phone, r.minutes, r.residents)
                for i, r in self.responders.items()
            ),
        )


@dataclass(frozen=True)
class Document:
    """A configuration file as read: its data, and on which line each path stands."""

    file: str
    data: Mapping[str, Any]
    lines: Mapping[Path_, int]

    def error(self, where: Sequence[str | int], message: str) -> ConfigError:
        """The error for this path, at its line or that of its nearest parent."""
        path = tuple(where)
        for n in range(len(path), -1, -1):
            if path[:n] in self.lines:
                return ConfigError(self.file, self.lines[path[:n]], path, message)
        return ConfigError(self.file, None, path, message)

    def validate(self, model: Any, data: Any, at: Sequence[str | int] = ()) -> Any:
        """``data`` as ``model`` (a pydantic model or dataclass), or the first mistake as an error."""
        if is_dataclass(model) and isinstance(data, Mapping):
            known = {f.name for f in fields(model)}
            for key in data:
                if key not in known:
                    there = ", ".join(sorted(known)) or "none"
                    raise self.error((*at, key), f"unknown key; there are: {there}")
        try:
            return TypeAdapter(model).validate_python(data)
        except ValidationError as bad:
            raise self._first(bad, tuple(at), data) from None

    def _first(self, bad: ValidationError, at: Path_, data: Any) -> ConfigError:
        problem = bad.errors(include_url=False)[0]
        loc = [p for p in problem["loc"] if not (isinstance(p, str) and p.startswith("function-"))]
        if "links" in loc and loc[-1] in ("mqtt", "serial"):
            loc = loc[:-1]
        loc = [p for i, p in enumerate(loc) if not (i == 2 and loc[0] == "links" and p in _TAGS)]
        if loc and loc[-1] == "[key]":
            loc = loc[:-1]
        return self.error((*at, *loc), _sentence(problem))


_TAGS = ("mqtt", "serial")


def _sentence(problem: Any) -> str:
    kind, given = problem["type"], problem.get("input")
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return "unknown key; remove it or correct its spelling"
    if kind == "missing":
        return "is missing; add it"
    if kind == "union_tag_invalid":
        return f"type {problem['ctx']['tag']!r} is not known; use one of {problem['ctx']['expected_tags']}"
    if kind == "union_tag_not_found":
        return "needs a type: mqtt or serial"
    text = str(problem["msg"]).removeprefix("Value error, ")
    shown = repr(given)
    return f"{text} (it says {shown if len(shown) <= 60 else shown[:57] + '...'})"


def read(path: Path | str) -> Document:
    """The file as data and line numbers. Raises ConfigError (missing, not YAML, duplicate key)."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(file, None, (), f"cannot be read: {error.strerror}; name a file") from None
    except UnicodeDecodeError:
        raise ConfigError(file, None, (), "is not UTF-8 text; save it as UTF-8") from None
    yaml = YAML(typ="rt", pure=True)
    try:
        data = yaml.load(text)
    except DuplicateKeyError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "a key"
        raise ConfigError(file, line, (key,), "stands twice; keep one of the two") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise ConfigError(file, line, (), f"is not YAML here: {error.problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(file, None, (), f"is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(data, dict):
        raise ConfigError(file, 1, (), "must be a mapping of home, links, sensors, ...")
    lines: dict[Path_, int] = {(): 1}
    plain = _plain(data, (), lines, file)
    return Document(file, plain, lines)


def _plain(node: Any, at: Path_, lines: dict[Path_, int], file: str) -> Any:
    """Round-trip YAML nodes to plain Python, noting where each path stands."""
    if len(at) > 32:
        raise ConfigError(file, lines.get(at[:-1]), at[:4], "is nested too deeply or in a circle")
    marks: Any = getattr(node, "lc", None)  # where round-trip nodes remember their lines
    if isinstance(node, dict):
        out = {}
        for key, value in node.items():
            if not isinstance(key, str):
                raise ConfigError(
                    file,
                    marks.key(key)[0] + 1,
                    (*at, str(key)),
                    f"the key {key!r} is not text; put it in quotes",
                )
            path = (*at, str(key))
            lines[path] = marks.key(key)[0] + 1
            out[str(key)] = _plain(value, path, lines, file)
        return out
    if isinstance(node, list):
        for i in range(len(node)):
            lines[(*at, i)] = marks.item(i)[0] + 1
        return [_plain(v, (*at, i), lines, file) for i, v in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for base in (int, float, str):
        if isinstance(node, base):
            return base(node)
    raise ConfigError(
        file, lines.get(at), at, f"is a {type(node).__name__}; put it in quotes to keep it as text"
    )


def load(path: Path | str) -> tuple[Config, Document]:
    """The checked configuration and the document behind it. Raises ConfigError."""
    document = read(path)
    config: Config = document.validate(Config, document.data)
    _cross_check(config, document)
    return config, document


def _cross_check(config: Config, document: Document) -> None:
    for name, link in config.links.items():
        if isinstance(link, MqttLinkConfig) and not (link.loopback or link.tls or link.insecure):
            raise document.error(
                ("links", name, "host"),
                f"{link.host} is off this machine and tls is off: anybody on the way could read or "
                "forge messages; set tls: true, or insecure: true if you accept that",
            )
    for name, responder in config.responders.items():
        for resident in responder.residents:
            if resident not in config.residents:
                raise document.error(("responders", name, "residents"), f"there is no resident {resident!r}")
    for name, resident_ in config.residents.items():
        for key_, keys in resident_.watch.keys.items():
            for source in (*keys.gone, *keys.here):
                if source not in config.sensors:
                    spot = ("residents", name, "watch", "keys", key_)
                    raise document.error(spot, f"there is no sensor {source!r} under sensors")
    used: dict[tuple[str, str], str] = {}
    for name, sensor in config.sensors.items():
        at = ("sensors", name)
        if sensor.link not in config.links:
            raise document.error((*at, "link"), f"there is no link {sensor.link!r} under links")
        if sensor.room and sensor.room not in config.rooms:
            raise document.error((*at, "room"), f"there is no room {sensor.room!r} under rooms")
        mqtt = isinstance(config.links[sensor.link], MqttLinkConfig)
        if mqtt and not sensor.topic:
            raise document.error(at, f"needs a topic, because link {sensor.link} is a broker")
        if mqtt and ("#" in sensor.topic or "+" in sensor.topic or "\0" in sensor.topic):
            raise document.error((*at, "topic"), "must name one topic, without + or #")
        if not mqtt and sensor.topic:
            raise document.error((*at, "topic"), f"link {sensor.link} is a port and has no topics")
        if mqtt:
            key = (sensor.link, sensor.topic)
            if key in used:
                raise document.error(
                    (*at, "topic"), f"is also the topic of {used[key]}; one sensor, one topic"
                )
            used[key] = name
    for name, valve in config.valves.items():
        if not isinstance(config.links.get(valve.link), MqttLinkConfig):
            raise document.error(("valves", name, "link"), f"there is no broker {valve.link!r} under links")
        for source in valve.sources:
            if source not in config.sensors:
                raise document.error(("valves", name, "sources"), f"there is no sensor {source!r}")
