"""Does the picture of a day say what the day was, in both languages, without words on words?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from core.clock import ManualClock
from core.config import SamplesConfig
from core.localtime import LocalTime
from core.model import DAY, HOUR, MINUTE, SECOND, Alert, AlertState, Reading, Severity, alert_id
from core.quantity import Quantity
from detectors.day_facts import WANTED, Day, facts
from gateway.cli import app
from gateway.day_json import as_json
from gateway.day_picture import draw
from gateway.day_sheet import width, wrapped
from gateway.day_words import Speech, lines, of_day, text
from store.reading import SampleReader
from store.sqlite import SampleStore
from tests.detectors.daily_home import at, home
from tests.detectors.test_day_facts import MONDAY, made, ordinary
from tests.laws.blocks import START, example_home, slice_blocks, stories

ROOT = Path(__file__).resolve().parent.parent.parent
Q = Quantity
SVG = "{http://www.w3.org/2000/svg}"
TONGUES = ("en", "zh-CN")


def alert(kind: str, hours: float, state: AlertState = AlertState.OPEN, revision: int = 1) -> Alert:
    t = at(hours)
    severity = Severity.ALARM if kind == "fall" else Severity.WARNING
    opened = at(8)
    return Alert(
        alert_id("h", kind, "hall", opened), kind, severity, "hall", "hall", "ann", opened, t, state, revision
    )


def checked(day: Day, alerts: list[Alert], speech: Speech) -> ElementTree.Element:
    """The picture, after the laws of every picture."""
    svg, sheet = draw(day, alerts, speech)
    root = ElementTree.fromstring(svg)
    _, _, wide, high = (float(v) for v in root.attrib["viewBox"].split())
    for box in sheet.boxes:
        assert 0 <= box.x0 <= box.x1 <= wide + 1, box
        assert 0 <= box.y0 <= box.y1 <= high, box
    for a, b in combinations(sheet.boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
        assert apart, f"{a} lies on {b}"
    for rect in root.iter(f"{SVG}rect"):
        assert float(rect.attrib["width"]) >= 0
        assert float(rect.get("x", "0")) + float(rect.attrib["width"]) <= wide + 1
    assert "nan" not in svg
    assert len(sheet.boxes) == len(root.findall(f"{SVG}text"))
    return root


@pytest.mark.parametrize("language", TONGUES)
def test_the_picture_says_the_same_as_the_words(language: str) -> None:
    day = made(ordinary())
    alerts = [alert("door_open", 9.5), alert("fall", 15), alert("fall", 16, AlertState.CLEARED, 2)]
    speech = Speech(home(), language)
    root = checked(day, alerts, speech)
    drawn = " ".join(t.text or "" for t in root.iter(f"{SVG}text"))
    for label, said in lines(day, (), speech)[1:-1]:
        assert label in drawn
        for line in wrapped(said, 12, 808):
            assert line in drawn
    assert "09:30" in drawn
    assert "15:00" in drawn
    assert "16:00" not in drawn, "the end of an alert is not another alert"
    told = text(day, alerts, speech)
    for fact in ("22:00", "07:00", "13:00", "09:00", "11:00", MONDAY.isoformat()):
        assert fact in told
    assert speech.say("day.medical") in told


@pytest.mark.parametrize("language", TONGUES)
def test_a_home_that_sees_nothing_draws_unknown_everywhere(language: str) -> None:
    day = made([], home(doors=False))
    speech = Speech(home(doors=False), language)
    root = checked(day, [], speech)
    hatched = [r for r in root.iter(f"{SVG}rect") if r.get("fill") == "url(#unseen)"]
    assert any(float(r.attrib["width"]) > 800 for r in hatched)
    told = dict(lines(day, (), speech))
    unknown = speech.say("day.state.unknown")
    for name in ("night", "naps", "out", "bathroom", "heart", "breath"):
        assert unknown in told[speech.say(f"day.label.{name}")], name
    data = as_json(day, [], LocalTime("UTC"), "h")
    assert data["totals_s"]["unknown"] == 86400
    for name in ("night", "naps", "outings", "bathroom_visits", "heart_rate_bpm", "breath_rate_bpm"):
        assert data[name] is None, name


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.data(), st.sampled_from(TONGUES))
def test_any_day_can_be_drawn_told_and_given_as_data(data: st.DataObject, language: str) -> None:
    where = example_home()
    rows = data.draw(stories(WANTED, where)).readings()
    day = facts(slice_blocks(rows), where, LocalTime(where.zone).at(START).date(), rows[-1].t + 1)
    speech = Speech(where, language)
    checked(day, [], speech)
    assert text(day, [], speech)
    told = json.loads(json.dumps(as_json(day, [], speech.local, where.id), allow_nan=False))
    assert sum(told["totals_s"].values()) == pytest.approx(told["length_s"])


@given(st.text(max_size=60), st.floats(60, 400))
def test_wrapped_lines_lose_no_letter(said: str, room: float) -> None:
    whole = "".join(said.split())
    assert "".join("".join(line.split()) for line in wrapped(said, 12, room)) == whole
    assert all(width(line, 12) <= room or " " not in line for line in wrapped(said, 12, room))


def test_an_alert_that_rings_again_counts_on_the_day_it_rings() -> None:
    day = made(ordinary())
    before, again = alert("door_open", -6), alert("door_open", 10, revision=7)
    assert [a.changed for a in of_day(day, [before, again])] == [at(10)]
    assert of_day(day, [before, alert("door_open", 10, AlertState.CLEARED, 2)]) == []


def _hearthwatch(*arguments: str, language: str = "en") -> SimpleNamespace:
    """The command, in this process: what it printed and how it exited."""
    found = CliRunner().invoke(app, arguments, env={"HEARTHWATCH_LANGUAGE": language, "COLUMNS": "200"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return SimpleNamespace(returncode=found.exit_code, stdout=found.stdout, stderr=found.stderr)


def stored(folder: Path) -> Path:
    """A configuration whose gateway kept two days; the samples are those of the example home."""
    t0 = int(datetime(2026, 3, 1, 16, tzinfo=UTC).timestamp()) * SECOND  # midnight in Shanghai
    folder.mkdir(exist_ok=True)
    store = SampleStore(folder / "samples.db", SamplesConfig(), ManualClock(t0), threaded=False)
    rows: list[Reading] = []
    for h in range(40):
        for k, source in enumerate(("motion_kitchen", "motion_hall", "motion_kitchen")):
            t = t0 - 12 * HOUR + h * HOUR + k * MINUTE
            rows += [Reading(source, Q.MOTION, t, 1.0), Reading(source, Q.MOTION, t + SECOND, 0.0)]
    rows += [Reading("radar_bedroom", Q.HEART_RATE_BPM, t0 + s * SECOND, 61.0) for s in range(600)]
    rows.sort(key=lambda r: r.t)
    store.write(slice_blocks(rows))
    store.close()
    config = (
        (ROOT / "config.yaml").read_text(encoding="utf-8").replace("state_dir: state", f"state_dir: {folder}")
    )
    path = folder / "config.yaml"
    path.write_text(config, encoding="utf-8")
    return path


def test_the_day_is_read_from_what_the_gateway_kept(tmp_path: Path) -> None:
    config = stored(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name == "samples.db"}
    out = tmp_path / "day.svg"
    said = _hearthwatch("day", "2026-03-02", "-c", str(config), "--out", str(out), "--language", "zh-CN")
    assert said.returncode == 0, said.stderr
    assert "王秀英" in said.stdout
    assert "每分钟61次" in said.stdout
    assert ElementTree.fromstring(out.read_text(encoding="utf-8")).tag == f"{SVG}svg"
    data = json.loads(_hearthwatch("day", "2026-03-02", "-c", str(config), "--json").stdout)
    assert data["heart_rate_bpm"]["median"] == 61.0
    assert sum(data["totals_s"].values()) == 86400
    assert set(data["rooms_s"]) == {"kitchen", "hall"}
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name == "samples.db"} == before


def test_mistakes_are_told_with_what_to_do(tmp_path: Path) -> None:
    config = stored(tmp_path)
    said = _hearthwatch("day", "2026-02-31", "-c", str(config))
    assert said.returncode == 4
    assert "is no date" in said.stderr
    (tmp_path / "samples.db").write_bytes(b"no database at all, and rather short")
    said = _hearthwatch("day", "-c", str(config))
    assert said.returncode == 4
    assert "Traceback" not in said.stderr
    stored(tmp_path / "other")
    (tmp_path / "samples.db").write_bytes((tmp_path / "other" / "samples.db").read_bytes())
    (tmp_path / "alerts.db").write_bytes(b"no record of alerts")
    said = _hearthwatch("day", "2026-03-02", "-c", str(config))
    assert said.returncode == 4
    assert "alerts.db" in said.stderr
    assert (tmp_path / "alerts.db").read_bytes() == b"no record of alerts", "looking mends nothing"
    (tmp_path / "alerts.db").unlink()
    (tmp_path / "samples.db").unlink()
    said = _hearthwatch("day", "-c", str(config))
    assert said.returncode == 4
    assert "--log" in said.stderr
    assert _hearthwatch("day", "--log", str(tmp_path / "none")).returncode == 4


def test_reading_sees_what_a_running_gateway_has_committed(tmp_path: Path) -> None:
    t0 = START
    clock = ManualClock(t0)
    store = SampleStore(tmp_path / "samples.db", SamplesConfig(), clock, threaded=False)
    rows = [Reading("bed", Q.BED_OCCUPIED, t0 + h * HOUR, float(h % 2)) for h in range(30)]
    store.write(slice_blocks(rows))
    store.turn()
    store._commit()
    reader = SampleReader(tmp_path / "samples.db", MINUTE)
    (block,) = reader.blocks(frozenset({Q.BED_OCCUPIED}), t0, t0 + DAY)
    assert block.t.tolist() == [r.t for r in rows if r.t < t0 + DAY]
    assert reader.reached() == rows[-1].t
    reader.close()
    store.close()


def test_alerts_of_the_day_are_read_from_the_record(tmp_path: Path) -> None:
    from alerts.outbox import Outbox

    config = stored(tmp_path)
    t = int(datetime(2026, 3, 2, 4, tzinfo=UTC).timestamp()) * SECOND  # noon in Shanghai
    told = replace(alert("fall", 0), id="ab" * 8, opened=t, changed=t, room="hall", source="radar_hall")
    outbox = Outbox(tmp_path / "alerts.db")
    outbox.write([told])
    outbox.close()
    data = json.loads(_hearthwatch("day", "2026-03-02", "-c", str(config), "--json").stdout)
    assert [(a["kind"], a["told"][11:16]) for a in data["alerts"]] == [("fall", "12:00")]
    assert "12:00 ALARM: fall" in _hearthwatch("day", "2026-03-02", "-c", str(config)).stdout
    days = json.loads(_hearthwatch("weeks", "2026-03-02", "-c", str(config), "--json").stdout)["days"]
    assert days[-1]["alerts"] == {"alarm": 1}


def test_a_real_home_gives_its_days(data_folder: Path) -> None:
    log = data_folder / "home" / "homes" / "ordonez_b.csv"
    said = _hearthwatch("day", "2012-11-15", "--log", str(log), "--json")
    assert said.returncode == 0, said.stderr
    day = json.loads(said.stdout)
    assert day["date"] == date(2012, 11, 15).isoformat()
    assert day["night"]["start"].startswith("2012-11-15T01:55")
    assert sum(day["totals_s"].values()) == pytest.approx(86400)
    assert day["heart_rate_bpm"] is None
