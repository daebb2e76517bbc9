"""What do frames mean? The traps of the data sheets, one by one."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from core.model import SECOND, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS, best_modules, gira_dual, mh_z9041a, mic53, tinyframe, winsen_ff
from devices import ti_frame as ti
from devices.modbus_frame import seal

S = SECOND


def heard(device: str, hexed: str | bytes, **options: object) -> list[tuple[Q, object]]:
    data = hexed if isinstance(hexed, bytes) else bytes.fromhex(hexed)
    driver = DRIVERS[device].make([Sensor("s", device, "port", options=options)])
    return [(r.quantity, r.value) for r in driver.feed(Packet("port", "", 5, data))]


# -- presence radars


def test_ld2410_believes_the_state_not_the_distances() -> None:
    none = dict(heard("ld2410", "F4F3F2F10D0002AA0045003E00003A00005500F8F7F6F5"))
    assert none[Q.PRESENCE] == 0.0
    assert Q.MOVING_DISTANCE_M not in none
    still = dict(heard("ld2410", "F4F3F2F10D0002AA0251000000003B00005500F8F7F6F5"))
    assert (still[Q.PRESENCE], still[Q.MOVING], still[Q.STILL]) == (1.0, 0.0, 1.0)
    assert Q.STILL_DISTANCE_M not in still  # it says 0 cm: unknown
    assert Q.DISTANCE_M not in still


def test_ld2410_calibration_and_noise_are_no_presence() -> None:
    calibrating = bytes.fromhex("F4F3F2F10D0002AA0451000000003B00005500F8F7F6F5")
    assert heard("ld2410c", calibrating) == []
    driver = DRIVERS["ld2410c"].make([Sensor("s", "ld2410c", "port")])
    noisy = bytes.fromhex("F4F3F2F10D0002AA02F8F7F6F5F864F7F65500F8F7F6F5")
    assert driver.feed(Packet("port", "", 0, noisy)) == []
    assert driver.health().refused == {"implausible": 1}


def test_light_only_where_the_firmware_has_it() -> None:
    engineering = (
        "F4F3F2F1230001AA031E003C0000390000" + "0808" + "3C2205030304030605" + "000039101306060804" + "6001"
        "5500F8F7F6F5"
    )  # fmt: skip
    assert (Q.LIGHT_LEVEL, 96.0) in heard("ld2410c", engineering)
    assert Q.LIGHT_LEVEL not in dict(heard("ld2410", engineering))


def test_ld2450_signs_and_empty_slots() -> None:
    facts = heard("ld2450", "AAFF03000E03B186100040010000000000000000000000000000000055CC")
    assert facts == [(Q.TARGET, (-0.782, 1.713, -0.16, 0.32)), (Q.TARGET_COUNT, 1.0), (Q.PRESENCE, 1.0)]
    nobody = heard("ld2450", "AAFF0300" + "00" * 24 + "55CC")
    assert nobody == [(Q.TARGET_COUNT, 0.0), (Q.PRESENCE, 0.0)]


def test_ld2450_refuses_what_no_room_holds() -> None:
    driver = DRIVERS["ld2450"].make([Sensor("s", "ld2450", "port")])
    far = bytes.fromhex("AAFF0300AAFF038055CC0080AAFF5500CC55AA01000000000000000055CC")
    assert driver.feed(Packet("port", "", 0, far)) == []
    assert driver.health().refused == {"implausible": 1}


# -- TinyFrame


def test_zero_rates_and_invalid_range_are_no_value() -> None:
    zero = struct.pack("<f", 0.0)
    assert heard("mr60bha2", tinyframe.frame(tinyframe.BREATH, zero)) == []
    assert heard("mr60bha2", tinyframe.frame(tinyframe.RANGE, struct.pack("<If", 0, 90.0))) == []
    good = tinyframe.frame(tinyframe.RANGE, struct.pack("<If", 1, 90.0))
    assert heard("mr60bha2", good) == [(Q.DISTANCE_M, 0.9)]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_broken_floats_are_refused(value: float) -> None:
    driver = DRIVERS["ld6002"].make([Sensor("s", "ld6002", "port")])
    data = tinyframe.frame(tinyframe.HEART, struct.pack("<f", value))
    assert driver.feed(Packet("port", "", 0, data)) == []
    assert driver.health().refused == {"implausible": 1}


def test_a_fall_is_confirmed_and_a_cloud_has_no_snr() -> None:
    assert heard("ld6002c", tinyframe.frame(tinyframe.FALL, b"\x01")) == [(Q.FALL_STATE, 2.0)]
    assert heard("mr60fda2", tinyframe.frame(tinyframe.FALL, b"\x00")) == [(Q.FALL_STATE, 0.0)]
    body = struct.pack("<iiffff", 1, 0, 0.5, 1.5, 0.25, -0.125)
    ((quantity, cloud),) = heard("ld6002c", tinyframe.frame(tinyframe.CLOUD, body))
    assert quantity is Q.CLOUD
    assert isinstance(cloud, np.ndarray)
    assert cloud[0, :4].tolist() == [0.5, 1.5, 0.25, -0.125]
    assert math.isnan(cloud[0, 4])


# -- 53 59


def test_the_same_bytes_are_heart_or_breath_by_the_map() -> None:
    data = mic53.frame(0x81, 0x02, bytes([60]))
    assert heard("mr60bha1", data, map="old") == [(Q.HEART_RATE_BPM, 60.0)]
    assert heard("mr60bha1", data, map="new") == [(Q.BREATH_RATE_BPM, 60.0)]
    assert heard("r60abd1", data) == [(Q.BREATH_RATE_BPM, 60.0)]


def test_no_vitals_until_the_map_is_settled() -> None:
    driver = DRIVERS["mr60bha1"].make([Sensor("s", "mr60bha1", "port")])
    rate = mic53.frame(0x81, 0x02, bytes([16]))
    only_new = mic53.frame(0x85, 0x02, bytes([64]))
    assert driver.feed(Packet("port", "", 0, rate)) == []
    assert driver.health().refused == {"map_unknown": 1}
    driver.feed(Packet("port", "", 1, only_new))  # one frame may be noise
    assert [r.quantity for r in driver.feed(Packet("port", "", 2, only_new + rate))] == [
        Q.HEART_RATE_BPM,
        Q.BREATH_RATE_BPM,
    ]


def test_a_contradicted_map_stops_the_vitals() -> None:
    driver = DRIVERS["mr60bha1"].make([Sensor("s", "mr60bha1", "port", options={"map": "new"})])
    wave = mic53.frame(0x81, 0x06, bytes(5))
    rate = mic53.frame(0x81, 0x02, bytes([16]))
    assert len(driver.feed(Packet("port", "", 0, wave * 2 + rate))) == 1
    assert driver.feed(Packet("port", "", 1, wave + rate)) == []
    assert driver.health().refused == {"map_contradicted": 1}


def test_unknown_codes_are_refused_not_taken_for_quiet() -> None:
    driver = DRIVERS["mr60fda1"].make([Sensor("s", "mr60fda1", "port")])
    motion3 = mic53.frame(0x80, 0x02, b"\x03")
    assert driver.feed(Packet("port", "", 0, motion3)) == []
    assert driver.health().refused == {"implausible": 1}
    assert driver.feed(Packet("port", "", 1, mic53.frame(0x83, 0x01, b"\x01")))[0].value == 2.0


def test_zero_bpm_and_neither_in_nor_out_of_bed_are_no_value() -> None:
    assert heard("r60abd1", mic53.frame(0x85, 0x02, b"\x00")) == []
    assert heard("r60abd1", mic53.frame(0x84, 0x01, b"\x02")) == []
    assert heard("r60abd1", mic53.frame(0x84, 0x81, b"\x01")) == [(Q.BED_OCCUPIED, 1.0)]  # a reply


# -- gas and smoke


def test_a_faulty_cell_gives_no_value() -> None:
    assert heard("ze07_co", "FF04030180051388D8") == [(Q.FAULT, 1.0)]
    full = winsen_ff.seal(bytes.fromhex("FF0403011FFF1388"))
    assert heard("ze07_co", full) == [(Q.FAULT, 1.0)]
    # 3 lower bits short of that is a concentration, and a deadly one
    high = winsen_ff.seal(bytes.fromhex("FF0403011FF81388"))
    assert dict(heard("ze07_co", high))[Q.CO_PPM] == pytest.approx(818.4)


def test_warming_up_lasts_as_long_as_the_outage_at_most() -> None:
    driver = DRIVERS["ze07_co"].make([Sensor("s", "ze07_co", "port", options={"warm_up_s": 180})])
    data = bytes.fromhex("FF0403010005138858")

    def quantities(t: int) -> set[Q]:
        return {r.quantity for r in driver.feed(Packet("port", "", t, data))}

    assert Q.CO_PPM in quantities(0)
    driver.feed(Packet("port", "", 1 * S, b"gone", Mark.DOWN))
    driver.feed(Packet("port", "", 61 * S, b"", Mark.UP))
    assert Q.CO_PPM not in quantities(62 * S)
    assert Q.CO_PPM not in quantities(120 * S)
    assert Q.CO_PPM in quantities(121 * S)


def test_scale_is_a_matter_of_the_model() -> None:
    data = winsen_ff.seal(bytes.fromhex("FF86000C47000000"))
    assert (Q.GAS_LEL_PCT, 12.0) in heard("mh_440d", data)
    assert (Q.METHANE_PPM, 12.0) in heard("zc05", data)
    assert (Q.METHANE_PPM, 1200.0) in heard("mh_441d", data, ppm_per_count=100)
    assert (Q.CO2_PPM, 12.0) in heard("mh_z19b", data)


def test_methane_with_a_fault_is_not_clean_air() -> None:
    facts = dict(heard("mh_z9041a", mh_z9041a.line(0.0, -5.0, fault=4)))
    assert facts == {Q.FAULT: 1.0, Q.TEMPERATURE_C: -5.0}
    assert dict(heard("mh_z9041a", mh_z9041a.line(-1.0, 20.0))).get(Q.GAS_LEL_PCT) is None


def test_passive_methane_waits_for_the_fault_register() -> None:
    sensor = Sensor("s", "mh_z9041a", "port", options={"mode": "poll"})
    driver = DRIVERS["mh_z9041a"].make([sensor])
    gas = mh_z9041a.register(mh_z9041a.GAS, (1250).to_bytes(2, "big"))
    fault = mh_z9041a.register(mh_z9041a.FAULTS, b"\x00")
    assert driver.feed(Packet("port", "", 0, gas)) == []
    readings = driver.feed(Packet("port", "", 1, fault + gas))
    assert [(r.quantity, r.value) for r in readings] == [(Q.FAULT, 0.0), (Q.GAS_LEL_PCT, 12.5)]


def test_smoke_by_thresholds_low_byte_first() -> None:
    quiet = best_modules.package(0x11, 41, {16: b"\x2a\x00", 18: b"\x1e\x00"})
    smoke = best_modules.package(0x11, 41, {16: b"\x5e\x01", 18: b"\x1e\x00"})
    assert (Q.SMOKE, 0.0) in heard("bm22s2021", quiet)
    assert (Q.SMOKE, 1.0) in heard("bm22s2021", smoke)
    assert (Q.SMOKE, 0.0) in heard("bm22s2021", smoke, threshold_a=400)


def test_gira_test_alarms_are_never_smoke_and_radio_alarms_are() -> None:
    def status(first: int, second: int) -> dict[Q, object]:
        return dict(heard("gira_dual", gira_dual.telegram(bytes([0x82, first, second, 0, 0]))))

    for test_bit in (0x20, 0x40, 0x80):
        said = status(0x20, test_bit)
        assert (said[Q.SMOKE], said[Q.TEST]) == (0.0, 1.0)
    for alarm_bit in (0x04, 0x08, 0x10):
        said = status(0x20, alarm_bit)
        assert (said[Q.SMOKE], said[Q.TEST]) == (1.0, 0.0)
    assert status(0x22, 0x01)[Q.FAULT] == 1.0
    assert status(0x22, 0x01)[Q.BATTERY_LOW] == 1.0


# -- Modbus


def modbus(registers: list[dict[str, object]], address: int = 1) -> Sensor:
    return Sensor("m", "modbus_rtu", "port", options={"address": address, "registers": registers})


def answer(address: int, function: int, data: bytes) -> bytes:
    return seal(bytes([address, function, len(data)]) + data)


def test_modbus_types_bits_and_missing_values() -> None:
    sensor = modbus([
        {"quantity": "temperature_c", "function": 3, "register": 1, "type": "i16", "scale": 0.1},
        {"quantity": "co_ppm", "function": 4, "register": 2, "type": "f32"},
        {"quantity": "gas", "function": 3, "register": 8, "count": 3, "bit": 4},
        {"quantity": "fault", "function": 3, "register": 8, "count": 3, "bit": 5},
    ])  # fmt: skip
    driver = DRIVERS["modbus_rtu"].make([sensor])
    data = answer(1, 3, (-55 & 0xFFFF).to_bytes(2, "big"))
    data += answer(1, 4, struct.pack(">f", 12.5)) + answer(1, 4, struct.pack(">f", math.nan))
    data += answer(1, 3, b"\x00\x10" + bytes(4))
    readings = driver.feed(Packet("port", "", 0, data))
    assert [(r.quantity, r.value) for r in readings] == [
        (Q.TEMPERATURE_C, -5.5),
        (Q.CO_PPM, 12.5),
        (Q.GAS, 1.0),
        (Q.FAULT, 0.0),
    ]
    assert driver.health().refused == {"missing": 1}


def test_modbus_answers_belong_to_the_open_request() -> None:
    sensor = modbus([
        {"quantity": "co_ppm", "function": 3, "register": 1},
        {"quantity": "co2_ppm", "function": 3, "register": 2},
    ])  # fmt: skip
    driver = DRIVERS["modbus_rtu"].make([sensor])
    reply = answer(1, 3, b"\x00\x07")
    assert driver.feed(Packet("port", "", 0, reply)) == []  # whose value would this be?
    assert driver.health().refused == {"unasked": 1}
    found: list[Reading] = []
    t = 0
    for _ in range(40):
        t += S // 10
        for packet in driver.due(t):
            echo = packet.data  # an adapter that echoes
            found += driver.feed(Packet("port", "", t, echo + reply))
    assert {r.quantity for r in found} == {Q.CO_PPM, Q.CO2_PPM}
    assert driver.health().refused == {"unasked": 1}


def test_modbus_exceptions_and_cut_wires() -> None:
    sensor = modbus([{"quantity": "smoke", "function": 2, "count": 8, "bit": 0, "alarm_when": 0}], 255)
    driver = DRIVERS["modbus_rtu"].make([sensor])
    assert [r.value for r in driver.feed(Packet("port", "", 0, bytes.fromhex("FF02010151A0")))] == [0.0]
    assert [r.value for r in driver.feed(Packet("port", "", 0, answer(255, 2, b"\x00")))] == [1.0]
    driver.feed(Packet("port", "", 0, seal(bytes([255, 0x82, 2]))))
    assert driver.health().refused == {"exception_2": 1}


@pytest.mark.parametrize(
    "registers",
    [
        [],
        "co_ppm",
        [{"quantity": "nonsense"}],
        [{"quantity": "co_ppm", "scale": 0}],
        [{"quantity": "co_ppm", "type": "u64"}],
        [{"quantity": "co_ppm", "register": True}],
        [{"quantity": "co_ppm", "typo": 1}],
        [{"quantity": "button"}],
        [{"quantity": "smoke", "function": 2, "count": 4, "bit": 7}],
        [{"quantity": "co_ppm", "type": "f32", "count": 1}],
        [{"quantity": "co_ppm", "missing": 65535}],
        [{"quantity": "co_ppm", "swap": 1}],
    ],
)
def test_modbus_maps_that_cannot_be_are_refused_in_a_sentence(registers: object) -> None:
    with pytest.raises(ValueError, match="sensor m: option registers"):
        DRIVERS["modbus_rtu"].make([Sensor("m", "modbus_rtu", "p", options={"registers": registers})])


# -- TI


def test_ti_missing_heights_and_shaky_vitals_are_no_value() -> None:
    heights = struct.pack("<Iff", 3, 1.7, 0.1) + struct.pack("<Iff", 4, 0.0, 0.0)
    vitals = struct.pack("<HH3f", 0, 9, 0.01, 66.0, 15.0) + bytes(120)
    data = ti.packet([(ti.HEIGHTS, heights), (ti.VITALS, vitals)], 7)
    facts = heard("ti_iwr6843", data)
    assert [q for q, _ in facts] == [Q.CLOUD, Q.HEIGHT, Q.HEART_RATE_BPM]
    nobody = ti.packet([(ti.VITALS, struct.pack("<HH3f", 0, 9, 0.0, 66.0, 15.0) + bytes(120))], 8)
    assert [q for q, _ in heard("ti_iwr6843", nobody)] == [Q.CLOUD]


def test_ti_numbers_that_fit_no_room_are_refused() -> None:
    points = struct.pack("<4f", 1e20, 1.0, 1.0, 0.0)
    driver = DRIVERS["ti_iwr6843"].make([Sensor("s", "ti_iwr6843", "port")])
    data = ti.packet([(ti.POINTS, points)], 1, objects=1)
    assert driver.feed(Packet("port", "", 0, data)) == []
    assert driver.health().refused == {"implausible": 1}


def test_ti_low_power_points_and_zones() -> None:
    points = struct.pack("<4f2H", 0.001, 0.01, 0.5, 0.5, 1, 0) + struct.pack(
        "<4h2B", -1500, 2000, 250, -30, 40, 9
    )
    data = ti.packet([(ti.EXT_POINTS, points), (ti.EXT_PRESENCE, b"\x02\x08")], 1, platform=0x000A6432)
    (q, cloud), presence = heard("ti_iwrl6432", data)
    assert q is Q.CLOUD
    assert isinstance(cloud, np.ndarray)
    assert cloud[0].tolist() == pytest.approx([-1.5, 2.0, 0.25, -0.3, 20.0])
    assert presence == (Q.PRESENCE, 1.0)


def test_ti_layout_c_flat_points_and_tracks() -> None:
    points = struct.pack("<4f", 2.0, 0.5, -0.25, 30.0)
    target = struct.pack("<I6f", 5, 0.5, 1.5, 0.1, 0.2, 0.0, 0.0) + bytes(40)
    tlvs = struct.pack("<II", 6, 24) + points + struct.pack("<II", 7, 8 + len(target)) + target
    length = 52 + len(tlvs)
    head = struct.pack("<10I2H", 0x03020000, 0x000A1642, 12345, length, 77, 0, 1, 2, 3, 4, 2, 0)
    (q, cloud), track, count = heard("ti_iwr6843", ti.MAGIC + head + tlvs)
    assert q is Q.CLOUD
    assert isinstance(cloud, np.ndarray)
    assert cloud[0].tolist() == pytest.approx([2 * math.sin(0.5), 2 * math.cos(0.5), 0.0, -0.25, 30.0])
    assert track[0] is Q.TRACK
    assert track[1][:3] == pytest.approx((5.0, 0.5, 1.5))  # type: ignore[index]
    assert count == (Q.TARGET_COUNT, 1.0)


def test_ti_counts_the_packets_it_missed() -> None:
    driver = DRIVERS["ti_iwr6843"].make([Sensor("s", "ti_iwr6843", "port")])
    presence = [(ti.PRESENCE, struct.pack("<I", 1))]
    for number in (5, 6, 9):
        driver.feed(Packet("port", "", number, ti.packet(presence, number)))
    assert driver.health().refused == {"packets_missed": 2}
