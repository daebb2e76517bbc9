"""Are the commands a device needs sent, and are its answers believed only when they fit?"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from core.contracts import Driver
from core.model import SECOND, Mark, Mounting, Packet, Sensor
from devices import DRIVERS, gira_dual, mic53, tinyframe
from devices import hlk_command as hlk
from devices import ti_frame as ti
from devices.modbus_frame import seal

S = SECOND


def converse(
    driver: Driver, reply: Callable[[bytes], bytes], seconds: float = 60, link: str = "port"
) -> list[bytes]:
    """Let a device answer for a while; what was sent to it."""
    sent = []
    for i in range(int(seconds * 10)):
        t = i * S // 10
        for packet in driver.due(t):
            sent.append(packet.data)
            answer = reply(packet.data)
            if answer:
                driver.feed(Packet(link, "", t, answer))
    return sent


def test_ld2450_is_set_to_many_targets_only_when_it_was_not() -> None:
    def radar(mode: int) -> Callable[[bytes], bytes]:
        return lambda data: hlk.ack(data[6], {0xFF: b"\1\0\x40\0", 0x91: bytes([mode, 0])}.get(data[6], b""))

    spec = DRIVERS["ld2450"]
    single = converse(spec.make([Sensor("r", "ld2450", "port")]), radar(1))
    assert [data[6] for data in single] == [0xFF, 0x91, 0x90, 0xFE]
    multi = converse(spec.make([Sensor("r", "ld2450", "port")]), radar(2))
    assert [data[6] for data in multi] == [0xFF, 0x91, 0xFE]
    alone = converse(spec.make([Sensor("r", "ld2450", "port", options={"tracking": "leave"})]), radar(1))
    assert alone == []


@pytest.mark.parametrize("device", ["ld2410c", "ld2412"])
def test_engineering_mode_is_switched_on_again_after_every_reconnection(device: str) -> None:
    driver = DRIVERS[device].make([Sensor("r", device, "port", options={"engineering": True})])
    words = [d[6] for d in converse(driver, lambda data: hlk.ack(data[6]))]
    assert words == [0xFF, 0x62, 0xFE]
    driver.feed(Packet("port", "", 100 * S, b"", Mark.UP))
    assert driver.due(100 * S)[0].data[6] == 0xFF


def test_ld2420_selects_energy_mode() -> None:
    driver = DRIVERS["ld2420"].make([Sensor("r", "ld2420", "port")])
    sent = converse(driver, lambda data: hlk.ack(data[6]))
    assert sent[0] == hlk.command(0xFF, b"\x02\x00")
    assert sent[1] == hlk.command(0x12, bytes.fromhex("000004000000"))
    assert sent[2] == hlk.LEAVE


def fall_radar(height: float) -> Callable[[bytes], bytes]:
    state = {"height": height}

    def reply(data: bytes) -> bytes:
        kind = int.from_bytes(data[5:7], "big")
        if kind == tinyframe.GET_PARAMETERS:
            body = struct.pack("<ffI4f", state["height"], 0.6, 10, 0.5, 0.5, 0.5, 0.5)
            return tinyframe.frame(kind) + tinyframe.frame(kind, body)
        if kind == tinyframe.SET_HEIGHT:
            (state["height"],) = struct.unpack("<f", data[8:12])
        return tinyframe.frame(kind) + tinyframe.frame(kind, b"\x01")

    return reply


def test_ld6002c_gets_the_mounting_height_if_it_has_another() -> None:
    sensor = Sensor("r", "ld6002c", "port", mounting=Mounting(height_m=2.4), options={"sensitivity": 10})
    kinds = [
        int.from_bytes(d[5:7], "big") for d in converse(DRIVERS["ld6002c"].make([sensor]), fall_radar(2.2))
    ]
    assert kinds == [tinyframe.GET_PARAMETERS, tinyframe.SET_HEIGHT]
    same = [
        int.from_bytes(d[5:7], "big") for d in converse(DRIVERS["ld6002c"].make([sensor]), fall_radar(2.4))
    ]
    assert same == [tinyframe.GET_PARAMETERS]
    plain = DRIVERS["ld6002c"].make([Sensor("r", "ld6002c", "port")])
    assert converse(plain, fall_radar(2.2)) == []


def test_ld6002c_counts_a_setting_the_radar_declines() -> None:
    sensor = Sensor("r", "ld6002c", "port", mounting=Mounting(height_m=2.4))
    driver = DRIVERS["ld6002c"].make([sensor])
    ok = fall_radar(2.2)

    def stubborn(data: bytes) -> bytes:
        kind = int.from_bytes(data[5:7], "big")
        return tinyframe.frame(kind, b"\x00") if kind == tinyframe.SET_HEIGHT else ok(data)

    converse(driver, stubborn, seconds=10)
    assert driver.health().refused == {"declined_set_height_m": 1, "no_answer_set_height_m": 1}


def test_c1001_is_put_into_its_mode_once_and_then_asked() -> None:
    state = {"mode": 2}
    asked: list[tuple[int, int]] = []

    def module(data: bytes) -> bytes:
        key = data[2], data[3]
        asked.append(key)
        if key == (0x02, 0xA8):
            return mic53.frame(*key, bytes([state["mode"]]))
        if key == (0x02, 0x08):
            state["mode"] = data[6]
            return mic53.frame(*key, bytes([state["mode"]]))
        if key == (0x01, 0x02):
            return b""
        return mic53.frame(*key, b"\x00")

    sensor = Sensor("r", "c1001", "port", mounting=Mounting(height_m=2.7))
    driver = DRIVERS["c1001"].make([sensor])
    converse(driver, module, seconds=120)
    assert asked[:6] == [(2, 0xA8), (2, 8), (6, 2), (1, 2), (0x80, 0x81), (0x83, 0x81)]
    assert asked.count((2, 8)) == 1
    assert asked.count((0x83, 0x81)) >= 5
    assert driver.health().refused == {}


def test_questions_to_53_59_modules_are_slow() -> None:
    driver = DRIVERS["r60abd1"].make([Sensor("r", "r60abd1", "port")])
    times = []
    for i in range(1000):
        t = i * S // 10
        for packet in driver.due(t):
            times.append(t)
            key = packet.data[2], packet.data[3]
            driver.feed(Packet("port", "", t, mic53.frame(*key, b"\x01")))
    assert len(times) == 2
    assert times[1] - times[0] >= 1.4 * S


def test_gira_telegrams_are_acknowledged_and_life_is_asked_for() -> None:
    driver = DRIVERS["gira_dual"].make([Sensor("smoke", "gira_dual", "port")])
    status = gira_dual.telegram(bytes([0x82, 0x20, 0x04, 0, 0]))
    driver.feed(Packet("port", "", 0, status))
    assert driver.due(0)[0].data == b"\x06"
    driver.feed(Packet("port", "", S, status[:-2] + b"1\x03"))
    assert b"\x15" in [p.data for p in driver.due(S)]

    def alarm(data: bytes) -> bytes:
        return {
            gira_dual.telegram(b"\x02"): gira_dual.telegram(bytes([0xC2, 0x20, 0, 0, 0])),
            gira_dual.telegram(b"\x0c"): gira_dual.telegram(bytes.fromhex("CC01E55C5A")),
        }.get(data, b"")

    fresh = DRIVERS["gira_dual"].make([Sensor("smoke", "gira_dual", "port")])
    sent = converse(fresh, alarm, seconds=700)
    # oftener than the 30 s after which a sensor on a port is missed
    assert 34 <= sent.count(gira_dual.telegram(b"\x02")) <= 36
    assert 34 <= sent.count(gira_dual.telegram(b"\x0c")) <= 36
    assert not any(data.startswith(b"\x0203") for data in sent)  # never make the sirens sound


CFG = "% a comment\nsensorStop\nflushCfg\n\nprofileCfg 0 60.75\nsensorStart\n"


def test_ti_configuration_goes_to_the_command_port_line_by_line() -> None:
    sensor = Sensor("r", "ti_iwr6843", "data", options={"cfg": CFG, "command_link": "cli"})
    driver = DRIVERS["ti_iwr6843"].make([sensor])
    packets = []
    for i in range(200):
        t = i * S // 10
        for packet in driver.due(t):
            packets.append(packet)
            driver.feed(Packet("cli", "", t, b"mmwDemo:/>Do"))
            driver.feed(Packet("cli", "", t, b"ne\r\nmmwDemo:/>"))
    assert {p.link for p in packets} == {"cli"}
    assert [p.data for p in packets] == [
        b"sensorStop\n",
        b"flushCfg\n",
        b"profileCfg 0 60.75\n",
        b"sensorStart\n",
    ]
    assert driver.health().bytes_in == 0  # answers are not data


def test_ti_error_ends_the_configuration() -> None:
    sensor = Sensor("r", "ti_iwrl6432", "port", options={"cfg": CFG})
    driver = DRIVERS["ti_iwrl6432"].make([sensor])
    sent = converse(driver, lambda data: b"Error -1\r\n" if b"profile" in data else b"Done\r\n", seconds=30)
    assert sent == [b"sensorStop\n", b"flushCfg\n", b"profileCfg 0 60.75\n"]
    assert driver.health().refused["declined_cfg_3_profileCfg"] == 1


def test_ti_radar_that_sends_is_left_alone() -> None:
    sensor = Sensor("r", "ti_iwrl6432", "port", options={"cfg": CFG})
    driver = DRIVERS["ti_iwrl6432"].make([sensor])
    for i in range(200):
        t = i * S // 10
        driver.feed(Packet("port", "", t, ti.packet([(ti.PRESENCE, struct.pack("<I", 1))], i)))
        assert driver.due(t) == []


def test_modbus_stations_are_asked_in_turn() -> None:
    def station(name: str, address: int) -> Sensor:
        registers = [{"quantity": "co_ppm", "function": 3, "register": address}]
        return Sensor(name, "modbus_rtu", "bus", options={"address": address, "registers": registers})

    driver = DRIVERS["modbus_rtu"].make([station("a", 1), station("b", 2)])
    found = {}
    for i in range(40):
        t = i * S // 10
        for packet in driver.due(t):
            address = packet.data[0]
            reply = seal(bytes([address, 3, 2, 0, 10 * address]))
            found.update({r.source: r.value for r in driver.feed(Packet("bus", "", t, reply))})
    assert found == {"a": 10.0, "b": 20.0}
    with pytest.raises(ValueError, match="sensor b: a has address 1 too"):
        DRIVERS["modbus_rtu"].make([station("a", 1), station("b", 1)])


@pytest.mark.parametrize(
    ("device", "options", "mounting"),
    [
        ("ld2450", {"tracking": "all"}, Mounting()),
        ("ld2410c", {"engineering": "yes"}, Mounting()),
        ("ze07_co", {"mode": "ask"}, Mounting()),
        ("ze07_co", {"warm_up_s": True}, Mounting()),
        ("mr60bha1", {"map": "newest"}, Mounting()),
        ("ld6002c", {}, Mounting(height_m=0.4)),
        ("ld6002c", {"sensitivity": 99}, Mounting()),
        ("ti_iwr6843", {"cfg": 7}, Mounting()),
        ("ti_iwr6843", {"cfg": "profil\u00e9 1"}, Mounting()),
    ],
)
def test_impossible_options_are_told_in_a_sentence(
    device: str, options: dict[str, object], mounting: Mounting
) -> None:
    with pytest.raises(ValueError, match=r"^sensor r: "):
        DRIVERS[device].make([Sensor("r", device, "port", options=options, mounting=mounting)])
