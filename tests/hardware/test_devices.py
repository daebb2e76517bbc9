"""Does a serial device do what its data sheet and our promises say? On an emulator, or on a real port.

The same bodies for both. Limits are those of ``docs/how-to/hardware-in-the-loop.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.model import Block, Event, Flag, Home, Mark, Phase
from core.quantity import Quantity as Q
from detectors.silence import SilenceDetector
from detectors.watched import SilenceParams
from devices.port import ALARM_CLASS
from simulators.line import Trouble
from tests.hardware.rig import EmulatedRig, Rig

Open = Callable[..., Rig]
SET_UP_S = 45.0
FIRST_FRAME_S = 20.0
NOTICED_S = 5.0  # a pulled plug; the promise for a broken link is 60 s
HEALED_S = 30.0  # from the plug being back to the port being open
ALARM = {Q.CO_PPM: 50.0, Q.GAS_LEL_PCT: 10.0, Q.METHANE_PPM: 5000.0, Q.FALL_STATE: 1.0}
DOC = Path(__file__).parents[2] / "docs" / "reference" / "devices-serial.md"


def until_frames(rig: Rig, count: int = 1) -> float:
    wanted = rig.health.frames_good + count
    # a device that speaks only when something happens is asked by its driver
    return rig.until(lambda: rig.health.frames_good >= wanted, FIRST_FRAME_S)


def unanswered(rig: Rig) -> dict[str, int]:
    return {
        k: n for k, n in rig.health.refused.items() if k.startswith(("no_answer", "declined", "exception"))
    }


def test_set_up_commands_are_acknowledged(opened: Open) -> None:
    rig = opened()
    finished: list[bool] = []

    def set_up() -> bool:
        finished.append(rig.driver.dialogue.done)
        return any(finished)

    rig.until(set_up, SET_UP_S)
    rig.run(5)
    assert not unanswered(rig), rig.explain()


def test_the_first_frame_comes_soon_and_is_understood(opened: Open) -> None:
    rig = opened()
    until_frames(rig)
    rig.until(lambda: rig.readings, FIRST_FRAME_S)
    assert all(r.source == rig.sensor.id for r in rig.readings)


def test_frames_come_at_the_pace_of_the_data_sheet(opened: Open) -> None:
    rig = opened()
    if rig.frames_per_s is None:
        pytest.skip(f"no paper states a rate for {rig.sensor.device}")
    rig.run(12)  # set-up is over
    before, begun = rig.health.frames_good, rig.now_s()
    rig.run(60 if rig.sheet.per_s and rig.sheet.per_s < 0.5 else 20)
    rate = (rig.health.frames_good - before) / (rig.now_s() - begun)
    low, high = rig.frames_per_s
    assert low <= rate <= high, f"{rate:.2f} frames/s, not {low} to {high}; {rig.explain()}"


def test_every_refusal_has_a_name_and_there_are_few(opened: Open) -> None:
    rig = opened()
    until_frames(rig)  # before it a port may begin in the middle of a frame
    rig.run(3)
    before = rig.health.bytes_in, rig.health.bytes_discarded
    rig.run(20)
    heard, lost = rig.health.bytes_in - before[0], rig.health.bytes_discarded - before[1]
    assert lost <= rig.refused_share * heard, rig.explain()
    assert not unexplained(rig), f"{unexplained(rig)} stand in no list of reasons"
    h = rig.health
    assert h.bytes_in == h.bytes_good + h.bytes_discarded + h.bytes_pending


def unexplained(rig: Rig) -> list[str]:
    text = DOC.read_text(encoding="utf-8").split("## Words of refusal")[1].split("\n## ")[0]
    text += "`no_answer_<step>` `declined_<step>`"
    words = [
        re.escape(w).replace("<n>", r"\d+").replace("<step>", r"\w+") for w in re.findall(r"`([^`]+)`", text)
    ]
    return [r for r in rig.health.refused if not any(re.fullmatch(w, r) for w in words)]


def test_a_pulled_plug_is_noticed_and_healed(opened: Open) -> None:
    rig = opened()
    if not rig.may_unplug:
        pytest.skip("nobody at the bench pulls plugs (unplug: true says somebody does)")
    until_frames(rig)
    seen = len(rig.marks)
    if not rig.unplug():
        pytest.skip("the plug was not pulled")
    rig.until(lambda: any(m is Mark.DOWN for _, m, _ in rig.marks[seen:]), NOTICED_S)
    reason = next(text for _, m, text in rig.marks[seen:] if m is Mark.DOWN)
    assert str(rig.source.settings.port) in reason, "the reason must name the port"
    assert rig.health.bytes_pending == 0, "half a frame was kept"
    assert rig.replug(), "the plug was not put back"
    rig.until(lambda: rig.up, HEALED_S)
    asked = rig.asked
    until_frames(rig)
    rig.until(lambda: rig.asked > asked or not asked, SET_UP_S)  # it has lost its modes: set up again
    rig.run(3)
    assert not unanswered(rig), rig.explain()


def test_a_wire_that_came_off_is_noticed(opened: Open) -> None:
    """The port stays open but nothing comes: P7 promises 30 s to degraded, 120 s to trouble."""
    rig = opened()
    if not isinstance(rig, EmulatedRig):
        pytest.skip("pulling the plug is asked for instead: a loose wire looks the same to the detector")
    watch = SilenceDetector(SilenceParams(), Home("bench", sensors={rig.sensor.id: rig.sensor}))
    until_frames(rig)
    told: list[tuple[str, Phase, float]] = []

    def look() -> None:
        while rig.readings:
            r = rig.readings.pop(0)
            told.extend(_told(watch.process([Block.of([r])]), rig))
        told.extend(_told(watch.advance(rig.clock.now()), rig))

    def live(seconds: float) -> None:
        end = rig.now_s() + seconds
        while rig.now_s() < end:
            rig.step()
            look()

    live(45)
    assert told == [], "a device that works is never called silent"
    rig.line.trouble.mute = True
    off = rig.now_s()
    live(160)
    stages = {stage: t - off for stage, phase, t in told if phase is not Phase.CLEAR}
    pause = 1 / rig.sheet.per_s if rig.sheet.per_s else 25.0  # its last word may be this old
    assert 30 - pause - 1 <= stages["degraded"] <= 31.5
    assert 120 - pause - 1 <= stages["trouble"] <= 121.5
    rig.line.trouble.mute = False
    live(75)  # what was tried in vain meanwhile is tried again after a minute
    assert told[-1][1] is Phase.CLEAR


def _told(events: list[Event], rig: Rig) -> list[tuple[str, Phase, float]]:
    return [(str(e.evidence.get("stage", "")), e.phase, rig.now_s()) for e in events]


def test_a_wrong_speed_is_never_believed_and_can_be_told(opened: Open) -> None:
    rig = opened(wrong_speed=True)
    rig.run(15)
    few = rig.health.bytes_good <= 0.02 * max(rig.health.bytes_in, 1)
    assert few, f"garbage was believed; {rig.explain()}"
    assert "baud" in rig.source.status()["where"]
    if rig.sheet.per_s >= 1:  # a device that waits to be asked stays silent
        assert rig.health.bytes_in > 0
        assert rig.health.bytes_discarded + rig.health.bytes_pending > 0


def test_a_flipped_bit_never_raises_an_alarm(opened: Open) -> None:
    """A checksum tells every single flipped bit; what a format without one says is marked weak."""
    rig = opened()
    if not isinstance(rig, EmulatedRig):
        pytest.skip("nobody can flip bits on a real wire")
    until_frames(rig)
    rig.line.trouble = Trouble(one_flip=0.4)
    rig.until(lambda: rig.line.damage.flipped >= 60, 4000)
    for reading in rig.readings:
        if reading.quantity not in ALARM_CLASS:
            continue
        alarming = isinstance(reading.value, float) and reading.value >= ALARM.get(reading.quantity, 1.0)
        assert not (alarming and rig.spec.integrity), reading
        assert not alarming or reading.flags & Flag.WEAK
    assert rig.health.refused, "nothing was refused of what was damaged"
    assert not unexplained(rig)


def test_a_bad_line_is_left_behind_at_once(opened: Open) -> None:
    rig = opened()
    if not isinstance(rig, EmulatedRig):
        pytest.skip("nobody can damage a real wire to order")
    until_frames(rig)
    rig.line.trouble = Trouble(flip_per_bit=1e-3, lose_per_byte=5e-3, double_per_byte=5e-3)
    rig.until(lambda: rig.line.damage.touched >= 10, 4000)
    assert not unexplained(rig)
    rig.line.trouble = Trouble()
    rig.run(45 if not rig.sheet.per_s else 8)  # a question without an answer is asked again later
    before, lost = rig.health.frames_good, rig.health.bytes_discarded
    until_frames(rig)
    rig.run(10)
    assert rig.health.frames_good > before
    assert rig.health.bytes_discarded == lost, "it is still out of step"


TELLS: dict[str, tuple[Q, ...]] = {
    "walk": (Q.PRESENCE, Q.TARGET_COUNT, Q.CLOUD),
    "test_gas": (Q.CO_PPM, Q.METHANE_PPM, Q.GAS_LEL_PCT, Q.GAS, Q.CO2_PPM, Q.FORMALDEHYDE_PPM),
    "test_smoke": (Q.SMOKE,),
    "test_button": (Q.TEST,),
}


def test_what_happens_before_it_is_told(opened: Open) -> None:
    rig = opened()
    if not rig.may_ask:
        pytest.skip("nobody at the bench does what is asked (stimuli: true says somebody does)")
    kind = rig.sheet.stimulus
    if not rig.stimulus(kind, False):
        pytest.skip("not now")
    rig.run(12)
    rig.readings.clear()
    quiet = rig.until(lambda: level(rig, kind) is not None or rig.sheet.on_change, 90)
    assert quiet <= 90
    at_rest = level(rig, kind) or 0.0
    if not rig.stimulus(kind, True):
        pytest.skip("not now")
    rig.until(lambda: (level(rig, kind) or 0.0) > at_rest, 90)


def level(rig: Rig, kind: str) -> float | None:
    """How much of it does the last reading say? Points count by their number."""
    for quantity in TELLS[kind]:
        for reading in reversed(rig.readings):
            if reading.quantity is quantity:
                return float(len(reading.value)) if quantity is Q.CLOUD else float(reading.value)  # type: ignore[arg-type]
    return None
