"""How bad is an event? One table from kind and stage to severity, each line with its reason.

The book asks :func:`judge` for every event. An unknown kind is a warning: it is never silent. Marks in
the evidence only ever lower what one event can do: ``test`` makes it info, ``weak`` and
``found_at_connect`` hold it at warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.model import Severity

ALARM, WARNING, TROUBLE, INFO = Severity.ALARM, Severity.WARNING, Severity.TROUBLE, Severity.INFO

Ends = Literal["clear", "person", "itself"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What does a kind mean?

    ``severity`` holds for stages that are not listed. ``ends``: ``clear`` when its detector says so;
    ``person`` never by a detector, only some hours after a person has acknowledged it; ``itself`` a
    while after it last happened (a fact of one instant).
    """

    severity: Severity
    why: str
    stages: Mapping[str, Severity] = field(default_factory=dict)
    ends: Ends = "clear"


_GRADED = {"question": INFO, "info": INFO, "suspected": WARNING, "warning": WARNING, "alarm": ALARM,
           "confirmed": ALARM, "trouble": TROUBLE}  # fmt: skip

RULES: dict[str, Rule] = {
    # -- life safety
    "smoke": Rule(ALARM, "minutes decide in a fire", {"warning": WARNING, "suspected": WARNING}),
    "heat": Rule(ALARM, "a heat alarm answers to a developed fire", {"warning": WARNING}),
    "gas": Rule(ALARM, "gas may explode", {"warning": WARNING, "suspected": WARNING}),
    "co": Rule(ALARM, "CO kills unnoticed", {"warning": WARNING, "suspected": WARNING}),
    "water": Rule(WARNING, "water spoils the home but leaves time", {"alarm": ALARM}),
    "sos": Rule(ALARM, "somebody calls for help", ends="person"),
    "fall": Rule(
        ALARM,
        "half of those who lie for an hour die within six months",
        {"suspected": WARNING, "confirmed": ALARM, "long_lie": ALARM},
    ),
    # -- daily life
    "inactivity": Rule(
        WARNING,
        "the net under the fall detector; a question first, where it is safe to ask",
        {"question": INFO, "info": INFO, "warning": WARNING, "alarm": ALARM},
    ),
    "door_open": Rule(WARNING, "the home stands open, or somebody left and is not back", _GRADED),
    "bed_exit": Rule(WARNING, "out of bed at night for too long", _GRADED),
    "bed_absence": Rule(WARNING, "out of bed at night for too long", _GRADED),
    "bathroom_long": Rule(WARNING, "many falls happen in bathrooms, where few sensors look", _GRADED),
    "no_show": Rule(WARNING, "who lies helpless since the night is missed in the morning", _GRADED),
    "wandering": Rule(WARNING, "who walks about for half the night falls, or leaves", _GRADED),
    "night_exit": Rule(WARNING, "outside at night the cold and the dark leave little time", _GRADED),
    "left_home": Rule(WARNING, "went out at an hour the family has not agreed to", _GRADED),
    "left_alone": Rule(WARNING, "went out without whom or what should have gone along", _GRADED),
    "not_back": Rule(WARNING, "out past the hour they always come home by", _GRADED),
    "family_rule": Rule(WARNING, "the family asked to be told of this", {"info": INFO, "warning": WARNING}),
    "vitals": Rule(WARNING, "a radar's heart or breathing rate is a hint, not a diagnosis", _GRADED),
    "apnea": Rule(WARNING, "a radar's breathing rate is a hint, not a diagnosis", _GRADED),
    "temperature": Rule(WARNING, "cold and heat harm old people within hours", _GRADED),
    # -- the equipment; needs a repair, never a rescue
    "sensor_silent": Rule(TROUBLE, "blind there; unknown is not safe", {"degraded": INFO}),
    "sensor_stuck": Rule(TROUBLE, "it says the same whatever happens; unknown is not safe"),
    "sensor_flapping": Rule(TROUBLE, "it changes too often to mean anything"),
    "link_down": Rule(TROUBLE, "everything behind this link is unseen"),
    "battery_low": Rule(TROUBLE, "change it before the sensor dies"),
    "tamper": Rule(TROUBLE, "opened or moved; it may not see what it should"),
    "mains_lost": Rule(TROUBLE, "runs on its battery from now on"),
    "fault": Rule(TROUBLE, "its self-test failed; its readings are no values"),
    "device_fault": Rule(TROUBLE, "it says itself that something is wrong with it"),
    "measuring_fault": Rule(
        TROUBLE, "its numbers are impossible, so they are no values", {"warming_up": INFO}
    ),
    "inventory_change": Rule(
        TROUBLE, "who renames or removes a sensor rarely thinks of who relies on it", {"renamed": INFO}
    ),
    "unproven": Rule(TROUBLE, "a detector that never alarmed may be one that cannot"),
    "replace_due": Rule(TROUBLE, "past the date on its label its maker no longer vouches for it"),
    "end_of_life": Rule(TROUBLE, "past its rated life it may not alarm"),
    "warming_up": Rule(INFO, "cannot see yet, will in minutes"),
    "detector_fault": Rule(TROUBLE, "one question is not being asked"),
    "channel_fault": Rule(TROUBLE, "one way out is closed"),
    "channel_refused": Rule(TROUBLE, "the far end said no for good", ends="itself"),
    "storage_fault": Rule(TROUBLE, "alerts still go out but may not survive a power cut"),
    "chain_fault": Rule(TROUBLE, "the record was changed or is damaged"),
    "erasure": Rule(INFO, "personal data were removed on request", ends="itself"),
    "gap": Rule(TROUBLE, "the gateway saw nothing for a while", ends="itself"),
    "cold_start": Rule(TROUBLE, "state was lost; what went on before is unknown", ends="itself"),
    "clock_step": Rule(INFO, "the wall clock was set; durations are untouched", ends="itself"),
    "test": Rule(INFO, "a drill of the whole chain", ends="itself"),
    "summary": Rule(INFO, "what to look after, once a day", ends="itself"),
    "valve_fault": Rule(TROUBLE, "gas may still flow; nobody may rely on the valve"),
    "heartbeat_fault": Rule(TROUBLE, "if the gateway died now, the far end would not notice"),
}

UNKNOWN = Rule(WARNING, "nobody said what it means, so it is not kept silent", _GRADED)

MARKS = ("weak", "found_at_connect", "test")
"""Evidence keys that say: do not trust this event alone."""


def rule(kind: str) -> Rule:
    """Which rule holds for this kind? ``UNKNOWN`` if none was written."""
    return RULES.get(kind, UNKNOWN)


def marked(evidence: Mapping[str, Any], mark: str) -> bool:
    """Does the evidence carry this mark? Only a true ``True`` counts; the text "false" does not."""
    return evidence.get(mark) is True


def judge(kind: str, evidence: Mapping[str, Any]) -> Severity:
    """How bad is an event of this kind with this evidence?

    >>> judge("fall", {"stage": "suspected"}), judge("fall", {"stage": "confirmed"})
    (<Severity.WARNING: 'warning'>, <Severity.ALARM: 'alarm'>)
    >>> judge("smoke", {"weak": True}), judge("smoke", {"test": True}), judge("something new", {})
    (<Severity.WARNING: 'warning'>, <Severity.INFO: 'info'>, <Severity.WARNING: 'warning'>)
    """
    if marked(evidence, "test"):
        return INFO
    found = rule(kind)
    stage = evidence.get("stage")
    severity = found.stages.get(stage, found.severity) if isinstance(stage, str) else found.severity
    if severity is ALARM and (marked(evidence, "weak") or marked(evidence, "found_at_connect")):
        return WARNING
    return severity


def worse(a: Severity, b: Severity) -> Severity:
    """Which of two is worse?

    >>> worse(Severity.TROUBLE, Severity.WARNING)
    <Severity.WARNING: 'warning'>
    """
    return a if a.rank <= b.rank else b
