"""Are the figures of each day written down, and are the weeks shown from them, without words on words?"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from core.clock import ManualClock
from core.model import HOUR, MINUTE, SECOND
from gateway import build
from gateway.day_keeper import DayKeeper
from gateway.day_words import Speech
from gateway.weeks_picture import draw
from gateway.weeks_words import columns_of, sensors, sentences
from store.days import DayStore
from tests.detectors.daily_home import home
from tests.gateway.test_day import SVG, TONGUES, _hearthwatch, stored


def rows(count: int, **last: Any) -> list[dict[str, Any]]:
    out = []
    for n in range(count):
        day = date(2026, 3, 1) + timedelta(days=n)
        made = {
            "version": 1, "date": day.isoformat(), "whole": True, "length_s": 86400,
            "totals_s": {"unknown": 0, "ahead": 0}, "band": "s" * 28 + "h" * 40 + "o" * 8 + "?" * 4 + "b" * 16,
            "asleep_s": 25_000 + 60 * (n % 7), "bed_exits": n % 2, "visits_at_night": 1, "outings": n % 3,
            "activity": 100 + n % 5, "heart_bpm": 60.0 + n % 3, "breath_bpm": 14.5,
            "alerts": {"alarm": int(n == 3), "trouble": 2},
            "sensors": {"front_door": {"battery_pct": 90.0 - n, "link_quality": 120.0, "lost_h": 0.5}},
        }  # fmt: skip
        out.append(made)
    for row in out[-7:]:
        row.update(last)
    return out


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize("count", [1, 6, 36, 70])
def test_weeks_are_drawn_without_words_on_words(count: int, language: str) -> None:
    svg, sheet = draw(rows(count), Speech(home(), language))
    root = ElementTree.fromstring(svg)
    wide, high = (float(v) for v in root.attrib["viewBox"].split()[2:])
    for box in sheet.boxes:
        assert 0 <= box.x0 <= box.x1 <= wide, box
        assert 0 <= box.y0 <= box.y1 <= high, box
    for a, b in combinations(sheet.boxes, 2):
        assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0, f"{a} lies on {b}"
    assert len([r for r in root.iter(f"{SVG}rect") if r.get("fill") == "url(#unseen)"]) >= count


def test_a_change_is_said_first_and_in_plain_words() -> None:
    said = sentences(rows(36, heart_bpm=75.0), Speech(home(), "en"))
    assert said[0] == "Heart rate: lately 75 per minute, usually 61 per minute: more than usual"
    assert "比平时多" in sentences(rows(36, heart_bpm=75.0), Speech(home(), "zh-CN"))[0]
    few = sentences(rows(9), Speech(home(), "en"))
    assert len(few) == 1
    assert "Too few days" in few[0]


def test_sensors_tell_where_their_battery_goes_and_what_was_lost() -> None:
    ((name, said),) = sensors(rows(20), Speech(home(), "en"))
    assert name == "front_door"
    assert "battery 71 %" in said
    assert "empty in about 71 days" in said
    assert "not heard 10.0 h" in said


def test_sleep_falls_back_to_time_in_bed() -> None:
    some = [{**r, "asleep_s": None, "in_bed_s": 30_000} for r in rows(3)]
    assert columns_of(some)[0] == "in_bed_s"


def test_days_are_kept_replaced_and_let_go(tmp_path: Path) -> None:
    store = DayStore(tmp_path / "days.db")
    assert store.read(date(2020, 1, 1), date(2030, 1, 1)) == {}
    assert not store.path.exists(), "reading makes no file"
    store.write(rows(3))
    store.write([{**rows(3)[2], "outings": 9}])
    found = store.read(date(2026, 3, 2), date(2026, 3, 3))
    assert sorted(found) == ["2026-03-02", "2026-03-03"]
    assert found["2026-03-03"]["outings"] == 9
    assert store.path.stat().st_mode & 0o077 == 0
    store.write([{**rows(1)[0], "date": "2031-01-01"}])
    assert list(store.read(date(2020, 1, 1), date(2032, 1, 1))) == ["2031-01-01"]


def _gateway(folder: Path, now: int) -> Any:
    plan = build.plan(stored(folder))
    return SimpleNamespace(plan=plan, folder=folder, clock=ManualClock(now))


def test_the_daemon_writes_each_day_once_after_midnight(tmp_path: Path) -> None:
    midnight = (
        int(datetime(2026, 3, 2, 16, tzinfo=UTC).timestamp()) * SECOND
    )  # the end of 2 March in Shanghai
    gateway = _gateway(tmp_path, midnight)
    keeper = DayKeeper(gateway)
    keeper.turn(midnight + MINUTE, (), ())
    keeper.close()
    days = DayStore(tmp_path / "days.db")
    first = days.read(date(2026, 3, 1), date(2026, 3, 9))
    assert list(first) == ["2026-03-01"], "ten minutes are left for the last samples"
    keeper.turn(midnight + 20 * MINUTE, (), ())
    keeper.close()
    found = days.read(date(2026, 3, 1), date(2026, 3, 9))
    assert list(found) == ["2026-03-01", "2026-03-02"]
    assert found["2026-03-02"]["heart_bpm"] == 61.0
    assert keeper.status() == {"last": "2026-03-02", "fault": ""}
    written = days.path.stat().st_mtime_ns
    DayKeeper(gateway).turn(midnight + HOUR, (), ())
    assert days.path.stat().st_mtime_ns == written


def test_without_samples_the_daemon_goes_on(tmp_path: Path) -> None:
    gateway = _gateway(tmp_path, 10**18)
    (tmp_path / "samples.db").write_bytes(b"nothing of the kind")
    keeper = DayKeeper(gateway)
    keeper.turn(1_800_000_000 * SECOND, (), ())
    keeper.close()
    assert keeper.status()["fault"]


def test_weeks_come_from_kept_figures_and_from_samples(tmp_path: Path) -> None:
    config = stored(tmp_path)
    DayStore(tmp_path / "days.db").write([{**r, "date": f"2026-02-{10 + n}"} for n, r in enumerate(rows(18))])
    out = tmp_path / "weeks.svg"
    said = _hearthwatch("weeks", "2026-03-02", "-c", str(config), "--json", "--out", str(out))
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    dates = [d["date"] for d in told["days"]]
    assert dates[:2] == ["2026-02-10", "2026-02-11"]
    assert dates[-2:] == ["2026-03-01", "2026-03-02"]
    assert told["days"][-1]["heart_bpm"] == 61.0
    assert {t["figure"] for t in told["trends"]} >= {"heart_bpm", "asleep_s"}
    assert ElementTree.fromstring(out.read_text(encoding="utf-8")).tag == f"{SVG}svg"
    words = _hearthwatch("weeks", "2026-03-02", "-c", str(config), "--sensors", language="zh_CN.UTF-8")
    assert words.returncode == 0, words.stderr
    assert "传感器" in words.stdout
    assert _hearthwatch("weeks", "2031-01-01", "-c", str(config)).returncode == 4


def test_the_nights_of_a_mat_are_compared_with_its_own_totals(tmp_path: Path) -> None:
    (tmp_path / "raw_sleep-monitor_sleep-state.csv").write_text(
        'start,duration,value\n2020-10-23T22:01:00+02:00,[60],[1]\n2020-10-23T22:00:00+02:00,"[60,60]","[0,1]"\n'
    )
    head = 'von,bis,"leicht (s)","tief (s)","rem (s)","wach (s)"\n'
    night = "2020-10-23T22:00:00+02:00,2020-10-23T22:02:00+02:00,{},0,0,60\n"
    (tmp_path / "sleep.csv").write_text(head + night.format(60))
    said = _hearthwatch("sleep", str(tmp_path))
    assert said.returncode == 0, said.stderr
    assert "4 of 4 totals" in said.stdout
    (tmp_path / "sleep.csv").write_text(head + night.format(120))
    said = _hearthwatch("sleep", str(tmp_path), "--json")
    assert said.returncode == 1
    assert json.loads(said.stdout)["totals_equal"] == 3
    assert _hearthwatch("sleep", str(tmp_path / "none")).returncode == 4
