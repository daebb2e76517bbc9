"""The chain in a real gateway beside a real broker: question, drill, valve, heartbeat, daily test, summary."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.clock import SystemClock
from core.model import Severity
from gateway import build, canonical
from gateway.drill import Drill
from gateway.heartbeat import FarWatch
from gateway.replay import replay_packets
from ingest.formats import open_log
from tests.broker import Broker, Listener, publish, wait_for
from tests.gateway.harness import Running, kept, write_config

COMMAND = "hearthwatch/test-home/command"
ALARM = b'{"gas":true,"battery":100,"linkquality":80}'
POLICY = """
channels:
  speaker: {type: in_home, options: {link: broker, topic: home/speaker}}
  phone: {type: mqtt, options: {link: broker, prefix: phone}}
  log: {type: log}
alerts:
  policy:
    plans:
      - severities: [alarm, warning]
        steps: [{after_s: 0, to: [speaker], ask: true}, {after_s: 2, to: [phone]}]
        repeat_s: 600
"""
VALVE = """
valves:
  kitchen: {link: broker, topic: valve/set, payload: CLOSE, confirm_topic: valve, confirm: "OFF", confirm_key: state, within_s: 1}
"""


class Far:
    """A dead-man service that counts, and can be told to fail."""

    def __init__(self) -> None:
        self.calls, self.code = 0, 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.calls += 1
                self.send_response(outer.code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-token"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def far() -> Iterator[Far]:
    made = Far()
    yield made
    made.close()


def heard(ear: Listener, topic: str) -> list[Any]:
    return [json.loads(p) if p[:1] == b"{" else p for t, p, _ in ear.messages if t == topic]


def test_a_drill_reaches_the_speaker_then_the_phone_and_says_so(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, mosquitto, ["radar:fall:bathroom"], POLICY)
    with Running(config) as gateway, Listener(mosquitto, "#") as ear:
        gateway.armed().subscribed()
        drill = Drill(build.plan(config), "fall", Severity.ALARM, "Li")
        assert drill.expected == ("speaker", "log", "phone")
        told: list[str] = []
        drill.run(0, lambda name, after_s: told.append(name))
        assert drill.missed == []
        assert set(told[:2]) == {"speaker", "log"}
        assert told[2] == "phone"
        assert drill.reached["phone"] >= 2.0
        asked = heard(ear, "home/speaker")[0]
        assert asked["question"] is True
        assert asked["say"].startswith("Are you all right?")
        phone = heard(ear, "phone/test-home/alert")[0]
        assert (phone["severity"], phone["evidence"]["test"], phone["evidence"]["drill"]) == (
            "info",
            True,
            "alarm",
        )
        assert phone["title"].startswith("TEST")
        wait_for(lambda: not gateway.status()["alerts"])
        assert gateway.stop() == 0


def test_who_answers_at_home_stops_the_ladder_before_anybody_outside_is_told(
    mosquitto: Broker, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path, mosquitto, ["radar:fall:bathroom"], POLICY.replace("after_s: 2", "after_s: 5")
    )
    with Running(config) as gateway, Listener(mosquitto, "#") as ear:
        gateway.armed().subscribed()
        drill = Drill(build.plan(config), "fall", Severity.ALARM, "Li")

        def answer() -> None:
            wait_for(lambda: heard(ear, "home/speaker"))
            asked = heard(ear, "home/speaker")[0]
            publish(mosquitto, [(asked["answer_topic"], json.dumps(asked["yes"]).encode())])

        person = threading.Thread(target=answer)
        person.start()
        drill.run(0, lambda *_: None)
        person.join()
        assert drill.answer["word"] == "all_right"
        assert "phone" not in drill.reached
        assert heard(ear, "phone/test-home/alert") == []
        assert gateway.stop() == 0


@pytest.mark.slow
def test_a_ladder_goes_on_after_a_kill_where_it_was(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(
        tmp_path, mosquitto, ["radar:fall:bathroom"], POLICY.replace("after_s: 2", "after_s: 5")
    )
    with Listener(mosquitto, "#") as ear:
        with Running(config) as gateway:
            gateway.armed().subscribed()
            publish(mosquitto, [(COMMAND, b'{"drill": "fall", "severity": "alarm", "by": "Li"}')])
            wait_for(lambda: heard(ear, "home/speaker"))
            gateway.kill()
        assert heard(ear, "phone/test-home/alert") == []
        with Running(config) as again:
            again.armed()
            wait_for(lambda: heard(ear, "phone/test-home/alert"), 20)
            told = heard(ear, "phone/test-home/alert")[0]
            assert (told["revision"], told["evidence"]["why"]) == (2, "again")
            late_s = (told["changed"] - told["opened"]) / 1e9
            assert late_s >= 5.0, "the step came at its time, or as soon as somebody ran again"
            assert len(heard(ear, "home/speaker")) == 1, "nobody was asked twice"
            assert again.stop() == 0


def _steps(gateway: Running) -> list[str]:
    return [
        step["word"]
        for a in gateway.status()["alerts"]
        if a["kind"] == "gas"
        for step in a["evidence"].get("done", [])
    ]


def test_a_gas_alarm_closes_the_valve_once_and_is_confirmed(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, mosquitto, ["gas_kitchen:gas"], VALVE)
    with Listener(mosquitto, "valve/set") as ear:
        with Running(config) as gateway:
            gateway.armed().subscribed()
            publish(mosquitto, [("zigbee2mqtt/gas_kitchen", ALARM)] * 8)
            wait_for(lambda: _steps(gateway) == ["valve_closing"])
            publish(mosquitto, [("valve", b'{"state":"ON"}'), ("valve", b'{"state":"OFF"}')])
            wait_for(lambda: _steps(gateway) == ["valve_closing", "valve_closed"])
            gateway.kill()
        with Running(config) as again:  # the alarm is still open; it was acted on
            again.armed().subscribed()
            publish(mosquitto, [("zigbee2mqtt/gas_kitchen", ALARM)])
            wait_for(lambda: again.status()["duties"]["valves"]["kitchen"]["acts"])
            wait_for(lambda: again.status()["counts"]["packets"] >= 2)
            assert again.stop() == 0
        assert [p for _, p, _ in ear.messages] == [b"CLOSE"]
    life = [a for a in kept(config) if a.kind == "gas"]
    assert [a.evidence["why"] for a in life][:3] == ["opened", "noted", "noted"]


def test_a_replay_tells_the_same_story_and_moves_nothing(mosquitto: Broker, tmp_path: Path) -> None:
    """Drill, answer at home, valve: all of it follows from the recorded packets, byte for byte."""
    sensors = ["gas_kitchen:gas", "radar:fall:bathroom", "button:button:hall", "eye:motion:living"]
    config = write_config(tmp_path, mosquitto, sensors, POLICY.replace("after_s: 2", "after_s: 30") + VALVE)
    recording = tmp_path / "recording.jsonl"
    with Listener(mosquitto, "valve/set") as ear:
        with Running(config, "--record", str(recording)) as gateway:
            gateway.armed().subscribed()
            publish(mosquitto, [(COMMAND, b'{"drill": "fall", "severity": "alarm", "by": "Li"}')])
            wait_for(lambda: "drill" in [a["source"] for a in gateway.status()["alerts"]])
            publish(mosquitto, [("zigbee2mqtt/button", b'{"action":"single","linkquality":80}')])
            wait_for(lambda: "acknowledged" in [a["state"] for a in gateway.status()["alerts"]])
            publish(mosquitto, [("zigbee2mqtt/gas_kitchen", ALARM)])
            wait_for(lambda: _steps(gateway) == ["valve_closing"])
            publish(mosquitto, [("valve", b'{"state":"OFF"}')])
            wait_for(lambda: _steps(gateway) == ["valve_closing", "valve_closed"])
            assert gateway.stop() == 0
        live = canonical.lines(canonical.from_packets(kept(config)))
        for chunk in (1, 0):
            packets = open_log(recording).packets()
            replayed = replay_packets(build.make_pipeline(build.plan(config)), packets, chunk).alerts
            assert canonical.lines(canonical.from_packets(replayed)) == live
        assert any('"word": "all_right"' in line for line in live)
        assert any('"word": "valve_closed"' in line for line in live)
        assert [p for _, p, _ in ear.messages] == [b"CLOSE"]


def test_a_valve_that_does_not_confirm_is_a_trouble_until_it_does(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, mosquitto, ["gas_kitchen:gas"], VALVE)
    with Running(config) as gateway:
        gateway.armed().subscribed()
        publish(mosquitto, [("zigbee2mqtt/gas_kitchen", ALARM)])
        wait_for(lambda: "valve_fault" in [a["kind"] for a in gateway.status()["alerts"]])
        assert _steps(gateway) == ["valve_closing", "valve_failed"]
        publish(mosquitto, [("valve", b'{"state":"OFF"}')])
        wait_for(lambda: "valve_fault" not in [a["kind"] for a in gateway.status()["alerts"]])
        assert gateway.stop() == 0


@pytest.mark.parametrize(
    ("retain", "payload"),
    [
        (True, ALARM),
        (False, b'{"gas":false,"linkquality":80}'),
        (False, b'{"gas":true,"test":true,"linkquality":80}'),
    ],
    ids=["found at connect", "no gas", "a test press"],
)
def test_only_a_real_alarm_moves_a_valve(
    mosquitto: Broker, tmp_path: Path, retain: bool, payload: bytes
) -> None:
    config = write_config(tmp_path, mosquitto, ["gas_kitchen:gas"], VALVE)
    if retain:
        publish(mosquitto, [("zigbee2mqtt/gas_kitchen", payload)], retain=True)
    with Running(config) as gateway, Listener(mosquitto, "valve/set") as ear:
        gateway.armed().subscribed()
        if not retain:
            publish(mosquitto, [("zigbee2mqtt/gas_kitchen", payload)])
        wait_for(lambda: gateway.status()["sensors"]["gas_kitchen"]["values"])
        publish(mosquitto, [("valve/set", b"the end")])  # what was sent before is heard before
        wait_for(lambda: ear.messages)
        assert [p for _, p, _ in ear.messages] == [b"the end"]
        assert gateway.stop() == 0


def test_the_broker_shows_alive_then_stopped_and_lost_after_a_kill(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, mosquitto, ["door:door"])
    with Listener(mosquitto, "hearthwatch/test-home/gateway") as ear:

        def last() -> str:
            return str(json.loads(ear.messages[-1][1])["state"]) if ear.messages else ""

        with Running(config) as gateway:
            gateway.armed().subscribed()
            wait_for(lambda: last() == "alive" and b"head" in ear.messages[-1][1])
            assert gateway.stop() == 0
        assert last() == "stopped"
        with Running(config) as gateway:
            gateway.armed().subscribed()
            wait_for(lambda: last() == "alive")
            gateway.kill()
        wait_for(lambda: last() == "lost", 20)


def test_the_far_watch_is_called_and_its_failure_is_a_trouble(
    mosquitto: Broker, tmp_path: Path, far: Far
) -> None:
    more = f"heartbeat: {{every_s: 1, url: '{far.url}', fail_after: 1, timeout_s: 1}}\n"
    config = write_config(tmp_path, mosquitto, ["door:door"], more)
    with Running(config) as gateway:
        gateway.armed()
        wait_for(lambda: far.calls == 1)
        far.code = 500
        wait_for(lambda: "heartbeat_fault" in [a["kind"] for a in gateway.status()["alerts"]], 15)
        assert "secret-token" not in json.dumps(gateway.status())
        far.code = 200
        wait_for(lambda: "heartbeat_fault" not in [a["kind"] for a in gateway.status()["alerts"]], 15)
        assert gateway.stop() == 0
        assert "secret-token" not in gateway.said()


def test_a_far_watch_that_hangs_delays_nothing() -> None:
    import socket

    with contextlib.closing(socket.socket()) as trap:  # accepts and never answers
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        watch = FarWatch(f"http://127.0.0.1:{trap.getsockname()[1]}/", "GET", 0.3)
        clock = SystemClock()
        began = clock.now()
        for _ in range(1000):
            watch.beat()
        assert clock.now() - began < 200_000_000
        assert watch.failed_in_a_row >= 998, "a call that never comes back is a failure too"
        wait_for(lambda: watch.failed >= 1)
        assert watch.reason
        watch.close()


@pytest.mark.slow
def test_the_daily_test_goes_through_every_channel_and_a_closed_one_is_a_trouble(
    mosquitto: Broker, tmp_path: Path
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    soon = datetime.fromtimestamp(SystemClock().now() / 1e9, zone) + timedelta(minutes=1)
    more = f"""
channels:
  good: {{type: mqtt, from_severity: alarm, options: {{link: broker, prefix: good}}}}
  bad: {{type: webhook, options: {{url: 'http://127.0.0.1:9/', timeout_s: 1}}}}
alerts:
  daily: {{test_at: "{soon:%H:%M}", summary_at: "{soon:%H:%M}", patience_s: 5}}
"""
    config = write_config(tmp_path, mosquitto, ["door:door"], more)
    with Running(config) as gateway, Listener(mosquitto, "good/#") as ear:
        gateway.armed()
        wait_for(lambda: heard(ear, "good/test-home/alert"), 70)
        assert [a["kind"] for a in heard(ear, "good/test-home/alert")] == ["test"], (
            "info is below alarm: only the test"
        )
        wait_for(lambda: gateway.status()["duties"]["daily"]["last_test"].get("missed") == ["bad"], 15)
        wait_for(
            lambda: (
                ("channel_fault", "channel:bad")
                in [(a["kind"], a["source"]) for a in gateway.status()["alerts"]]
            )
        )
        summaries = [a for a in gateway.status()["alerts"] if a["kind"] == "summary"]
        assert len(summaries) == 1
        gateway.kill()
    with Running(config) as again:  # a restart in the same minute repeats neither
        again.armed().subscribed()
        wait_for(lambda: again.status()["duties"]["heartbeat"]["beats"] >= 1)
        assert len([a for a in again.status()["alerts"] if a["kind"] == "test"]) == 1
        assert again.stop() == 0
