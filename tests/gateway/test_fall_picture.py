"""Does the picture of a fall show the height over time, what it was judged by, and each stage?"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from core.model import SECOND, Alert, AlertState, Block, Home, Mounting, Reading, Sensor, Severity
from core.quantity import Quantity as Q
from gateway.height import height_lines, thresholds
from gateway.show_alert import picture, stages
from ingest.recording import write_all
from tests.gateway.fall_home import alerts, packets, plan_of, story

SVG = "{http://www.w3.org/2000/svg}"


def test_a_simulated_fall_is_drawn_with_its_thresholds_and_stages(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    sent = packets(plan, story([{"at_s": 20, "do": "fall"}, {"at_s": 55, "do": "get_up"}], 80))
    told = alerts(plan, sent)
    kept = plan.state_dir / "evidence" / f"{told[0].id}.jsonl"
    kept.parent.mkdir(parents=True)
    write_all(kept, sent)
    root = ElementTree.fromstring(picture(told, plan))
    texts = [t.text or "" for t in root.findall(f"{SVG}text")]
    for word in ("height (m)", "suspected", "confirmed", "recovered", "radar middle", "radar top"):
        assert word in texts
    assert {t.split()[0] for t in texts if "_m " in t} == {"height_before_m", "low_m", "up_again_m"}
    assert len(root.findall(f"{SVG}polyline")) >= 2


def cloud(heights: list[float], tilt_deg: float = 0.0) -> Block:
    """One frame a tenth of a second of points 2 m away, so high above a sensor at 1.5 m."""
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    readings = []
    for i, height in enumerate(heights):
        y, z = 2.0 * c - (height - 1.5) * s, (height - 1.5) * c + 2.0 * s
        points = np.tile([0.0, y, z, 0.5, 1.0], (3, 1))
        readings.append(Reading("radar", Q.CLOUD, i * SECOND // 10, points))
    return Block.of(readings)


@pytest.mark.parametrize("tilt_deg", [0.0, 20.0])
def test_heights_count_from_the_floor_whatever_the_tilt(tilt_deg: float) -> None:
    home = Home("h", sensors={"radar": Sensor("radar", "any", "port", mounting=Mounting(1.5, tilt_deg))})
    middle, top = height_lines(cloud([1.0] * 30 + [0.2] * 30, tilt_deg), home)
    assert middle.value[5] == pytest.approx(1.0)
    assert middle.value[-1] == pytest.approx(0.2)
    assert max(top.value) == pytest.approx(1.0)


def test_a_track_of_height_zero_is_not_drawn() -> None:
    home = Home("h", sensors={"radar": Sensor("radar", "any", "port")})
    rows = [Reading("radar", Q.HEIGHT, i * SECOND, (1.0, z, 0.0)) for i, z in enumerate((1.7, 0.0, 1.6))]
    (line,) = height_lines(Block.of(rows), home)
    assert [round(v, 1) if v == v else None for v in line.value] == [1.7, None, 1.6]


def alert(stage: str, changed_s: int, state: AlertState = AlertState.OPEN, **more: object) -> Alert:
    evidence = {"stage": stage, **more}
    return Alert("1", "fall", Severity.ALARM, "radar", "", "", 10 * SECOND, changed_s * SECOND, state, 1,
                 evidence)  # fmt: skip


def test_stages_stand_where_they_began_not_where_they_were_told() -> None:
    told = [
        alert("suspected", 11, duration_s=0.0), alert("confirmed", 26, duration_s=15.0),
        alert("long_lie", 90, duration_s=60.0), alert("long_lie", 150, duration_s=60.0),
        alert("recovered", 160, AlertState.CLEARED, duration_s=149.0),
    ]  # fmt: skip
    assert [(name, t // SECOND) for name, t in stages(told)] == [
        ("suspected", 10), ("confirmed", 25), ("long_lie", 70), ("recovered", 159)
    ]  # fmt: skip


def test_thresholds_are_those_of_the_evidence() -> None:
    assert thresholds([alert("suspected", 11)]) == []
    found = dict(thresholds([alert("suspected", 11, height_before_m=1.0, low_m=0.2)]))
    assert found["up_again_m"] == pytest.approx(0.68)
