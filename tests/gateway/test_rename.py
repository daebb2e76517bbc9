"""Is a Zigbee sensor followed when it is renamed, told when it is gone, and is a replay the same?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Mark, Packet, Sensor
from core.quantity import Quantity as Q
from devices.zigbee2mqtt import SPEC
from gateway import build, canonical
from gateway.replay import replay_packets
from gateway.routes import Routes
from ingest.recording import RecordingReader
from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config

T = 1_800_000_000 * SECOND
BASE = "zigbee2mqtt"


def inventory(**names: str) -> bytes:
    """``ieee="name"`` pairs as the bridge tells them."""
    devices: list[dict[str, Any]] = [{"ieee_address": i, "friendly_name": n} for i, n in names.items()]
    return json.dumps(devices).encode()


class Home:
    """A driver behind its routes, as the pipeline has it."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.sensors = [
            Sensor(n, "zigbee2mqtt", "b", kind="smoke", address=f"{BASE}/{n}", options=options) for n in names
        ]
        self.driver = SPEC.make(self.sensors)
        self.routes = Routes([("b/zigbee2mqtt", self.driver)])
        self.t = T

    def say(self, topic: str, data: bytes, mark: Mark = Mark.DATA) -> dict[tuple[str, Q], Any]:
        self.t += SECOND
        out = {}
        for driver in self.routes.resolve("b", f"{BASE}/{topic}"):
            for r in driver.feed(Packet("b", f"{BASE}/{topic}", self.t, data, mark)):
                out[r.source, r.quantity] = r.value
        return out

    def bridge(self, **names: str) -> dict[tuple[str, Q], Any]:
        return self.say("bridge/devices", inventory(**names), Mark.RETAINED)


SMOKE = b'{"smoke":true}'


def test_a_renamed_sensor_is_heard_under_its_new_name_and_only_there() -> None:
    home = Home("hall")
    home.bridge(x1="hall", x2="other")
    assert home.bridge(x1="upstairs/landing", x2="hall") == {}  # and another one took its name
    assert home.say("hall", SMOKE) == {}
    assert home.say("upstairs/landing", SMOKE) == {("hall", Q.SMOKE): 1}
    assert home.say("upstairs/landing/availability", b"offline") == {("hall", Q.AVAILABLE): 0}
    home.bridge(x1="hall", x2="other")  # and back
    assert home.say("upstairs/landing", SMOKE) == {}
    assert home.say("hall", SMOKE)["hall", Q.SMOKE] == 1


def test_two_sensors_that_exchange_their_names_are_each_followed() -> None:
    home = Home("a", "b")
    home.bridge(x1="a", x2="b")
    home.bridge(x1="b", x2="a")
    assert home.say("a", SMOKE) == {("b", Q.SMOKE): 1}
    assert home.say("b", SMOKE) == {("a", Q.SMOKE): 1}


def test_a_removed_sensor_is_unknown_and_a_new_one_under_its_name_takes_its_place() -> None:
    home = Home("hall")
    home.bridge(x1="hall")
    assert home.bridge(x2="other") == {("hall", Q.AVAILABLE): 0}
    assert home.driver.where()["hall"] == ("", "x1")  # type: ignore[attr-defined]
    assert home.bridge(x9="hall") == {}
    assert home.say("hall", SMOKE)["hall", Q.SMOKE] == 1
    home.bridge(x9="moved")
    assert home.say("moved", SMOKE)["hall", Q.SMOKE] == 1


def test_what_is_written_in_the_configuration_or_was_learnt_before_is_followed_from_the_start() -> None:
    written = Home("hall", ieee="x1")
    written.bridge(x1="renamed meanwhile")
    assert written.say("renamed meanwhile", SMOKE) == {("hall", Q.SMOKE): 1}
    reminded = Home("hall")
    reminded.say("hall/ieee", b"x1", Mark.RETAINED)
    reminded.bridge(x1="renamed meanwhile")
    assert reminded.say("renamed meanwhile", SMOKE) == {("hall", Q.SMOKE): 1}


@given(
    st.lists(
        st.dictionaries(st.sampled_from("pqrs"), st.sampled_from("abcde"), max_size=4), min_size=1, max_size=6
    )
)
def test_hardware_is_followed_through_any_renames(moves: list[dict[str, str]]) -> None:
    """A plain model: a sensor is where its hardware is; without it, where its name is."""
    home = Home("a", "b")
    ieee: dict[str, str] = {}
    for names in moves:
        unique = {i: n for i, n in names.items() if list(names.values()).count(n) == 1}
        home.bridge(**unique)
        at = {n: i for i, n in unique.items()}
        place: dict[str, str] = {}
        for sensor in "ab":
            now = unique.get(ieee.get(sensor, ""), sensor)
            if now in at:
                ieee[sensor] = at[now]
                place[sensor] = now
        told = home.driver.where()  # type: ignore[attr-defined]
        for sensor, now in place.items():
            assert told[sensor] == (f"{BASE}/{now}", ieee[sensor])
            if list(place.values()).count(now) == 1:
                assert (sensor, Q.SMOKE) in home.say(now, SMOKE)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"nonsense", b'[{"friendly_name":"hall"}]', b"[null, 3]"]
)
def test_a_bad_inventory_moves_nobody(data: bytes) -> None:
    home = Home("hall")
    home.bridge(x1="hall")
    home.say("bridge/devices", data)
    assert home.say("hall", SMOKE)["hall", Q.SMOKE] == 1
    home.say("hall/ieee", b"\xff\xfe" + b"x" * 100)
    assert home.say("hall", SMOKE)["hall", Q.SMOKE] == 1


def test_a_rename_is_followed_live_told_and_replayed(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, mosquitto, ["smoke_hall:smoke", "water:water"])
    publish(mosquitto, [(f"{BASE}/bridge/state", b'{"state":"online"}')], retain=True)
    names = {"x1": "smoke_hall", "x2": "water"}

    def tell(**now: str) -> None:
        publish(mosquitto, [(f"{BASE}/bridge/devices", inventory(**now))], retain=True)

    tell(**names)
    with Running(config, "--record", str(tmp_path / "run.jsonl")) as gateway:
        gateway.armed().subscribed()

        def alerts() -> dict[tuple[str, str], str]:
            return {
                (a["kind"], a["source"]): a["evidence"].get("stage", "") for a in gateway.status()["alerts"]
            }

        wait_for(lambda: (tmp_path / "state" / "zigbee.json").exists(), 15)
        tell(x1="new name")
        wait_for(lambda: ("inventory_change", "smoke_hall") in alerts(), 15)
        assert alerts()["inventory_change", "smoke_hall"] == "renamed"
        assert alerts()["inventory_change", "water"] == "removed"
        wait_for(lambda: ("sensor_silent", "water") in alerts(), 15)
        publish(mosquitto, [(f"{BASE}/new name", SMOKE)])
        wait_for(lambda: ("smoke", "smoke_hall") in alerts(), 10)
        publish(mosquitto, [(f"{BASE}/new name", b'{"smoke":false}')])
        wait_for(lambda: ("smoke", "smoke_hall") not in alerts(), 10)
        assert gateway.stop() == 0
    with Running(
        config, "--record", str(tmp_path / "again.jsonl")
    ) as gateway:  # a restart knows the hardware
        gateway.armed().subscribed()
        publish(mosquitto, [(f"{BASE}/new name", SMOKE)])
        wait_for(lambda: ("smoke", "smoke_hall") in alerts(), 15)
        tell(**names)
        wait_for(lambda: ("inventory_change", "smoke_hall") not in alerts(), 15)
        assert gateway.stop() == 0
    live = canonical.lines(canonical.from_packets(kept(config)))
    for name in ("run", "again"):
        packets = list(RecordingReader(tmp_path / f"{name}.jsonl").packets())
        runs = []
        for chunk in (1, 50, 0):
            played = replay_packets(
                build.make_pipeline(build.plan(config)), iter(packets), chunk or len(packets)
            )
            runs.append(canonical.lines(canonical.from_packets(played.alerts)))
        assert runs[0] == runs[1] == runs[2]
        smoke = [x for x in runs[0] if '"kind": "smoke"' in x]
        assert smoke, "the reminder of the hardware address is not in the recording"
        if name == "run":
            assert set(smoke) <= set(live)
