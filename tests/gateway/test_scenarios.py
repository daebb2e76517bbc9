"""Is every scenario's trouble alerted, in time, as bad as it is, and nothing else that must not be?"""

from __future__ import annotations

from pathlib import Path

import pytest

from core.model import SECOND, Severity
from simulators import scenario
from tests.gateway.runs import played, run


@pytest.mark.parametrize("name", scenario.names())
def test_ground_truth_is_alerted(name: str, tmp_path: Path) -> None:
    story, start, _ = played(name)
    alerts = run(name, tmp_path)
    for truth in story.truth:
        fitting = [
            a
            for a in alerts
            if a.kind == truth.kind
            and (not truth.room or a.room == truth.room)
            and (not truth.source or a.source == truth.source)
            and a.severity.rank <= Severity(truth.severity).rank
        ]
        assert fitting, (
            f"{name}: {truth} was never alerted; got {sorted({(a.kind, a.severity) for a in alerts})}"
        )
        first = min(a.changed for a in fitting)
        assert first <= start + truth.by_s * SECOND, (
            f"{name}: {truth} came {(first - start) / SECOND:.1f} s in"
        )
        assert first >= start + truth.from_s * SECOND, f"{name}: {truth} came before its cause"


@pytest.mark.parametrize("name", scenario.names())
def test_nothing_is_alerted_that_must_not_be(name: str, tmp_path: Path) -> None:
    story, _, _ = played(name)
    wrong = {a.kind for a in run(name, tmp_path)} & set(story.never)
    assert not wrong, f"{name} raised {sorted(wrong)}"
