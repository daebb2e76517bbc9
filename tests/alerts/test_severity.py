from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.severity import MARKS, RULES, judge, rule, worse
from alerts.text.message import LANGUAGES, catalogue
from core.model import Severity

ALARM, WARNING, TROUBLE, INFO = Severity
DAILY = (
    "bathroom_long", "bed_absence", "no_show", "not_back", "night_exit", "left_home", "left_alone", "wandering",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["smoke", "heat", "gas", "co", "sos", "fall"])
def test_life_safety_is_an_alarm_unless_its_stage_says_less(kind: str) -> None:
    assert judge(kind, {}) is ALARM
    assert judge(kind, {"stage": "a stage nobody wrote down"}) is ALARM


@pytest.mark.parametrize(
    ("kind", "stage", "expected"),
    [
        ("fall", "suspected", WARNING),
        ("fall", "confirmed", ALARM),
        ("fall", "long_lie", ALARM),
        ("inactivity", "question", INFO),
        ("inactivity", "warning", WARNING),
        ("inactivity", "alarm", ALARM),
        ("co", "warning", WARNING),
        ("door_open", "question", INFO),
        *((kind, "question", INFO) for kind in DAILY),
        *((kind, "warning", WARNING) for kind in DAILY),
        *((kind, "alarm", ALARM) for kind in DAILY),
        ("sensor_silent", "degraded", INFO),
        ("sensor_silent", "trouble", TROUBLE),
    ],
)
def test_stages(kind: str, stage: str, expected: Severity) -> None:
    assert judge(kind, {"stage": stage}) is expected


@given(st.text(), st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.integers()))
def test_what_nobody_described_is_never_silent_and_nothing_raises(kind: str, evidence: dict) -> None:
    severity = judge(kind, evidence)
    if kind not in RULES and not any(evidence.get(m) is True for m in MARKS) and "stage" not in evidence:
        assert severity is WARNING


@given(st.sampled_from(sorted(RULES)), st.sampled_from(["", "alarm", "confirmed", "long_lie", "warning"]))
def test_doubt_never_gives_an_alarm_and_never_makes_a_trouble_worse(kind: str, stage: str) -> None:
    plain = judge(kind, {"stage": stage})
    for mark in ("weak", "found_at_connect"):
        doubted = judge(kind, {"stage": stage, mark: True})
        assert doubted is worse_or_warning(plain)
    assert judge(kind, {"stage": stage, "test": True}) is INFO


@pytest.mark.parametrize("kind", DAILY)
def test_the_rules_of_the_day_are_described_with_words_for_every_stage(kind: str) -> None:
    assert kind in RULES
    for language in LANGUAGES:
        words = catalogue(language)["kinds"][kind]
        raised = {"question", "warning", "alarm"} - ({"question"} if kind == "night_exit" else set())
        assert raised <= set(words["stages"]), (kind, language)
        assert words["advice"]
        assert words["after"]


def worse_or_warning(severity: Severity) -> Severity:
    return WARNING if severity is ALARM else severity


def test_a_mark_must_be_true_not_a_text_that_looks_like_it() -> None:
    assert judge("smoke", {"test": "false"}) is ALARM
    assert judge("smoke", {"weak": 0}) is ALARM


@pytest.mark.parametrize(
    "kind", ["battery_low", "tamper", "mains_lost", "sensor_silent", "link_down", "fault"]
)
def test_the_state_of_the_equipment_is_trouble_never_an_alarm(kind: str) -> None:
    assert judge(kind, {}) is TROUBLE
    assert all(s is not ALARM for s in rule(kind).stages.values())


@given(st.sampled_from(list(Severity)), st.sampled_from(list(Severity)))
def test_worse_is_the_smaller_rank(a: Severity, b: Severity) -> None:
    assert worse(a, b).rank == min(a.rank, b.rank)


def test_the_reference_lists_every_kind_as_it_is(root: Path) -> None:
    text = (root / "docs" / "reference" / "alerts.md").read_text(encoding="utf-8")
    for kind, found in RULES.items():
        stages = ", ".join(f"{a}: {b}" for a, b in found.stages.items() if b is not found.severity) or "-"
        assert f"| `{kind}` | {found.severity} | {stages} | {found.ends} | {found.why} |" in text, kind
