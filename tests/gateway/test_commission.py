"""Is a detector proven exactly when it was once seen to alarm live, and does that last?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from core.clock import ManualClock
from core.model import DAY, SECOND, AlertState, Block, Flag, Home, Packet, Reading, Room, Sensor
from core.quantity import Quantity
from gateway import build, canonical
from gateway.app import Gateway
from gateway.cli import app
from gateway.proof import FILE, GROUPS, Proofs, expected
from gateway.proof_duty import GRACE
from simulators.broker import free_port
from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import ROOT, Running, write_config

Q = Quantity
SENSORS = {
    "smoke": Sensor("smoke", "zigbee2mqtt", "b", "hall", "smoke", "z/smoke"),
    "gas": Sensor("gas", "zigbee2mqtt", "b", "hall", "gas", "z/gas"),
    "co_module": Sensor("co_module", "ze07_co", "p", "hall"),
    "unsaid": Sensor("unsaid", "zigbee2mqtt", "b", "hall", "", "z/unsaid"),
    "dual": Sensor("dual", "gira_dual", "q", "hall"),
    "door": Sensor("door", "zigbee2mqtt", "b", "hall", "door", "z/door"),
}
HOME = Home("h", rooms={"hall": Room("hall", "hall")}, sensors=SENSORS)


def said(source: str, quantity: Quantity, value: float, flags: int = 0, t: int = 7) -> Block:
    return Block.of([Reading(source, quantity, t, value, flags)])


def test_what_must_be_proven_follows_from_kind_and_device() -> None:
    assert {n: sorted(expected(s)) for n, s in SENSORS.items()} == {
        "smoke": ["smoke"], "gas": ["gas"], "co_module": ["co"], "unsaid": [], "dual": ["heat", "smoke"],
        "door": [],
    }  # fmt: skip
    rows = [{"quantity": "co_ppm", "register": 1}, {"quantity": "no such thing"}]
    assert expected(Sensor("m", "modbus_rtu", "p", options={"registers": rows})) == {"co"}


def test_a_detector_that_only_ever_says_no_stays_unproven(tmp_path: Path) -> None:
    """The gas detector that never reports gas."""
    proofs = Proofs(HOME, tmp_path)
    for t in range(1000):
        proofs.note([said("gas", Q.GAS, 0.0, t=t), said("gas", Q.BATTERY_PCT, 100.0, t=t)])
    assert "gas" in proofs.unproven()
    proofs.note([said("gas", Q.GAS, 1.0)])
    assert "gas" not in proofs.unproven()


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*SENSORS, "stranger"]),
            st.sampled_from([*GROUPS, Q.TEST, Q.MOTION, Q.BATTERY_PCT]),
            st.sampled_from([float("nan"), -1.0, 0.0, 0.5, 1.0, 2.9, 30.0, 1e6]),
            st.sampled_from([0, int(Flag.WEAK), int(Flag.TEST), int(Flag.RETAINED), 5]),
        )
    )
)
def test_only_a_live_alarm_value_proves(tmp_path_factory: pytest.TempPathFactory, rows: list[object]) -> None:
    proofs = Proofs(HOME, tmp_path_factory.mktemp("p"))
    expect: dict[str, set[str]] = {n: set(expected(s)) for n, s in SENSORS.items()}
    done: dict[str, set[str]] = {n: set() for n in SENSORS}
    for source, quantity, value, flags in rows:  # type: ignore[misc]
        proofs.note([said(source, quantity, value, flags)])
        if source not in SENSORS:
            continue
        group, least = GROUPS.get(quantity, ("", 1.0))
        if not SENSORS[source].kind and quantity in (Q.SMOKE, Q.HEAT, Q.GAS, Q.CO, Q.WATER):
            expect[source].add(group)
        if not flags & Flag.RETAINED and value >= least:
            done[source] |= expect[source] if quantity is Q.TEST else expect[source] & {group}
    assert {n: set(proofs.missing(n)) for n in SENSORS} == {n: expect[n] - done[n] for n in SENSORS}


def test_proofs_outlive_a_restart_but_not_another_sensor_under_the_name(tmp_path: Path) -> None:
    proofs = Proofs(HOME, tmp_path)
    proofs.begin(5)
    proofs.note([said("smoke", Q.SMOKE, 1.0, int(Flag.TEST), 9), said("unsaid", Q.WATER, 0.0)])
    proofs.save()
    again = Proofs(HOME, tmp_path)
    assert again.status() == proofs.status()
    assert again.status()["smoke"]["proven"]["smoke"] == {
        "t": 9,
        "quantity": "smoke",
        "value": 1.0,
        "how": "test",
    }
    assert again.missing("unsaid") == ["water"]
    assert again.enrolled("gas") == 5
    other = Home("h", sensors={**SENSORS, "smoke": Sensor("smoke", "zigbee2mqtt", "b", "", "smoke", "z/new")})
    assert "smoke" in Proofs(other, tmp_path).unproven()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1, "sensors": {"smoke": 3}}'])
def test_a_damaged_file_proves_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    proofs = Proofs(HOME, tmp_path)
    assert set(proofs.unproven()) == {"smoke", "gas", "co_module", "dual"}
    proofs.note([said("smoke", Q.SMOKE, 1.0)])
    proofs.save()
    assert "smoke" not in Proofs(HOME, tmp_path).unproven()


def test_a_block_of_many_is_looked_at_row_by_row(tmp_path: Path) -> None:
    proofs = Proofs(HOME, tmp_path)
    readings = [Reading("co_module", Q.CO_PPM, t, float(t), 0) for t in range(100)]
    proofs.note([Block.of(readings)])
    assert proofs.status()["co_module"]["proven"]["co"]["t"] == 30
    assert np.isfinite(proofs.status()["co_module"]["proven"]["co"]["value"])


def test_the_family_is_told_after_some_days_and_the_trouble_ends_with_the_proof(tmp_path: Path) -> None:
    text = (
        "home: {id: h}\nlinks: {b: {type: mqtt, port: %d}}\nrooms: {hall: {kind: hall}}\nsensors:\n"
        "  smoke: {device: zigbee2mqtt, link: b, topic: z/smoke, kind: smoke, room: hall}\n"
        "  water: {device: zigbee2mqtt, link: b, topic: z/water, kind: water, room: hall}\n"
        f"store: {{state_dir: {tmp_path / 'state'}}}\n"
    ) % free_port()
    (tmp_path / "c.yaml").write_text(text)
    clock = ManualClock(1_800_000_000 * SECOND)
    told = []

    def run(gateway: Gateway, span: int) -> None:
        clock.advance(span)
        for _ in range(6):  # a trouble waits for the next release, and the watermark for the lateness
            clock.advance(6 * SECOND)
            gateway.turn(0.0)

    def made() -> Gateway:
        return Gateway(
            build.plan(tmp_path / "c.yaml"), lambda start: clock, on_turn=lambda g, p, a: told.extend(a)
        )

    def unproven() -> dict[str, str]:
        last = {a.source: a for a in told if a.kind == "unproven"}
        return {n: str(a.state) for n, a in last.items()}

    os.environ["RUNTIME_DIRECTORY"] = str(tmp_path)
    try:
        gateway = made()
        run(gateway, SECOND)
        gateway.inbox.put(-1, Packet("b", "z/water", clock.now(), b'{"water_leak":true}'))
        run(gateway, SECOND)
        run(gateway, GRACE - DAY)
        assert unproven() == {}
        gateway.close()
        gateway = made()  # a restart neither forgets since when, nor tells twice
        run(gateway, DAY)
        assert unproven() == {"smoke": "open"}
        gateway.close()
        count = len(told)
        gateway = made()
        run(gateway, SECOND)
        assert [a for a in told[count:] if a.kind == "unproven"] == []
        run(gateway, 7 * DAY)
        assert len([a for a in told[count:] if a.kind == "unproven"]) == 1  # the weekly reminder
        gateway.inbox.put(-1, Packet("b", "z/smoke", clock.now(), b'{"smoke":true}'))
        run(gateway, SECOND)
        assert unproven() == {"smoke": str(AlertState.CLEARED)}
        assert gateway.unproven() == []
        gateway.close()
    finally:
        del os.environ["RUNTIME_DIRECTORY"]
    assert all(a.kind != "unproven" for a in canonical.from_packets(told)), "a replay would miss it"


def commission(config: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from gateway.cli import main; main()", "commission", "-c", str(config), *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "HEARTHWATCH_LANGUAGE": "en", "COLUMNS": "150"},
    )  # fmt: skip


def test_a_family_walks_through_all_of_them(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(
        tmp_path, mosquitto, ["smoke_hall:smoke", "gas_hall:gas", "help:button", "door:door"]
    )
    publish(mosquitto, [("zigbee2mqtt/smoke_hall", b'{"smoke":true}')], retain=True)
    alone = CliRunner().invoke(app, ["commission", "-c", str(config)])
    assert alone.exit_code == 3, "without a gateway nobody can be heard"
    with Running(config) as gateway:
        gateway.armed().subscribed()
        wait_for(lambda: gateway.status()["sensors"]["smoke_hall"]["values"], 15)
        assert gateway.status()["unproven"] == ["smoke_hall", "gas_hall", "help"]  # retained proves nothing
        walk = commission(config)
        assert walk.stdout is not None
        try:
            assert "Alarms go out" in walk.stdout.readline()
            assert "smoke_hall" in walk.stdout.readline()
            for topic, data in (
                ("gas_hall", b'{"gas":true}'),
                ("smoke_hall", b'{"smoke":true,"test":true}'),
                ("gas_hall", b'{"gas":false}'),
            ):
                publish(mosquitto, [(f"zigbee2mqtt/{topic}", data)])
            wait_for(lambda: gateway.status()["unproven"] == ["help"], 15)
            listed = CliRunner().invoke(app, ["commission", "-c", str(config), "--json"])
            rows = {r["sensor"]: r for r in json.loads(listed.stdout)}
            assert listed.exit_code == 1
            assert rows["help"]["missing"] == ["button"]
            assert rows["smoke_hall"]["proven"]["smoke"]["how"] == "test"
            assert rows["gas_hall"]["proven"]["gas"]["how"] == "alarm"
            publish(mosquitto, [("zigbee2mqtt/help", b'{"action":"emergency"}')])
            said_all, _ = walk.communicate(timeout=20)
        finally:
            if walk.poll() is None:
                walk.kill()
                walk.wait()
        assert walk.returncode == 0, said_all
        assert "All 3 are proven" in said_all
        assert gateway.stop() == 0
    after = CliRunner().invoke(app, ["commission", "-c", str(config), "--list"])
    assert after.exit_code == 0, after.stdout
    assert "smoke_hall" in after.stdout
