"""What does a family's rule do? One plain sentence each, in the family's language."""

from __future__ import annotations

from collections.abc import Sequence

from core.model import Home
from detectors.family_rule import MISSING, Rule
from gateway.words import word


def sentence(rule: Rule, home: Home, language: str) -> str:
    """The sentence of one rule."""
    window = word("rule.always", language)
    if not rule.always:
        window = word("rule.window", language).format(after=rule.after, before=rule.before)
    said = word(f"rule.{rule.watch}.{rule.when}", language).format(
        name=rule.name,
        where=_where(rule, home, language),
        window=window,
        minutes=f"{rule.minutes:g}",
        times=rule.times,
        tell=word(f"rule.tell.{rule.stage}", language),
    )
    return said + word("rule.unless", language) if rule.when in MISSING else said


def sentences(rules: Sequence[Rule], home: Home, language: str) -> list[str]:
    """One a rule."""
    return [sentence(rule, home, language) for rule in rules]


def _where(rule: Rule, home: Home, language: str) -> str:
    room = home.rooms.get(rule.of)
    if room is not None and rule.watch == "motion":
        return word("rule.where.in", language).format(room=room.name or room.id)
    if rule.of and rule.watch == "motion":
        return word("rule.where.sensor", language).format(sensor=rule.of)
    if rule.of:
        return (room.name or room.id) if room is not None else rule.of
    return word("rule.where.bed" if rule.watch == "bed" else "rule.where.home", language)
