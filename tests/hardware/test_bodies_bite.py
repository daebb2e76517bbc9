"""Would each body notice what it is there for? Against devices and lines with one fault each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.model import Packet, Reading
from devices.port import Step
from ingest import serial_port
from simulators.device import EmulatedDevice, example
from simulators.line import Trouble
from simulators.replies import Deaf
from tests.hardware import test_devices as bodies
from tests.hardware.rig import EmulatedRig, Rig

Make = Callable[..., EmulatedRig]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(serial_port, "GATHER_S", 0.0)
    monkeypatch.setattr(serial_port, "RETRY_FIRST_S", 0.02)
    rigs: list[EmulatedRig] = []

    def make(name: str, **options: Any) -> EmulatedRig:
        rig = EmulatedRig(example(name, **options), tmp_path)
        rigs.append(rig)
        rig.start()
        return rig

    yield make
    for rig in rigs:
        rig.close()


def fails(body: Callable[[Callable[..., Rig]], None], rig: Rig, match: str | None = None) -> None:
    with pytest.raises(AssertionError, match=match):
        body(lambda **_: rig)


def test_a_device_that_does_not_answer(made: Make) -> None:
    rig = made("ld2450")
    rig.line.device.ear = Deaf()
    fails(bodies.test_set_up_commands_are_acknowledged, rig, "no_answer")


def test_a_device_that_says_no(made: Make) -> None:
    rig = made("ld2450")
    rig.driver.dialogue.insert(Step("odd", bytes.fromhex("FDFCFBFA0200620004030201"), 0x62))
    rig.driver.dialogue.insert(Step("enter", bytes.fromhex("FDFCFBFA0400FF00010004030201"), 0xFF))
    fails(bodies.test_set_up_commands_are_acknowledged, rig, "declined_odd")


def test_a_device_without_a_voice(made: Make) -> None:
    rig = made("ze07_co")
    rig.line.trouble.mute = True
    fails(bodies.test_the_first_frame_comes_soon_and_is_understood, rig, "0 bytes in")


@pytest.mark.parametrize("per_s", [5.0, 14.0])
def test_a_wrong_pace(made: Make, per_s: float) -> None:
    rig = made("ld2450")
    rig.line.device = EmulatedDevice(rig.sensor, start=rig.clock.now(), per_s=per_s)
    fails(bodies.test_frames_come_at_the_pace_of_the_data_sheet, rig, "frames/s")


def test_too_many_refusals(made: Make) -> None:
    rig = made("ld2450")
    rig.line.trouble = Trouble(flip_per_bit=1e-3)
    fails(bodies.test_every_refusal_has_a_name_and_there_are_few, rig)


def test_a_reason_nobody_has_written_down(made: Make) -> None:
    rig = made("ld2450")
    rig.health.refuse("just_so")
    fails(bodies.test_every_refusal_has_a_name_and_there_are_few, rig, "just_so")


def test_a_port_that_stays_open_without_a_plug(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = made("ld2450")
    monkeypatch.setattr(rig, "unplug", lambda: True)
    fails(bodies.test_a_pulled_plug_is_noticed_and_healed, rig, "not within")


def test_a_plug_that_is_never_put_back(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = made("ld2450")
    monkeypatch.setattr(rig, "replug", lambda: True)
    fails(bodies.test_a_pulled_plug_is_noticed_and_healed, rig, "not within")


def test_a_device_that_loses_its_mode_and_is_not_set_up_again(made: Make) -> None:
    rig = made("ld2450")
    rig.driver.dialogue.restart = lambda: None  # type: ignore[method-assign]
    fails(bodies.test_a_pulled_plug_is_noticed_and_healed, rig, "no_answer")


def test_a_wire_that_never_came_off(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = made("ld2450")
    monkeypatch.setattr(rig.line, "trouble", Stubborn())
    with pytest.raises(KeyError):
        bodies.test_a_wire_that_came_off_is_noticed(lambda: rig)


class Stubborn(Trouble):
    """A wire that stays on."""

    @property
    def mute(self) -> bool:  # type: ignore[override]
        return False

    @mute.setter
    def mute(self, value: bool) -> None:
        pass


def test_a_driver_that_believes_anything(made: Make) -> None:
    rig = made("ld2450")
    feed = rig.driver.feed

    def gullible(packet: Packet) -> list[Reading]:
        rig.health.bytes_good += len(packet.data)
        return feed(packet)

    rig.driver.feed = gullible  # type: ignore[method-assign]
    fails(bodies.test_a_wrong_speed_is_never_believed_and_can_be_told, rig, "believed")


def test_a_driver_without_its_checksum(made: Make) -> None:
    """A flipped bit makes 0.4 ppm into hundreds."""
    rig = made("ze07_co")
    form = rig.driver.framer.form
    rig.driver.framer.form = type(form)(form.headers, form.measure, lambda f: "", form.max_length)
    fails(bodies.test_a_flipped_bit_never_raises_an_alarm, rig, "CO_PPM")


def test_a_driver_that_does_not_come_back_into_step(made: Make) -> None:
    rig = made("ld2450")
    feed = rig.driver.feed

    def stuck(packet: Packet) -> list[Reading]:
        if rig.line.damage.touched:
            rig.health.bytes_discarded += 1
        return feed(packet)

    rig.driver.feed = stuck  # type: ignore[method-assign]
    fails(bodies.test_a_bad_line_is_left_behind_at_once, rig, "out of step")


def test_a_device_that_sees_nothing(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = made("ze07_co")
    monkeypatch.setattr(rig, "stimulus", lambda kind, on: True)
    fails(bodies.test_what_happens_before_it_is_told, rig, "not within")
