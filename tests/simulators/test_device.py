"""Every serial device there is can be emulated: its driver understands it, asks it, and sees it change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Flag, Mark, Packet, Reading
from core.quantity import Quantity as Q
from devices import DRIVERS, gira_dual
from devices.port import PortDriver
from simulators.around import Around
from simulators.device import EmulatedDevice, example
from simulators.sheets import SHEETS

SERIAL = sorted(s.name for s in DRIVERS.values() if s.transport == "serial")
TICK = SECOND // 20


class Pair:
    """A device and its driver on an ideal wire, in steps of 50 ms."""

    def __init__(self, name: str, around: Around | None = None, cut: int = 10_000, **options: Any) -> None:
        self.sensor = example(name, **options)
        self.device = EmulatedDevice(self.sensor, around or Around())
        driver = DRIVERS[name].make([self.sensor])
        assert isinstance(driver, PortDriver)
        self.driver, self.cut, self.t = driver, cut, 0
        self.asked: list[bytes] = []
        self.driver.feed(Packet("port", "", 0, b"", Mark.UP))

    def run(self, seconds: float) -> list[Reading]:
        found: list[Reading] = []
        for _ in range(round(seconds * SECOND / TICK)):
            self.t += TICK
            for packet in self.driver.due(self.t):
                self.asked.append(packet.data)
                for at in range(0, len(packet.data), self.cut):
                    answer = self.device.hear(packet.data[at : at + self.cut], self.t)
                    if answer:
                        found += self.driver.feed(Packet(packet.link, "", self.t, answer))
            for piece in self.device.says(self.t):
                for at in range(0, len(piece), self.cut):
                    found += self.driver.feed(Packet("port", "", self.t, piece[at : at + self.cut]))
        return found


def last(found: list[Reading]) -> dict[Q, Any]:
    return {r.quantity: r.value for r in found}


def test_every_serial_device_has_a_sheet() -> None:
    assert sorted(SHEETS) == SERIAL


@pytest.mark.parametrize("cut", [1, 7, 40])
@pytest.mark.parametrize("name", SERIAL)
def test_its_driver_understands_all_it_says_in_any_pieces(name: str, cut: int) -> None:
    pair = Pair(name, cut=cut)
    said = last(pair.run(6 if SHEETS[name].per_s > 3 else 45))
    assert pair.driver.health().refused == {}
    may = set(pair.device.quantities())
    if name == "mh_z9041a":
        may.add(Q.FAULT)
    unasked = {Q.MOVING, Q.STILL} & SHEETS[name].on_change  # told when they change, and not asked for
    wanted = ({q for q, _ in pair.device.rows()} & may) - unasked
    assert wanted <= set(said)


@pytest.mark.parametrize("name", SERIAL)
def test_it_keeps_its_pace(name: str) -> None:
    pair, seconds = Pair(name), 10 if SHEETS[name].per_s > 3 else 40
    pair.run(seconds)
    before = pair.driver.health().frames_good
    pair.run(seconds)
    rate = (pair.driver.health().frames_good - before) / seconds
    promised = SHEETS[name].frames_per_s
    if promised:
        assert promised[0] <= rate <= promised[1]
    assert rate > 0 or name == "gira_dual"


@pytest.mark.parametrize("name", SERIAL)
def test_silence_is_not_what_an_empty_room_says(name: str) -> None:
    pair = Pair(name, Around(present=False, methane_lel_pct=0.0))
    said = last(pair.run(6 if SHEETS[name].per_s > 3 else 45))
    assert said
    assert said.get(Q.PRESENCE, 0.0) == 0.0
    assert Q.HEART_RATE_BPM not in said
    assert Q.TARGET not in said


CHANGES: tuple[tuple[dict[str, Any], Q, float], ...] = (
    ({"present": False}, Q.PRESENCE, 0.0),
    ({"fallen": True}, Q.FALL_STATE, 2.0),
    ({"in_bed": True}, Q.BED_OCCUPIED, 1.0),
    ({"co_ppm": 80.0}, Q.CO_PPM, 80.0),
    ({"methane_lel_pct": 12.0}, Q.GAS_LEL_PCT, 12.0),
    ({"methane_lel_pct": 12.0}, Q.METHANE_PPM, 6000.0),
    ({"methane_lel_pct": 12.0}, Q.GAS, 1.0),
    ({"co2_ppm": 1500.0}, Q.CO2_PPM, 1500.0),
    ({"smoke": True}, Q.SMOKE, 1.0),
    ({"heat": True}, Q.HEAT, 1.0),
    ({"battery_low": True}, Q.BATTERY_LOW, 1.0),
    ({"y_m": 3.0, "x_m": 0.0}, Q.DISTANCE_M, 3.0),
    ({"heart_bpm": 90.0}, Q.HEART_RATE_BPM, 90.0),
)


@pytest.mark.parametrize("name", SERIAL)
def test_what_a_test_sets_is_what_the_driver_reads(name: str) -> None:
    tried = 0
    for change, quantity, value in CHANGES:
        pair = Pair(name)
        fast = SHEETS[name].per_s > 3
        pair.run(3 if fast else 40)
        if quantity not in last(pair.run(2 if fast else 20)) and quantity not in SHEETS[name].on_change:
            continue
        if quantity not in pair.device.quantities() or quantity not in dict(pair.device.rows()):
            continue
        tried += 1
        pair.device.around.change(**change)
        said = last(pair.run(3 if fast else 25))
        assert said[quantity] == pytest.approx(value), (name, change)
    assert tried or name == "ze08_ch2o"


@pytest.mark.parametrize("name", SERIAL)
def test_the_same_calls_give_the_same_bytes(name: str) -> None:
    def bytes_of() -> list[bytes]:
        device = EmulatedDevice(example(name))
        return [piece for i in range(200) for piece in device.says(i * TICK)]

    assert bytes_of() == bytes_of()


@pytest.mark.parametrize("name", SERIAL)
def test_time_that_jumps_does_not_flood(name: str) -> None:
    device = EmulatedDevice(example(name))
    assert len(device.says(3600 * SECOND)) <= 200 * 20


@pytest.mark.parametrize("name", SERIAL)
@given(pieces=st.lists(st.binary(max_size=30), max_size=15))
def test_garbage_never_raises_and_is_not_answered_without_end(name: str, pieces: list[bytes]) -> None:
    device = EmulatedDevice(example(name))
    answered = sum(len(device.hear(piece, 0)) for piece in pieces)
    assert answered <= 64 * sum(map(len, pieces))


# -- modes


def test_an_ld2450_left_in_single_mode_shows_one_person_until_it_is_told() -> None:
    pair = Pair("ld2450")
    assert not pair.device.ear.tracks_many  # type: ignore[attr-defined]
    pair.run(5)
    assert pair.device.ear.tracks_many  # type: ignore[attr-defined]
    assert [data[6] for data in pair.asked] == [0xFF, 0x91, 0x90, 0xFE]


def test_an_ld2420_speaks_in_lines_until_it_is_told() -> None:
    pair = Pair("ld2420")
    assert pair.device.says(SECOND // 10) == [b"ON\r\n", b"Range 206\r\n"]
    pair.run(5)
    assert pair.device.says(pair.t + SECOND // 10)[0][:4] == bytes.fromhex("F4F3F2F1")
    simple = Pair("ld2420", mode="simple")
    assert last(simple.run(3))[Q.DISTANCE_M] == 2.06
    assert simple.asked == []


@pytest.mark.parametrize("name", ["ld2410b", "ld2410c", "ld2412"])
def test_light_is_told_in_engineering_mode_only_which_a_power_cut_ends(name: str) -> None:
    assert Q.LIGHT_LEVEL not in last(Pair(name).run(5))
    pair = Pair(name, engineering=True)
    assert last(pair.run(5))[Q.LIGHT_LEVEL] == 120
    pair.device.power(pair.t)
    assert Q.LIGHT_LEVEL not in last(pair.run(5))
    pair.driver.feed(Packet("port", "", pair.t, b"", Mark.UP))  # the link came back: it is set again
    assert last(pair.run(5))[Q.LIGHT_LEVEL] == 120


@pytest.mark.parametrize(("mode", "there", "absent"), [
    ("fall", Q.FALL_STATE, Q.HEART_RATE_BPM), ("sleep", Q.HEART_RATE_BPM, Q.FALL_STATE)])  # fmt: skip
def test_a_c1001_is_in_one_mode_at_a_time(mode: str, there: Q, absent: Q) -> None:
    pair = Pair("c1001", mode=mode)
    pair.run(60)
    said = last(pair.run(20))
    assert there in said
    assert absent not in said


@pytest.mark.parametrize("name", ["ze07_co", "ze08_ch2o"])
def test_a_gas_module_told_to_answer_stops_uploading(name: str) -> None:
    pair = Pair(name, mode="poll")
    found = pair.run(20)
    assert pair.device.ear.quiet
    assert len(pair.asked) > 15
    usual = last(Pair(name).run(5))
    assert last(found) == pytest.approx(usual)


def test_a_laser_module_in_passive_mode_is_read_by_registers() -> None:
    pair = Pair("mh_z9041a", mode="poll")
    pair.device.around.change(methane_lel_pct=3.25, temperature_c=-4.5)
    said = last(pair.run(10))
    assert pair.device.ear.quiet
    assert (said[Q.GAS_LEL_PCT], said[Q.TEMPERATURE_C]) == (3.25, -4.5)


def test_a_ti_radar_is_silent_until_its_configuration_is_sent() -> None:
    pair = Pair("ti_iwr6843", cfg="% people\nsensorStop\nframeCfg 0 1 96 0 55 1 0\nsensorStart\n")
    pair.run(3)
    assert pair.driver.health().frames_good == 0
    pair.run(5)
    assert pair.driver.health().frames_good > 30
    assert pair.driver.health().refused == {}
    assert [data.split()[0] for data in pair.asked] == [b"sensorStop", b"frameCfg", b"sensorStart"]


def test_a_ti_radar_refuses_a_line_it_does_not_know() -> None:
    pair = Pair("ti_iwr6843", cfg="sensor_stop\nsensorStart\n")
    pair.run(10)
    assert pair.driver.health().refused["declined_cfg_1_sensor_stop"] == 1


def test_a_smoke_alarm_repeats_until_somebody_has_heard_it() -> None:
    device = EmulatedDevice(example("gira_dual"))
    assert device.says(SECOND) == []
    device.around.change(smoke=True)
    said = [piece for i in range(2, 20) for piece in device.says(i * SECOND)]
    assert len(said) == 4  # once, and three times more
    device.around.change(smoke=False)
    assert len(device.says(30 * SECOND)) == 1
    device.hear(bytes([gira_dual.ACK]), 30 * SECOND)
    assert [p for i in range(31, 50) for p in device.says(i * SECOND)] == []


def test_a_bus_station_answers_only_for_itself() -> None:
    device = EmulatedDevice(example("modbus_rtu"))
    from devices.modbus_frame import seal

    assert device.hear(seal(bytes.fromhex("020400060001")), 0) == b""  # another address
    assert device.hear(seal(bytes.fromhex("010400630001")), 0) == seal(b"\x01\x84\x02")
    assert device.hear(seal(bytes.fromhex("010600010001")), 0) == seal(b"\x01\x86\x01")
    good = seal(bytes.fromhex("010400060001"))
    assert device.hear(good, 0) == seal(bytes.fromhex("0104020004"))
    assert device.hear(b"\x77" + good[:3], 0) + device.hear(good[3:], 0) == seal(bytes.fromhex("0104020004"))


def test_readings_of_a_format_without_checksum_stay_weak() -> None:
    pair = Pair("ld6002h")
    assert all(not r.flags & Flag.TEST for r in pair.run(5))


def test_an_unknown_device_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="ld2450"):
        example("ld9999")
