from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.severity import RULES
from alerts.text import LANGUAGES, render
from alerts.text.message import catalogue
from core.model import Alert, AlertState, Home, Resident, Responder, Severity
from tests.alerts.making import HOME, alert

EN, ZH = catalogue("en"), catalogue("zh-CN")


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(node, dict):
        for k, v in node.items():
            yield from leaves(v, (*path, k))
    elif isinstance(node, str):
        yield path, node


def test_both_languages_say_the_same_things_with_the_same_blanks() -> None:
    en, zh = dict(leaves(EN)), dict(leaves(ZH))
    assert set(en) == set(zh)
    for path, text in en.items():
        blanks = {f for _, f, _, _ in string.Formatter().parse(text) if f is not None}
        assert blanks == {f for _, f, _, _ in string.Formatter().parse(zh[path]) if f is not None}, path
        assert bool(text) == bool(zh[path]), path
    assert EN["about_source"] == ZH["about_source"]


def test_every_kind_and_every_graded_stage_has_its_words() -> None:
    for words in (EN, ZH):
        assert set(RULES) <= set(words["kinds"])
        for kind, rule in RULES.items():
            assert words["kinds"][kind]["advice"], kind
            if rule.severity is Severity.ALARM:
                assert set(rule.stages) <= set(words["kinds"][kind]["stages"]), kind


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*sorted(RULES), "never heard of"])
def test_every_kind_stage_and_state_can_be_said(language: str, kind: str) -> None:
    stages = [None, "unknown stage", *EN["kinds"].get(kind, {}).get("stages", {})]
    for stage in stages:
        for state in AlertState:
            for severity in Severity:
                a = alert(1, 3, severity, state, kind, evidence={"stage": stage})
                said = render(a, HOME, language)
                assert said.title
                assert said.body
                assert len(said.title) <= 120
                assert "{" not in said.text
                assert "None" not in said.text


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just({}) | st.just([])
)


@given(
    st.dictionaries(
        st.sampled_from([*EN["numbers"], "stage", "reason", "calls", "escalation", "weak"]), values
    ),
    st.sampled_from(LANGUAGES),
    st.sampled_from(sorted(RULES)),
)
def test_no_evidence_makes_it_fail(evidence: dict[str, Any], language: str, kind: str) -> None:
    said = render(alert(kind=kind, evidence=evidence), HOME, language)
    assert "nan" not in said.text
    assert "{" not in said.text


def test_an_alarm_says_what_where_who_since_when_how_much_and_what_to_do() -> None:
    a = alert(1, 1, kind="co", evidence={"stage": "alarm", "co_ppm": 123.456, "duration_s": 90})
    said = render(a, HOME, "en")
    assert said.title == "ALARM: carbon monoxide (厨房)"
    assert said.body.splitlines() == [
        "Since 08:00:00", "Lives here: 王秀英", "Measured: CO 123 ppm, for 90 s",
    ]  # fmt: skip
    assert "fresh air" in said.advice
    assert "119" in said.advice


def test_chinese() -> None:
    said = render(alert(1, 1, kind="fall", evidence={"stage": "long_lie"}), HOME, "zh-CN")
    assert said.title == "【紧急】跌倒后仍未起身(厨房)"
    assert "120" in said.advice


def test_the_words_follow_the_state() -> None:
    said = [{"word": "acknowledge", "by": "daughter", "at": 1}]
    acknowledged = alert(1, 2, state=AlertState.ACKNOWLEDGED, evidence={"answers": said})
    assert "seen by daughter" in render(acknowledged, HOME, "en").body
    again = alert(1, 2, changed=600, evidence={"escalation": 2})
    assert "nobody has answered for 9 min" in render(again, HOME, "en").body
    cleared = render(alert(1, 3, state=AlertState.CLEARED), HOME, "en")
    assert cleared.title == "Over: smoke (厨房)"
    assert "Leave" not in cleared.advice


def test_a_test_is_called_a_test_and_never_asks_for_help() -> None:
    said = render(alert(evidence={"test": True}), HOME, "en")
    assert said.title.startswith("TEST")
    assert "119" not in said.text


def test_doubt_is_said() -> None:
    assert "already so" in render(alert(evidence={"found_at_connect": True}), HOME, "en").body


def test_times_are_those_of_the_wall_and_of_the_home() -> None:
    shifted = render(alert(), HOME, "en", wall_offset=3600 * 10**9).body
    assert shifted.startswith("Since 09:00:00")
    assert render(alert(changed=86_400 * 3), HOME, "en").body.startswith("Since 1970-01-01 08:00")


def test_equipment_is_named_by_room_and_device() -> None:
    a = alert(1, 1, Severity.TROUBLE, kind="battery_low", evidence={"battery_pct": 7})
    assert render(a, HOME, "en").title == "Trouble: battery low (厨房, s1)"
    link = Alert("1", "link_down", Severity.TROUBLE, "link:broker", "", "", 0, 0, AlertState.OPEN, 1, {})
    assert render(link, Home("h"), "en").title == "Trouble: connection lost (connection broker)"


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="zh-CN"):
        render(alert(), HOME, "fr")


# -- people

HELPED = replace(
    HOME,
    residents=(Resident("wang", "王秀英", 1943, ("heart disease", "hard of hearing"), "021-555"),),
    address="Xingfu Road 5",
    floor="6",
    entry="code 1234",
    responders=(
        Responder("grid", "Zhang", "grid worker", "139", 8),
        Responder("li", "Li", "neighbour", "138", 2, ("wang",)),
        Responder("son", "Wang Jun", "son"),
        Responder("other", "Nobody", "", "", 1, ("somebody else",)),
    ),
)
FALL = alert(1, 2, kind="fall", changed=86_400 * 365 * 56 + 86_400 * 20, evidence={"height_after_m": 0.3})


def test_a_helper_reads_who_where_how_in_who_knows_and_who_is_near() -> None:
    said = render(FALL, HELPED, "en", told=("daughter", "centre"))
    lines = said.body.splitlines()
    assert "Lives here: 王秀英 (83 years), phone 021-555" in lines
    assert "Known: heart disease, hard of hearing" in lines
    assert "Where: Xingfu Road 5, floor 6, 厨房" in lines
    assert "How to get in: code 1234" in lines
    assert "Told so far: daughter, centre" in lines
    assert "Nearest: neighbour Li 138 2 min, grid worker Zhang 139 8 min, son Wang Jun" in lines
    assert "王秀英（83 岁），电话 021-555" in render(FALL, HELPED, "zh-CN").body


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_only_helpers_need_is_told_to_them_alone(language: str) -> None:
    secrets = ("1234", "heart disease", "021-555", "138", "139")
    over = replace(FALL, state=AlertState.CLEARED)
    trouble = replace(FALL, kind="battery_low", severity=Severity.TROUBLE)
    for quiet in (
        render(FALL, HELPED, language, discreet=True),
        render(over, HELPED, language),
        render(trouble, HELPED, language),
    ):
        assert not [x for x in secrets if x in quiet.text]
        assert "Xingfu Road 5" in quiet.text
        assert "王秀英" in quiet.text
    assert all(x in render(FALL, HELPED, language).text for x in secrets)


@given(st.integers(40, 3000), st.sampled_from(LANGUAGES), st.sampled_from([*sorted(RULES), "new"]))
def test_law_a_message_fits_and_keeps_what_matters_most(size: int, language: str, kind: str) -> None:
    links = ("Take: https://home.example/a?t=" + "x" * 200,)
    said = render(replace(FALL, kind=kind), HELPED, language, told=("a", "b"), links=links)
    text = said.fit(size)
    assert len(text.encode()) <= size
    whole = said.text.splitlines()
    kept = text.splitlines()
    if text == said.text:
        return
    if not text.endswith("…"):  # whole lines went
        assert set(kept) <= set(whole)
    if size >= 400:  # the title, since when, who and where stand in every message of a useful size
        for must in (said.title, "王秀英", "Xingfu Road 5", "1234"):
            assert must in text
    longer = said.fit(size + 200)
    assert len(longer) >= len(text) or text.endswith("…")


def test_a_valve_that_closed_by_itself_is_told() -> None:
    gas = alert(
        kind="gas", evidence={"done": [{"word": "valve_closed", "by": "kitchen valve", "at": 1}, "x"]}
    )
    assert "Done by itself: kitchen valve is closed" in render(gas, HOME, "en").body


def test_who_took_it_is_still_said_when_others_have_seen_it() -> None:
    said = [
        {"word": "take", "by": "Li", "at": 1}, {"word": "acknowledge", "by": "daughter", "at": 2},
        {"word": "on_the_way", "by": "Li", "at": 3}, {"word": "acknowledge", "by": "son", "at": 4},
    ]  # fmt: skip
    body = render(alert(1, 5, state=AlertState.ACKNOWLEDGED, evidence={"answers": said}), HOME, "en").body
    assert "seen by daughter, Li is on the way, seen by son" in body
    assert "taken" not in body
    odd = render(alert(evidence={"answers": [7, {"word": "dance"}, {"by": "x"}, None]}), HOME, "en").body
    assert odd.splitlines()[0] == "Since 08:00:00"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_only_begun_has_no_length_yet(language: str) -> None:
    begun = render(
        alert(1, 1, kind="fall", evidence={"stage": "confirmed", "duration_s": 0.0}), HOME, language
    )
    bare = render(alert(1, 1, kind="fall", evidence={"stage": "confirmed"}), HOME, language)
    later = render(
        alert(1, 1, kind="fall", evidence={"stage": "confirmed", "duration_s": 40.0}), HOME, language
    )
    assert begun.text == bare.text
    assert later.text != bare.text
