"""What will run? The whole graph from a configuration, without opening a port.

``plan`` checks everything that needs the tables of devices, detectors and channels, with the file and
line of each mistake; ``make_pipeline`` builds the pure middle from it. ``hearthwatch check`` prints it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerts.book import AlertBook
from alerts.channels import CHANNELS
from alerts.settings import BookSettings
from core.config import Config, ConfigError, Document, MqttLinkConfig, SerialLinkConfig, load
from core.contracts import DetectorSpec, Driver, DriverSpec, Line
from core.model import SECOND, Home, Packet, Sensor
from core.watch import Watch
from detectors import DETECTORS
from devices import DRIVERS
from devices.kinds import SWITCHED
from gateway import lifetime
from gateway.answering import check_answers
from gateway.commands import command_topic, parse_command
from gateway.guard import Guard
from gateway.heartbeat import address_of
from gateway.pipeline import Pipeline
from gateway.question import Signs
from gateway.radar_cfg import with_files

KINDS = frozenset(SWITCHED) | {"fall", "vitals", "climate", "meter", "siren"}
"""What a sensor may be used as. A kind nobody knows would be a sensor nobody understands."""

COMMAND_BAUD = 115200  # of a TI radar's command port
SENSOR_OPTIONS = frozenset({"outer", "power", "silent_after_s", "replace_by"})
"""Options any sensor may have: is it an outer door, mains or battery, how long may it be silent, the date
printed on it."""


@dataclass(frozen=True, slots=True)
class DriverPlan:
    """One driver instance: the sensors of one device on one link."""

    link: str
    spec: DriverSpec
    sensors: tuple[Sensor, ...]

    @property
    def name(self) -> str:
        return f"{self.link}/{self.spec.name}"


@dataclass(frozen=True, slots=True)
class DetectorPlan:
    """One detector and its checked settings."""

    spec: DetectorSpec
    params: Any


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """One channel and its checked settings."""

    name: str
    type: str
    params: Any
    from_severity: str
    discreet: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will run, checked."""

    config: Config
    home: Home
    drivers: tuple[DriverPlan, ...]
    detectors: tuple[DetectorPlan, ...]
    channels: tuple[ChannelPlan, ...]
    book: BookSettings = field(default_factory=BookSettings)
    lines: dict[str, Line] = field(default_factory=dict)
    config_hash: str = ""

    @property
    def lateness(self) -> int:
        """How long readings may trail their arrival, ns: the largest of the links."""
        return round(max((x.lateness_s for x in self.config.links.values()), default=2.0) * SECOND)

    @property
    def state_dir(self) -> Path:
        return self.config.store.state_dir


def plan(path: Path | str) -> Plan:
    """The checked plan of a configuration file. Raises ConfigError."""
    config, document = load(path)
    home = with_files(config.as_home(), config, document)
    lifetime.check(config, document)
    detectors = _detectors(config, document)
    book: BookSettings = document.validate(BookSettings, config.alerts, ("alerts",))
    for name in sorted(book.policy.channels()) if book.policy is not None else ():
        if name not in config.channels:
            raise document.error(("alerts", "policy"), f"there is no channel {name!r} under channels")
    for name in book.daily.channels if book.daily is not None else ():
        if name not in config.channels:
            raise document.error(
                ("alerts", "daily", "channels"), f"there is no channel {name!r} under channels"
            )
    try:
        address_of(config.heartbeat)
    except ValueError as error:
        raise document.error(("heartbeat",), str(error)) from None
    check_answers(config, document)
    return Plan(
        config=config,
        home=home,
        drivers=_drivers(config, document, home),
        detectors=detectors,
        channels=_channels(config, document),
        book=book,
        lines=_lines(config, document),
        config_hash=fingerprint(home, detectors),
    )


def plan_for(home: Home) -> Plan:
    """The plan for a home known only by its facts (a foreign log): all detectors, default settings."""
    detectors = tuple(DetectorPlan(spec, spec.params()) for spec in DETECTORS.values())
    config = Config.model_validate({"home": {"id": home.id}, "links": {}, "sensors": {}})
    return Plan(config, home, (), detectors, (), config_hash=fingerprint(home, detectors))


def fingerprint(home: Home, detectors: tuple[DetectorPlan, ...]) -> str:
    """Does a snapshot belong to this home and these settings? Same facts, same text."""
    facts = [
        home.id,
        home.zone,
        sorted((s.id, s.device, s.link, s.room, s.kind, s.address) for s in home.sensors.values()),
        sorted((r.id, r.kind) for r in home.rooms.values()),
        sorted(r.id if r.watch == Watch() else f"{r.id} {r.watch!r}" for r in home.residents),
        [(d.spec.name, repr(d.params)) for d in detectors],
    ]
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


def _drivers(config: Config, document: Document, home: Home) -> tuple[DriverPlan, ...]:
    groups: dict[tuple[str, str], list[Sensor]] = {}
    for name, sensor in home.sensors.items():
        at = ("sensors", name)
        spec = DRIVERS.get(sensor.device)
        if spec is None:
            close = _closest(sensor.device, DRIVERS)
            raise document.error(
                (*at, "device"), f"no device is called {sensor.device!r}{close}; see `hearthwatch devices`"
            )
        if sensor.kind and sensor.kind not in KINDS:
            raise document.error(
                (*at, "kind"),
                f"no kind is called {sensor.kind!r}{_closest(sensor.kind, KINDS)}; there are: "
                + ", ".join(sorted(KINDS)),
            )
        link = config.links[sensor.link]
        wanted = "mqtt" if isinstance(link, MqttLinkConfig) else "serial"
        if spec.transport != wanted:
            raise document.error(
                (*at, "link"),
                f"{sensor.device} speaks over {spec.transport}, but link {sensor.link} is {wanted}",
            )
        for option in sensor.options:
            if option not in spec.options and option not in SENSOR_OPTIONS:
                known = ", ".join(sorted({*spec.options, *SENSOR_OPTIONS}))
                raise document.error(
                    (*at, "options", option), f"{sensor.device} has no such option; it has: {known}"
                )
        if wanted == "serial":
            others = [d for (other, d) in groups if other == sensor.link and d != sensor.device]
            if others:
                raise document.error(
                    (*at, "link"), f"port {sensor.link} already holds a {others[0]}; one port, one device"
                )
        groups.setdefault((sensor.link, sensor.device), []).append(sensor)
    plans = []
    for (link_name, device), sensors in groups.items():
        made = DriverPlan(link_name, DRIVERS[device], tuple(sensors))
        try:
            made.spec.make(made.sensors)
        except ValueError as error:
            raise document.error(("sensors", sensors[0].id), str(error)) from None
        plans.append(made)
    return tuple(plans)


def _lines(config: Config, document: Document) -> dict[str, Line]:
    lines = {}
    for sensor in config.sensors.values():
        link = config.links[sensor.link]
        spec = DRIVERS[sensor.device]
        if isinstance(link, SerialLinkConfig):
            line = spec.line or Line(9600)
            lines[sensor.link] = Line(link.baud or line.baud, line.parity, line.stop_bits)
    for name, sensor in config.sensors.items():
        other = sensor.options.get("command_link")
        if other:
            port = config.links.get(str(other))
            if not isinstance(port, SerialLinkConfig):
                raise document.error(
                    ("sensors", name, "options", "command_link"), f"there is no port {other!r} under links"
                )
            lines[str(other)] = Line(port.baud or COMMAND_BAUD)
    return lines


def _detectors(config: Config, document: Document) -> tuple[DetectorPlan, ...]:
    for name in config.detectors:
        if name not in DETECTORS:
            raise document.error(
                ("detectors", name),
                f"no detector is called {name!r}{_closest(name, DETECTORS)}; there are: "
                + ", ".join(DETECTORS),
            )
    plans = []
    for name, spec in DETECTORS.items():
        settings = config.detectors.get(name) or {}
        params = document.validate(spec.params, settings, ("detectors", name))
        try:
            spec.make(params, config.as_home())
        except ValueError as error:
            raise document.error(("detectors", name), str(error)) from None
        plans.append(DetectorPlan(spec, params))
    return tuple(plans)


def _channels(config: Config, document: Document) -> tuple[ChannelPlan, ...]:
    plans = []
    for name, channel in config.channels.items():
        at = ("channels", name)
        spec = CHANNELS.get(channel.type)
        if spec is None:
            raise document.error(
                (*at, "type"),
                f"no channel is called {channel.type!r}{_closest(channel.type, CHANNELS)}; there are: "
                + ", ".join(CHANNELS),
            )
        params = document.validate(spec.params, channel.options, (*at, "options"))
        link = getattr(params, "link", None)
        if link is not None and not isinstance(config.links.get(link), MqttLinkConfig):
            raise document.error((*at, "options", "link"), f"there is no broker called {link!r} under links")
        plans.append(ChannelPlan(name, channel.type, params, channel.from_severity, channel.discreet))
    return tuple(plans)


def _closest(word: str, known: Any) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def topics(plan_: Plan, link: str, drivers: list[tuple[str, Driver]]) -> list[str]:
    """Which topic filters must this broker link subscribe to?"""
    wanted = {t for name, driver in drivers if name.split("/", 1)[0] == link for t in driver.topics()}
    wanted |= {v.confirm_topic for v in plan_.config.valves.values() if v.link == link}
    return [*sorted(wanted), command_topic(plan_.home.id)]


def make_pipeline(plan_: Plan) -> Pipeline:
    """The pure middle, new and cold."""
    home = plan_.home

    def guard(detector: DetectorPlan) -> Guard:
        return Guard(detector.spec.name, lambda: detector.spec.make(detector.params, home))

    topic = command_topic(home.id)
    policy = plan_.book.policy

    def commands(packet: Packet) -> Any:
        return parse_command(packet) if packet.channel == topic else None

    return Pipeline(
        home=home,
        drivers=[(d.name, d.spec.make(d.sensors)) for d in plan_.drivers],
        prompt=[guard(d) for d in plan_.detectors if d.spec.prompt],
        patient=[guard(d) for d in plan_.detectors if not d.spec.prompt],
        make_book=lambda: AlertBook(home, plan_.book),
        lateness=plan_.lateness,
        commands=commands,
        prompt_kinds=frozenset(k for d in plan_.detectors if d.spec.prompt for k in d.spec.kinds),
        signs=Signs(home, policy) if policy is not None and policy.asking else None,
    )


__all__ = ["ConfigError", "Plan", "make_pipeline", "plan", "plan_for", "topics"]
