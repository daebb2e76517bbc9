"""Pain 20: a hub without a battery clock boots in 1970, NTP steps it, somebody sets it back."""

from __future__ import annotations

import pytest

from core.clock import ManualClock
from core.model import HOUR, SECOND
from gateway import build
from tests.pains.story import T0, clock, home, of_kind, plan, says, tell

OF = home("motion_hall:motion", "motion_living:motion:living", "smoke:smoke")
STEPS_S = [3600.0, -3600.0, 56 * 365 * 86400.0, -14 * 86400.0, 1.0]


def _life(until_h: int) -> list:  # type: ignore[type-arg]
    """Somebody is about, every few minutes, in two rooms."""
    out = [clock(0, 0)]
    for i in range(until_h * 12):
        room = ("hall", "living")[i % 2]
        out.append(says(f"motion_{room}", 5 + 300 * i, occupancy=True, battery=90))
        out.append(says(f"motion_{room}", 65 + 300 * i, occupancy=False, battery=90))
    out += [says("smoke", 30 + 3600 * h, smoke=False, battery=90) for h in range(until_h)]
    return sorted(out, key=lambda p: p.at)


@pytest.mark.parametrize("step", STEPS_S)
def test_pain_20_a_step_of_the_wall_clock_raises_nothing(step: float) -> None:
    story = sorted([*_life(8), clock(4 * 3600 + 1, step)], key=lambda p: p.at)
    alerts = tell(build.make_pipeline(plan(OF)), story, 8 * 3600)
    assert {a.kind for a in alerts} <= {"clock_step"}
    assert bool(of_kind(alerts, "clock_step")) == (abs(step) >= 60), "told where it matters"


@pytest.mark.parametrize("step", STEPS_S)
def test_pain_20_a_step_hides_no_alarm_and_moves_no_duration(step: float) -> None:
    """Stillness from 2 h on; the wall steps in the middle. Deadlines that count durations do not move."""
    quiet = tell(build.make_pipeline(plan(OF)), _life(2), 30 * 3600)
    stepped = tell(build.make_pipeline(plan(OF)), [*_life(2), clock(3 * 3600, step)], 30 * 3600)
    first, second = of_kind(quiet, "inactivity"), of_kind(stepped, "inactivity")
    assert first
    assert second, "the step hid a still person"
    alarm = [a.changed for a in second if a.severity == "alarm"]
    assert alarm
    assert alarm[0] <= T0 + 2 * HOUR + 14 * HOUR, "however the hours of the day are labelled"
    assert all(a.changed >= a.opened for a in second)
    smoke = tell(build.make_pipeline(plan(OF)), [clock(1, step), says("smoke", 2, smoke=True)])
    assert of_kind(smoke, "smoke")


def test_pain_20_event_time_never_runs_backwards() -> None:
    hub = ManualClock(1000)
    hub.set_wall_offset(-500 * SECOND)
    assert hub.now() == 1000
    with pytest.raises(ValueError, match="never"):
        hub.advance(-1)
