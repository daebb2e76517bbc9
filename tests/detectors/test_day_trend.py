"""Is a change told only when it is one, and never from days that nobody saw?"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.localtime import LocalTime
from core.model import HOUR, Block, Reading
from core.quantity import Quantity
from detectors.day_figures import LETTERS, band, equipment, figures
from detectors.day_trend import FLOORS, battery_days, known, odd, trend, trends
from tests.detectors.daily_home import at, home
from tests.detectors.test_day_facts import made, ordinary


def row(n: int, unknown_s: int = 0, **values: Any) -> dict[str, Any]:
    day = date(2026, 1, 1) + timedelta(days=n)
    totals = {"unknown": unknown_s, "ahead": 0, "room": 86400 - unknown_s}
    return {"date": day.isoformat(), "whole": True, "length_s": 86400, "totals_s": totals, **values}


def test_nothing_is_usual_before_enough_days_are_known() -> None:
    rows = [row(n, heart_bpm=60.0) for n in range(16)]
    assert trend(rows, "heart_bpm").usual is None
    assert trend([*rows, row(16, heart_bpm=60.0)], "heart_bpm").change == "same"
    few = [*(row(n, heart_bpm=60.0) for n in range(30)), *(row(30 + n) for n in range(7))]
    assert trend(few, "heart_bpm").recent is None
    assert trend(few, "heart_bpm").change == ""


@pytest.mark.parametrize(("now", "change"), [(60.0, "same"), (64.0, "same"), (72.0, "more"), (50.0, "less")])
def test_a_change_is_told_when_it_is_large_against_the_usual_spread(now: float, change: str) -> None:
    chance = Random(3)
    rows = [row(n, heart_bpm=60 + chance.gauss(0, 2)) for n in range(28)]
    rows += [row(28 + n, heart_bpm=now + chance.gauss(0, 2)) for n in range(7)]
    assert trend(rows, "heart_bpm").change == change


def test_days_nobody_saw_do_not_count() -> None:
    rows = [row(n, asleep_s=25_000) for n in range(28)]
    rows += [row(28 + n, unknown_s=40_000, asleep_s=1_000) for n in range(7)]
    assert trend(rows, "asleep_s").recent is None
    assert known(rows[-1], "asleep_s") is None
    assert known({**rows[0], "whole": False}, "asleep_s") is None
    assert known({**rows[0], "asleep_s": True}, "asleep_s") is None


def test_one_bad_night_is_odd_but_changes_nothing() -> None:
    rows = [row(n, asleep_s=25_000 + 300 * (n % 5)) for n in range(40)]
    rows[37]["asleep_s"] = 5_000
    assert trend(rows, "asleep_s").change == "same"
    assert [i for i, strange in enumerate(odd(rows, "asleep_s")) if strange] == [37]


@given(st.lists(st.none() | st.floats(0, 1e5), max_size=45), st.sampled_from(sorted(FLOORS)))
def test_any_rows_have_a_trend(values: list[float | None], figure: str) -> None:
    rows = [row(n, **{figure: v}) for n, v in enumerate(values)]
    found = trend(rows, figure)
    assert found.change in ("", "same", "more", "less")
    assert (found.change != "") == (found.recent is not None and found.usual is not None)
    assert len(odd(rows, figure)) == len(rows)
    assert len(trends(rows)) <= 1


def test_a_battery_that_falls_has_its_days_counted() -> None:
    def charged(pct: float, n: int) -> dict[str, Any]:
        return row(n, sensors={"door": {"battery_pct": pct}})

    assert battery_days([charged(80 - n / 2, n) for n in range(20)], "door") == pytest.approx(141, abs=1)
    assert battery_days([charged(80, n) for n in range(20)], "door") is None
    assert battery_days([charged(80 - n, n) for n in range(5)], "door") is None


def test_the_figures_of_a_day_say_what_the_day_was() -> None:
    day = made(ordinary())
    blocks = [
        Block.of([Reading("door", Quantity.BATTERY_PCT, at(h), 80.0 - h) for h in range(24)]),
        Block.of([Reading("door", Quantity.LINK_QUALITY, at(30), 80.0)]),
    ]
    found = figures(day, LocalTime(home().zone), blocks, {"alarm": 1})
    assert sum(found["totals_s"].values()) == 86400
    assert len(found["band"]) == 96
    assert set(found["band"]) <= set(LETTERS.values())
    assert found["band"] == band(day)
    assert found["band"][40] == "o"
    assert found["in_bed_s"] == round(8.9 * 3600)
    assert found["bed_exits"] == 1
    assert found["naps_s"] == 45 * 60
    assert found["asleep_s"] is None
    assert found["visits"] is None
    assert found["sensors"] == {"door": {"battery_pct": 68.5}}
    assert equipment(made(ordinary(), silent=[("hall", at(3), at(5))]), [])["hall"]["lost_h"] == 2.0
    assert HOUR
