"""Any serial device can live in a scripted home, and what it says is what is true there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import load as load_config
from core.model import SECOND, Home, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from devices.port import PortDriver
from simulators import generic, home, scenario
from simulators.echo import Echo
from simulators.home import EMULATORS
from simulators.scenario import Scenario
from simulators.sheets import SHEETS
from simulators.world import build

DEVICES = sorted(SHEETS)
A_DAY, BEDROOM = date(2026, 3, 2), "bedroom"


@pytest.fixture(scope="module")
def house(root: Path) -> Home:
    return load_config(root / "config.yaml")[0].as_home()


def place(house: Home, device: str, room: str, **options: Any) -> Home:
    example = DRIVERS[device].example
    held = dict(example.options) if example else {}
    sensor = Sensor("it", device, "port", room=room, options=held | options)
    return replace(house, sensors={"it": sensor})


def short(name: str, seconds: float, **more: Any) -> Scenario:
    update = {"sensors": "all", "duration_s": seconds, "rate_per_s": None, "truth": [], "rates": {}, **more}
    return scenario.load(name).model_copy(update=update)


def heard(played: Scenario, at: Home, start: int) -> dict[Q, list[tuple[int, Any]]]:
    driver = DRIVERS[at.sensors["it"].device].make([at.sensors["it"]])
    found = defaultdict(list)
    for packet in home.packets(played, at, start):
        for r in driver.feed(packet):
            found[r.quantity].append((r.t, r.value))
    assert not driver.health().refused
    return found


def equal(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), atol=0.51, equal_nan=True))


def test_every_serial_device_has_an_imitation() -> None:
    assert set(DEVICES) <= set(EMULATORS)


@pytest.mark.parametrize("device", [d for d in DEVICES if EMULATORS[d] is generic.says])
def test_decoding_gives_back_what_was_true(device: str, house: Home) -> None:
    played, start = short("fall_in_hall", 90.0), 1_000 * SECOND
    at = home.played(played, place(house, device, "hall"))
    world = build(played, at, start)
    said = defaultdict(list)
    for group in EMULATORS[device](world, at.sensors["it"]):
        for r in group:
            said[r.quantity].append((r.t, r.value))
    found = heard(played, at, start)
    told = set(said) & set(found)
    assert told
    lost = set(said) - set(found) - {Q.STILL_ENERGY, Q.MOVING_ENERGY, Q.STILL_DISTANCE_M, Q.MOVING_DISTANCE_M}
    assert not lost - {Q.FAULT, Q.TEST}
    for quantity in told:
        if quantity in (Q.TARGET, Q.CLOUD, Q.TRACK, Q.HEIGHT):
            continue  # columns a format does not have come back as NaN
        times = {t for t, _ in said[quantity]}
        back = [(t, v) for t, v in found[quantity] if t in times]
        assert all(equal(v, dict(said[quantity])[t]) for t, v in back), quantity


@pytest.mark.parametrize("device", ["r60abd1", "mr60bha1"])
def test_a_bed_radar_tells_bed_heart_and_breath_while_somebody_is_still(device: str, house: Home) -> None:
    played, start = (
        short("nap", 14400.0, rate_per_s=0.2),
        scenario.start_of(scenario.load("nap"), house.zone, A_DAY),
    )
    found = heard(played, home.played(played, place(house, device, BEDROOM)), start)
    beds = [v for _, v in found[Q.BED_OCCUPIED]]
    assert {0.0, 1.0} <= set(beds)
    assert len(found[Q.HEART_RATE_BPM]) > 50
    assert all(55 <= v <= 75 for _, v in found[Q.HEART_RATE_BPM])
    assert all(12 <= v <= 18 for _, v in found[Q.BREATH_RATE_BPM])
    moving = {t for t, v in found[Q.MOVING] if v}
    assert moving
    assert not moving & {t for t, _ in found[Q.HEART_RATE_BPM]}


def test_a_mat_under_the_mattress_tells_the_bed(house: Home) -> None:
    mat = Sensor("it", "zigbee2mqtt", "broker", room=BEDROOM, kind="bed", address="zigbee2mqtt/mat")
    played, start = (
        short("nap", 14400.0, rate_per_s=0.2),
        scenario.start_of(scenario.load("nap"), house.zone, A_DAY),
    )
    found = heard(played, home.played(played, replace(house, sensors={"it": mat})), start)
    beds = [v for _, v in found[Q.BED_OCCUPIED]]
    assert {0.0, 1.0} <= set(beds)


# -- asked while it plays


def spoken(device: str, **options: Any) -> tuple[Echo, PortDriver, list[Packet]]:
    example = DRIVERS[device].example
    assert example is not None
    sensor = replace(example, options=dict(example.options) | options)
    made = DRIVERS[device].make([sensor])
    assert isinstance(made, PortDriver)
    return Echo([sensor]), made, []


def test_what_is_asked_is_answered_with_what_was_said_last(house: Home) -> None:
    echo, driver, _ = spoken("mh_z19b")
    driver.feed(Packet("port", "", 0, b"", Mark.UP))
    said = DRIVERS["mh_z19b"].encode(driver.sensors[0], [Reading("air", Q.CO2_PPM, 0, 777.0)])[0]
    assert echo.passes(said) == b""  # it speaks only when asked
    asked = driver.due(0)[0].data
    values = {r.quantity: r.value for r in driver.feed(Packet("port", "", 1, echo.hear(asked)))}
    assert values[Q.CO2_PPM] == 777


def test_an_alarm_speaks_by_itself_only_when_something_happened() -> None:
    echo, driver, _ = spoken("gira_dual")

    def status(smoke: float) -> Packet:
        return DRIVERS["gira_dual"].encode(driver.sensors[0], [Reading("smoke", Q.SMOKE, 0, smoke)])[0]

    out = [echo.passes(status(s)) for s in (0.0, 0.0, 1.0, 1.0, 0.0)]
    assert [bool(data) for data in out] == [True, False, True, False, True]


def test_a_bus_station_answers_from_the_play() -> None:
    echo, driver, _ = spoken("modbus_rtu")
    readings = [Reading("transmitter", Q.CO_PPM, 0, 80.5), Reading("transmitter", Q.SMOKE, 0, 0.0)]
    for packet in DRIVERS["modbus_rtu"].encode(driver.sensors[0], readings):
        assert echo.passes(packet) == b""
    asked = driver.due(0)[0].data
    assert [r.value for r in driver.feed(Packet("port", "", 1, echo.hear(asked)))] == [80.5]
