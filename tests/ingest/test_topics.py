"""Is nothing left unsubscribed because another filter was thought to cover it?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from ingest.topics import covers, needed

level = st.sampled_from(["a", "b", "", "$SYS"])
topics = st.lists(level, min_size=1, max_size=4).map("/".join)


@st.composite
def filters(draw: st.DrawFn) -> str:
    levels = draw(st.lists(st.one_of(level, st.just("+")), max_size=3))
    if not levels or draw(st.booleans()):
        levels.append("#")
    return "/".join(levels)


@given(filters(), filters(), topics)
def test_what_covers_matches_every_topic_the_other_matches(wide, narrow, topic):
    if covers(wide, narrow) and topic_matches_sub(narrow, topic):
        assert topic_matches_sub(wide, topic)


@given(st.lists(filters(), max_size=6), topics)
def test_the_needed_filters_match_the_same_topics(given_filters, topic):
    kept = needed(given_filters)
    assert set(kept) <= set(given_filters)
    assert len(kept) == len(set(kept))
    assert any(topic_matches_sub(f, topic) for f in kept) == any(
        topic_matches_sub(f, topic) for f in given_filters
    )


def test_two_equal_or_mutually_covering_filters_do_not_remove_each_other():
    assert needed(["a/#", "a/#"]) == ["a/#"]
    assert needed(["#", "+/#"])
