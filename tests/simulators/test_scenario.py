from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from core.config import ConfigError
from core.config import load as load_config
from core.model import HOUR, SECOND
from detectors import DETECTORS
from simulators import home, scenario
from simulators.scenario import FIELDS, Scenario, Step

KINDS = {kind for spec in DETECTORS.values() for kind in spec.kinds}
DAY = date(2026, 3, 2)


@pytest.mark.parametrize("name", scenario.names())
def test_shipped_scenarios_fit_the_shipped_home(name: str, root: Path) -> None:
    config, _ = load_config(root / "config.yaml")
    played, document = scenario.load_document(name)
    home.check(played, document, config)
    assert home.played(played, config.as_home()).sensors
    assert played.name == name
    for truth in played.truth:
        assert truth.kind in KINDS
    assert set(played.never) <= KINDS


@pytest.mark.parametrize("name", scenario.names())
def test_trouble_can_be_alerted_within_a_minute_of_the_demonstration(name: str) -> None:
    played = scenario.load(name)
    for truth in played.truth:
        assert (truth.by_s - truth.from_s) / played.speed <= 60


def test_the_promised_scenarios_exist() -> None:
    assert {
        "quiet_day", "fall_in_bathroom", "fall_in_hall", "kitchen_gas_leak", "smoke_at_night",
        "door_left_open", "sensor_dies", "nobody_moves", "call_button", "co_slow",
    } <= set(scenario.names())  # fmt: skip


def test_every_verb_has_its_fields() -> None:
    verbs = Step.model_fields["do"].annotation.__args__  # type: ignore[union-attr]
    assert set(verbs) == set(FIELDS)


HEAD = 'title: {en: a, zh: b}\nabout: {en: a, zh: b}\nstart: "07:30"\nduration_s: 60\nspeed: 1\n'


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("colour: blue\n", 6, "unknown key"),
        ("speed: 2\n", 6, "twice"),
        ("seed: -1\n", 6, "greater"),
        ("day: someday\n", 6, "isoformat"),
        ("steps:\n  - {at_s: 1, do: dance}\n", 7, "should be"),
        ("steps:\n  - {at_s: 1, do: press}\n", 7, "needs sensor"),
        ("steps:\n  - {at_s: 1, do: press, sensor: x, room: hall}\n", 7, "knows no room"),
        ("steps:\n  - {at_s: 1, do: fall, actor: cat}\n", 1, "no actor"),
        ("steps:\n  - {at_s: 9, do: fall}\n  - {at_s: 8, do: fall}\n", 1, "in order"),
        ("steps:\n  - {at_s: 60, do: fall}\n", 1, "beyond"),
        ("truth:\n  - {kind: fall, room: hall, from_s: 9, by_s: 9, severity: alarm}\n", 7, "later than"),
        ("truth:\n  - {kind: fall, room: hall, from_s: 9, by_s: 99, severity: alarm}\n", 1, "beyond"),
        (
            "truth:\n  - {kind: fall, room: hall, from_s: 1, by_s: 9, severity: alarm}\nnever: [fall]\n",
            1,
            "and in",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as told:
        scenario.load(write(tmp_path, text))
    assert says in str(told.value)
    assert told.value.line == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("steps:\n  - {at_s: 1, do: go, room: cellar}\n", 7),
        ("steps:\n  - {at_s: 1, do: press, sensor: nobody}\n", 7),
        ("steps:\n  - {at_s: 1, do: unplug, link: nowhere}\n", 7),
        ("truth:\n  - {kind: fall, room: cellar, from_s: 1, by_s: 9, severity: alarm}\n", 7),
        ("truth:\n  - {kind: fall, source: nobody, from_s: 1, by_s: 9, severity: alarm}\n", 7),
        ("sensors: [nobody]\n", 6),
        ("rates: {nobody: 1}\n", 6),
    ],
)
def test_what_the_home_has_not_is_told_with_its_line(
    tmp_path: Path, root: Path, text: str, line: int
) -> None:
    config, _ = load_config(root / "config.yaml")
    played, document = scenario.load_document(write(tmp_path, text))
    with pytest.raises(ConfigError, match="in this home") as told:
        home.check(played, document, config)
    assert told.value.line == line


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="quiet_day"):
        scenario.load("no_such")


def at(start: str, day: str = "any", zone: str = "") -> Scenario:
    text = {"en": "a", "zh": "b"}
    return Scenario.model_validate({
        "name": "x", "title": text, "about": text, "start": start, "duration_s": 9, "speed": 1,
        "day": day, "time_zone": zone,
    })  # fmt: skip


def test_a_start_is_local_time() -> None:
    start = scenario.start_of(at("02:30"), "Asia/Shanghai", DAY)
    assert scenario.local_text(at("02:30"), "Asia/Shanghai", start) == "2026-03-02T02:30:00+08:00"
    assert scenario.start_of(at("02:30", zone="UTC"), "Asia/Shanghai", DAY) - start == 8 * HOUR


def test_a_demonstration_lies_ahead() -> None:
    noon = scenario.start_of(at("12:00"), "UTC", DAY)
    assert scenario.next_start(at("12:00"), "UTC", noon - SECOND) == noon
    assert scenario.next_start(at("12:00"), "UTC", noon) == noon + 24 * HOUR
    fixed = at("12:00", day="2020-01-01")
    assert scenario.local_text(fixed, "UTC", scenario.next_start(fixed, "UTC", noon)).startswith("2020-01-01")


@pytest.mark.parametrize(
    ("day", "expected"),
    [("clocks_forward", "2026-03-28T22:00:00+01:00"), ("clocks_back", "2026-10-24T22:00:00+02:00")],
)
def test_nights_on_which_the_clocks_change(day: str, expected: str) -> None:
    played = at("22:00", day=day, zone="Europe/Berlin")
    assert scenario.local_text(played, "UTC", scenario.start_of(played, "UTC", DAY)) == expected


def test_where_clocks_are_never_changed_that_is_said() -> None:
    with pytest.raises(ValueError, match="never changed"):
        scenario.start_of(at("22:00", day="clocks_back"), "Asia/Shanghai", DAY)
