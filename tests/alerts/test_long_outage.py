"""A far end is away for 72 hours: does everything arrive afterwards, in order, once? Every channel kind.

What the far end holds after the outage is compared with what it holds where there never was one. Time
is moved by hand; the far ends are real servers on loopback.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from alerts.channels import CHANNELS, ChannelContext
from alerts.gate import Gate
from alerts.outbox import Outbox
from alerts.policy import Plan, Policy, Step
from alerts.route import Route
from core.clock import ManualClock
from core.config import InfluxConfig, MqttLinkConfig
from core.contracts import Sink
from core.model import HOUR, MINUTE, SECOND, Alert, AlertState, Severity, alert_id
from simulators.http_sink import HttpSink
from tests.alerts.channels.centre import Centre
from tests.alerts.channels.mail_server import MailServer
from tests.alerts.making import HOME
from tests.alerts.stub_http import StubServer, ok
from tests.broker import Broker, Listener, wait_for

START = 1_700_000_000 * SECOND
OUTAGE_H = 72
RARELY_H = 8  # where each try costs real time
GOOD: dict[str, Any] = {
    "webhook": {},
    "apprise": {},
    "wecom": {"errcode": 0, "errmsg": "ok"},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"code": 0, "msg": "success", "data": {}},
    "serverchan": {"code": 0, "message": "", "data": {"errno": 0}},
    "bark": {"code": 200, "message": "success"},
}


def life(every_h: int = 2) -> list[tuple[int, Alert]]:
    """Every so many hours an alert opens and, half an hour later, is over: (when, revision), for three days.

    Each day a little later, so that no two messages are alike.
    """
    out = []
    for n in range(OUTAGE_H // every_h):
        opened = START + n * (every_h * HOUR + MINUTE)
        name = alert_id("h", "smoke", "s1", opened)
        first = Alert(
            name, "smoke", Severity.ALARM, "s1", "kitchen", "wang", opened, opened, AlertState.OPEN, 1,
            {"why": "opened"},
        )  # fmt: skip
        over = opened + 30 * MINUTE
        last = replace(first, changed=over, state=AlertState.CLEARED, revision=2, evidence={"why": "cleared"})
        out += [(opened, first), (over, last)]
    return out


class FarEnd(Protocol):
    """Somewhere alerts arrive."""

    def fail(self) -> None: ...
    def mend(self) -> None: ...
    def held(self) -> list[Any]: ...
    def close(self) -> None: ...


class Web:
    """A web service; what it took is the bodies it answered well."""

    def __init__(self, kind: str) -> None:
        self._good = ok(json.dumps(GOOD[kind]).encode())
        self.server = StubServer(always=self._good)
        self._lost: list[int] = []

    def fail(self) -> None:
        self.server.always = "refuse"

    def mend(self) -> None:
        self.server.always = self._good

    def held(self) -> list[Any]:
        return [r.body for r in self.server.requests]

    def close(self) -> None:
        self.server.close()


class AlarmCentre:
    """A DC-09 receiver; silent lines hang up."""

    def __init__(self) -> None:
        self.centre = Centre()
        self._down = False
        self.centre.behaviour = lambda frame, n: b"hang up" if self._down else "ACK"
        self._kept: list[str] = []
        plain = self.centre.behaviour

        def keep(frame: Any, n: int) -> Any:
            said = plain(frame, n)
            if said == "ACK":
                self._kept.append(frame.data)
            return said

        self.centre.behaviour = keep

    def fail(self) -> None:
        self._down = True

    def mend(self) -> None:
        self._down = False

    def held(self) -> list[Any]:
        return list(self._kept)

    def close(self) -> None:
        self.centre.close()


@dataclass
class Case:
    """One run: a far end, the sink that speaks to it."""

    far: FarEnd
    sink: Sink


def run(case: Case, folder: Path, outage: bool, batch: int = 1, gated: bool = False) -> list[Any]:
    """Three days of alerts, with the far end away or not; what it holds at the end."""
    clock = ManualClock(START)
    outbox = Outbox(folder / f"alerts-{outage}.db")
    gate = None
    if gated:
        policy = Policy((Plan((Step(0, ("s",)),)),))
        gate = Gate("s", policy, outbox, HOME, clock)
    route = Route("s", case.sink, outbox, clock, batch=batch, order="severity", gate=gate)
    outbox.register("s")
    if outage:
        case.far.fail()
    for at, alert in life():
        clock.advance(at - clock.now())
        outbox.write([alert])
        route.nudge()
        _turns(route, clock, limit=1)
    if outage:
        assert outbox.backlog("s") == len(life()), "it took something while it was away"
    case.far.mend()
    clock.advance(HOUR)
    _turns(route, clock)
    assert outbox.backlog("s") == 0
    route.note()
    outbox.close()
    return case.far.held()


def _turns(route: Route, clock: ManualClock, limit: int = 100_000) -> None:
    """Step until there is nothing to do; with ``limit`` 1 without waiting for later tries."""
    for _ in range(100_000):
        due = route.step()
        if due is None or (limit == 1 and due > clock.now()):
            return
        clock.advance(max(0, due - clock.now()))
    raise AssertionError("never came to rest")


def context(clock: ManualClock | None = None, **links: Any) -> ChannelContext:
    return ChannelContext(HOME, "en", links, clock or ManualClock(START), name="s")


def http(kind: str, folder: Path) -> Case:
    far = Web(kind)
    secret = folder / "key"
    secret.write_text("the-key\n")
    secret.chmod(0o600)
    spec = CHANNELS[kind]
    where = f"http://127.0.0.1:{far.server.port}/x"
    if kind == "webhook":
        params = spec.params(url=where)
    elif kind == "apprise":
        pytest.importorskip("apprise")
        secret.write_text(where.replace("http", "json", 1) + "\n")
        params = spec.params(urls_file=secret)
    else:
        params = spec.params(key_file=secret, base_url=where)
    made = spec.make(params, _Moving())
    return Case(far, made)


class _Moving(ChannelContext):
    """A context whose clock leaps on: how quickly a robot may be told is another test."""

    def __init__(self) -> None:
        super().__init__(HOME, "en", {}, Leaping(), name="s")


class Leaping(ManualClock):
    """Each look at it is a minute later than the last."""

    def __init__(self) -> None:
        super().__init__(START)

    def now(self) -> int:
        self.advance(MINUTE)
        return super().now()


def stamped(body: bytes) -> bytes:
    """Without what says when it was sent: that is different each time."""
    return re.sub(rb'"timestamp": ?"?\d+"?', b"", body)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_web_service_gets_all_of_it_in_order_once(kind: str, tmp_path: Path) -> None:
    held = []
    for outage in (False, True):
        case = http(kind, tmp_path)
        held.append([stamped(b) for b in run(case, tmp_path, outage)])
        case.far.close()
    assert held[1] == held[0]
    assert len(set(held[0])) == len(life()), "the messages can be told apart"


def test_a_gate_in_between_changes_nothing(tmp_path: Path) -> None:
    """With a policy each cause rings once in ten minutes: here they are two hours apart."""
    case = http("webhook", tmp_path)
    held = run(case, tmp_path, True, gated=True)
    case.far.close()
    said = [(json.loads(b)["id"], json.loads(b)["revision"]) for b in held]
    assert said == sorted(set(said), key=said.index)
    assert {i for i, _ in said} <= {a.id for _, a in life()}


def test_an_alarm_centre_gets_all_of_it_in_order_once(tmp_path: Path) -> None:
    held = []
    for outage in (False, True):
        far = AlarmCentre()
        spec = CHANNELS["sia_dc09"]
        sink = spec.make(spec.params(receivers=(far.centre.where,), account="1234", timeout_s=1.0), context())
        held.append(run(Case(far, sink), tmp_path, outage))
        sink.close()
        far.close()
    assert held[1] == held[0]
    assert len(held[0]) == len(life())


class Influx:
    """An InfluxDB that is away (503), then takes everything."""

    def __init__(self) -> None:
        self.server = HttpSink()
        self.server.__enter__()

    def fail(self) -> None:
        self.server.usual = 503

    def mend(self) -> None:
        self.server.usual = 204

    def held(self) -> list[Any]:
        return [line for body in self.server.bodies for line in body.decode().splitlines()]

    def close(self) -> None:
        self.server.__exit__(None, None, None)


def test_influxdb_gets_all_of_it_in_order_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import influxdb_client  # noqa: F401  # heavy: not within the time-outs

    import store.influx as influx

    monkeypatch.setattr(influx, "RETRY_FIRST_S", 0.01)
    held = []
    for outage in (False, True):
        far = Influx()
        settings = InfluxConfig(url=far.server.url, bucket="b", org="o", telemetry=False)
        sink = influx.InfluxSink("h", settings, {}, timeout_s=0.5, whole_timeout_s=0.2)
        held.append(run(Case(far, sink), tmp_path, outage, batch=100))
        sink.close()
        far.close()
    assert held[1] == held[0]
    assert len(held[0]) >= len(life())


class Post:
    """A mail server that is away (it answers 421), then takes everything."""

    def __init__(self) -> None:
        self.server = MailServer()

    def fail(self) -> None:
        self.server.say = lambda line: "421 away"

    def mend(self) -> None:
        self.server.say = lambda line: None

    def held(self) -> list[Any]:
        found = []
        for to, letter in self.server.letters:
            heads = re.findall(r"^(?:Message-ID|Subject): .*$", letter, re.MULTILINE | re.IGNORECASE)
            found.append((to, sorted(h.strip() for h in heads)))
        return found

    def close(self) -> None:
        self.server.__exit__()


def test_a_mail_server_gets_all_of_it_in_order_once(tmp_path: Path) -> None:
    held = []
    for outage in (False, True):
        far = Post()
        spec = CHANNELS["email"]
        params = spec.params(
            host="127.0.0.1",
            port=far.server.port,
            security="none",
            sender="a@example.org",
            to=("b@example.org",),
        )
        sink = spec.make(params, _Moving())
        held.append(run(Case(far, sink), tmp_path, outage))
        sink.close()
        far.close()
    assert held[1] == held[0]
    assert len({str(x) for x in held[0]}) == len(life())


@pytest.fixture
def link(mosquitto: Broker) -> MqttLinkConfig:
    return MqttLinkConfig(type="mqtt", host=mosquitto.host, port=mosquitto.port)


class Topic:
    """A broker that is stopped, then back; what its subscribers heard on one topic."""

    def __init__(self, broker: Broker, topic: str, of: Callable[[dict[str, Any]], Any]) -> None:
        self._broker, self._topic, self._of = broker, topic, of
        self._ear: Listener | None = Listener(broker, topic)

    def fail(self) -> None:
        assert self._ear is not None
        self._ear.close()
        self._broker.stop()

    def mend(self) -> None:
        if self._broker.pid is None:
            self._broker.restart()
            self._ear = Listener(self._broker, self._topic)

    def held(self) -> list[Any]:
        assert self._ear is not None
        ear = self._ear
        wait_for(lambda: len(ear.messages) >= len(life(RARELY_H)))
        return [self._of(json.loads(p)) for _, p, _ in ear.messages]

    def close(self) -> None:
        assert self._ear is not None
        self._ear.close()


def _key(said: dict[str, Any]) -> tuple[str, int]:
    return (said["id"], said["revision"])


@pytest.mark.parametrize(
    ("kind", "topic", "options", "of"),
    [
        ("mqtt", "hearthwatch/h/alert", {}, _key),
        ("home_assistant", "hearthwatch/h/ha/event", {}, _key),
        ("in_home", "home/speaker", {"topic": "home/speaker"}, lambda said: (said["alert"], said["over"])),
    ],
)
def test_a_broker_gets_all_of_it_in_order_once(
    mosquitto: Broker,
    link: MqttLinkConfig,
    tmp_path: Path,
    kind: str,
    topic: str,
    options: dict[str, Any],
    of: Any,
) -> None:
    far = Topic(mosquitto, topic, of)
    spec = CHANNELS[kind]
    sink = spec.make(spec.params(link="broker", timeout_s=3.0, **options), context(broker=link))
    try:
        held = _patient(far, sink, tmp_path)
    finally:
        sink.close()
        far.close()
    wanted: Sequence[Any] = [(a.id, a.revision) for _, a in life(RARELY_H)]
    if kind == "in_home":
        wanted = [(a.id, a.state is AlertState.CLEARED) for _, a in life(RARELY_H)]
    assert held == wanted


def _patient(far: Topic, sink: Sink, folder: Path) -> list[Any]:
    """The same run; when the broker is back, the client needs a moment of real time to find it."""
    clock, outbox = ManualClock(START), Outbox(folder / "alerts.db")
    route = Route("s", sink, outbox, clock)
    outbox.register("s")
    far.fail()
    for i, (at, alert) in enumerate(life(RARELY_H)):
        clock.advance(at - clock.now())
        outbox.write([alert])
        route.nudge()
        if (
            i % 16 == 0
        ):  # each try waits its real time for the broker, and a short time is no time on a busy machine
            _turns(route, clock, limit=1)
    assert outbox.backlog("s") == len(life(RARELY_H))
    far.mend()

    def all_gone() -> bool:
        clock.advance(HOUR)
        _turns(route, clock, limit=1)
        route.note()
        return outbox.backlog("s") == 0

    wait_for(all_gone, 40)
    outbox.close()
    return far.held()


def test_every_channel_kind_is_covered() -> None:
    covered = {*GOOD, "sia_dc09", "mqtt", "home_assistant", "in_home", "email", "log"}
    assert set(CHANNELS) == covered, "a new kind of channel needs a line in here"
