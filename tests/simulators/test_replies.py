"""The imitated devices answer the drivers' own commands, in whatever pieces they arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Mark, Mounting, Packet, Sensor
from devices import DRIVERS
from simulators.replies import LISTENERS, listener

SET_UP = sorted(set(LISTENERS) - {"ld6002", "ld6002b", "mr60bha2"})  # those need none
OPTIONS: dict[str, dict[str, object]] = {
    **{name: {"engineering": True} for name in ("ld2410", "ld2410b", "ld2410c", "ld2412")},
    "ld6002c": {"threshold_m": 0.5},
    "mr60fda2": {"sensitivity": 5},
}


@given(st.sampled_from(SET_UP), st.integers(1, 20))
def test_a_drivers_dialogue_comes_to_its_end(device: str, size: int) -> None:
    sensor = Sensor("s", device, "port", mounting=Mounting(2.4), options=OPTIONS.get(device, {}))
    driver, ear = DRIVERS[device].make([sensor]), listener(device)
    driver.feed(Packet("port", "", 0, b"", Mark.UP))
    sent = 0
    for turn in range(200):
        t = turn * SECOND // 10
        for packet in driver.due(t):
            sent += 1
            for at in range(0, len(packet.data), size):
                if answer := ear.hear(packet.data[at : at + size]):
                    driver.feed(Packet("port", "", t, answer))
    health = driver.health()
    assert sent >= 1
    assert not [r for r in health.refused if r.startswith(("no_answer", "declined"))], health.refused
    assert not ear.quiet  # it reports again


@given(st.sampled_from(sorted(LISTENERS)), st.lists(st.binary(max_size=40), max_size=20))
def test_garbage_is_not_answered_for_ever_and_never_raises(device: str, pieces: list[bytes]) -> None:
    ear = listener(device)
    answered = sum(len(ear.hear(piece)) for piece in pieces)
    assert answered <= 64 * sum(map(len, pieces))


def test_reports_stop_between_enter_and_leave() -> None:
    ear = listener("ld2410c")
    assert ear.hear(bytes.fromhex("FDFCFBFA0200A00004030201")) == b""  # outside of the configuration
    ear.hear(bytes.fromhex("FDFCFBFA0400FF00010004030201"))
    assert ear.quiet
    ear.hear(bytes.fromhex("FDFCFBFA0200FE0004030201"))
    assert not ear.quiet


@pytest.mark.parametrize("device", ["ze07_co", "mh_z9041a", "anything"])
def test_others_only_send(device: str) -> None:
    assert listener(device).hear(b"\xff\x01\x86") == b""
