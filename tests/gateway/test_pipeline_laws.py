"""Does the pipeline give the same alerts however its input is cut, restarted or asked for the time?"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import build, canonical
from gateway.replay import replay_packets
from tests.gateway.runs import QUICK, lines, pipeline_of, plan_of, played, run


@pytest.mark.parametrize("name", QUICK)
def test_chunk_size_changes_nothing(name: str, tmp_path: Path) -> None:
    whole = lines(run(name, tmp_path, 0))
    assert whole
    for chunk in (1, 7, 64, 4096):
        assert lines(run(name, tmp_path, chunk)) == whole, f"chunk {chunk}"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> build.Plan:
    return plan_of("fall_in_bathroom", tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def whole(plan: build.Plan) -> list[str]:
    _, _, packets = played("fall_in_bathroom")
    return lines(replay_packets(build.make_pipeline(plan), iter(packets), 0).alerts)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_random_cuts_and_looks_at_the_clock_change_nothing(
    seed: int, plan: build.Plan, whole: list[str]
) -> None:
    """Live turns cut anywhere and advance time in between; that is all that differs from a replay."""
    chance = random.Random(seed)
    _, _, packets = played("fall_in_bathroom")
    pipeline = build.make_pipeline(plan)
    alerts = []
    i = 0
    while i < len(packets):
        size = chance.choice((1, 2, 5, 30, 400))
        batch = pipeline.stamp(packets[i : i + size])
        alerts += pipeline.feed(batch)
        i += size
        if i < len(packets) and chance.random() < 0.5:
            gap = packets[i].at - pipeline.reached
            alerts += pipeline.advance(pipeline.reached + chance.randrange(max(1, gap)))
    alerts += pipeline.advance()
    assert lines(alerts) == whole


@settings(max_examples=15)
@given(where=st.floats(0, 1), chunk=st.sampled_from((1, 17, 300)))
def test_a_restart_anywhere_changes_nothing(
    where: float, chunk: int, plan: build.Plan, whole: list[str]
) -> None:
    """Pain 1: timers must not begin anew because the gateway did. A message format loses nothing at a
    restart; a byte stream may lose the frame it was cut in, so the cut is put between packets."""
    _, _, packets = played("fall_in_bathroom")
    cut = int(where * len(packets))
    first = build.make_pipeline(plan)
    alerts = []
    for i in range(0, cut, chunk):
        alerts += first.turn(first.stamp(packets[i : min(i + chunk, cut)]))
    kept = json.loads(json.dumps(first.snapshot()))
    second = build.make_pipeline(plan)
    assert second.restore(kept) == []
    for i in range(cut, len(packets), chunk):
        alerts += second.turn(second.stamp(packets[i : i + chunk]))
    alerts += second.advance()
    assert lines(alerts) == whole


def test_stamping_twice_is_stamping_once(tmp_path: Path) -> None:
    _, _, packets = played("call_button")
    once = pipeline_of("call_button", tmp_path).stamp(packets)
    again = pipeline_of("call_button", tmp_path).stamp(once)
    assert again == once
    assert all(a.at < b.at for a, b in itertools.pairwise(once))


def test_snapshot_of_another_build_is_refused_by_name(plan: build.Plan) -> None:
    pipeline = build.make_pipeline(plan)
    with pytest.raises(ValueError, match="not a whole snapshot"):
        pipeline.restore({"reached": 1})


def test_canonical_lines_name_each_revision_once(tmp_path: Path) -> None:
    alerts = run("smoke_at_night", tmp_path)
    assert canonical.lines(alerts + alerts) == canonical.lines(alerts)
