"""Pain 1: the timer of "no sign of life" starts again from zero at every restart. Ours must not."""

from __future__ import annotations

import json

import pytest

from core.model import HOUR, SECOND, Mark, Packet
from gateway import build
from gateway.journal import Journal, read_journal
from tests.pains.story import T0, clock, home, marked, of_kind, plan, says, tell

HOME = home("motion_hall:motion", "motion_living:motion:living")
LIFE = [
    clock(0, 0),
    marked(Mark.UP, 0.1),
    *[
        says(f"motion_{room}", 10 + 60 * i, occupancy=bool(i % 2))
        for i in range(20)
        for room in ("hall", "living")
    ],
]


def _first(alerts: list) -> tuple[int, str]:  # type: ignore[type-arg]
    found = of_kind(alerts, "inactivity")
    assert found, "stillness was never alerted"
    return found[0].opened, found[0].id


def _undisturbed() -> tuple[int, str]:
    return _first(tell(build.make_pipeline(plan(HOME)), LIFE, until_s=30 * 3600))


@pytest.mark.parametrize("restarts_at_h", [(0.5,), (1.0, 2.0, 3.0), tuple(range(1, 12))])
def test_pain_01_any_number_of_restarts_gives_the_same_alert(restarts_at_h: tuple[float, ...]) -> None:
    pipeline = build.make_pipeline(plan(HOME))
    alerts = tell(pipeline, LIFE)
    for hours in restarts_at_h:
        now = T0 + round(hours * HOUR)
        alerts += pipeline.advance(now)
        kept = json.loads(json.dumps(pipeline.snapshot()))
        pipeline = build.make_pipeline(plan(HOME))
        assert pipeline.restore(kept) == [], "no detector may start cold"
        # two seconds of darkness, as a real restart has
        dark = Packet("", "", now + 2 * SECOND, b"2.0", Mark.BLIND)
        alerts += pipeline.turn(pipeline.stamp([dark]))
    alerts += pipeline.advance(T0 + 30 * HOUR)
    opened, _ = _first(alerts)
    undisturbed, _ = _undisturbed()
    assert abs(opened - undisturbed) <= 2 * SECOND * len(restarts_at_h)


def test_pain_01_the_journal_bridges_a_crash_to_the_packet(tmp_path: object) -> None:
    """Killed between snapshots: snapshot of an early moment, then the journal, then life goes on."""
    from pathlib import Path

    folder = Path(str(tmp_path))
    pipeline = build.make_pipeline(plan(HOME))
    tell(pipeline, LIFE[:10])
    kept = json.loads(json.dumps(pipeline.snapshot()))
    journal = Journal(folder / "journal")
    for packet in LIFE[10:]:
        stamped = pipeline.stamp([packet])
        journal.append(stamped)
        pipeline.turn(stamped)
    journal.close()
    again = build.make_pipeline(plan(HOME))
    again.restore(kept)
    alerts = []
    for packet in read_journal(folder / "journal"):
        alerts += again.turn([packet])
    alerts += again.advance(T0 + 30 * HOUR)
    assert _first(alerts) == _undisturbed()
