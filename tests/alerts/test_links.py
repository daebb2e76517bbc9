"""Signed links: what was granted can be read back; nothing else opens anything."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.answers import ANSWERS
from alerts.links import LINK_WORDS, Grant, LinkError, sign, url_of, verify

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_700_000_000

grants = st.builds(
    Grant,
    alert=st.text(st.sampled_from("0123456789abcdef"), min_size=16, max_size=16),
    by=st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    until_s=st.integers(NOW + 1, NOW + 10**7),
    word=st.sampled_from(["", *LINK_WORDS]),
)


def why(token: str, now: float = NOW, secret: bytes = SECRET) -> str:
    with pytest.raises(LinkError) as told:
        verify(secret, token, now)
    return told.value.why


@given(grants)
def test_law_what_was_granted_is_read_back(grant: Grant) -> None:
    token = sign(SECRET, grant)
    assert verify(SECRET, token, NOW) == grant
    assert token.isascii()
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert why(token, grant.until_s) == "expired"
    assert verify(SECRET, token, grant.until_s - 0.001) == grant


@given(grants, st.integers(0, 10_000), st.sampled_from("ABCabc019-_.=~"))
def test_law_no_other_token_opens_anything(grant: Grant, where: int, letter: str) -> None:
    token = sign(SECRET, grant)
    where %= len(token)
    changed = token[:where] + letter + token[where + 1 :]
    if changed != token:
        assert why(changed) in ("forged", "malformed")
    assert why(token[:where]) in ("forged", "malformed")
    assert why(token + letter) in ("forged", "malformed")


@given(grants, grants, st.binary(min_size=16, max_size=40))
def test_law_parts_of_two_links_and_other_secrets_open_nothing(a: Grant, b: Grant, other: bytes) -> None:
    one, two = sign(SECRET, a).split("."), sign(SECRET, b).split(".")
    if a != b:
        assert why(".".join([one[0], one[1], two[2]])) == "forged"
    if other != SECRET:
        assert why(sign(other, a)) == "forged"


@given(
    st.text(max_size=80)
    | st.binary(max_size=60).map(lambda b: "v1." + base64.urlsafe_b64encode(b).decode() + ".x")
)
def test_law_any_text_is_refused_without_falling_over(text: str) -> None:
    assert why(text) in ("forged", "malformed")


def test_an_expired_forgery_is_a_forgery() -> None:
    token = sign(SECRET, Grant("a" * 16, "son", NOW - 1))
    assert why(token) == "expired"
    assert why(token[:-1] + ("A" if token[-1] != "A" else "B")) == "forged"
    assert why("x" * 2000) == "malformed"


def test_a_link_for_one_word_allows_only_that() -> None:
    grant = Grant("a", "son", NOW, "take")
    assert grant.allows("take")
    assert not grant.allows("resolved")
    assert all(Grant("a", "son", NOW).allows(w) for w in LINK_WORDS)
    assert not Grant("a", "son", NOW).allows("dance")
    assert set(LINK_WORDS) <= set(ANSWERS)


def test_what_cannot_be_signed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        sign(b"short", Grant("a", "son", NOW))
    with pytest.raises(ValueError, match="dance"):
        sign(SECRET, Grant("a", "son", NOW, "dance"))


def test_addresses() -> None:
    token = sign(SECRET, Grant("a" * 16, "daughter", NOW))
    assert url_of("https://h.example/answer", token) == f"https://h.example/answer?t={token}"
    assert len(token) < 130
