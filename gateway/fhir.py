"""What can a clinic's system read of a home? FHIR R4 bundles of Observation and DetectedIssue.

Each serious alert (an alarm or a warning about a person or a danger; no drills, no equipment) becomes an
Observation, which says what was seen, and a DetectedIssue, which says that somebody should have looked and
who did. Heart and breathing rates become vital-signs Observations, one an hour, the mean of what the radar
gave; an hour in which it reported without a usable number says so in ``dataAbsentReason``.

Nothing names a person beyond what the configuration holds: the Patient is the resident's id in this home,
with name and year of birth only if asked for. References are urn:uuid, made from the home's and the alert's
ids, so the same export again is the same resources. Coding: LOINC 8867-4 (heart rate), 9279-1 (respiratory
rate), SNOMED CT 217082002 (accidental fall), UCUM; everything else as text. R4 is FHIR 4.0.1.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from alerts.archive import Archive
from alerts.audit import ERASURE
from alerts.text import render
from alerts.text.message import catalogue
from core.localtime import LocalTime
from core.model import HOUR, Alert, AlertState, Flag, Home, Severity
from core.quantity import Quantity
from store.reader import SampleReader

ENTRIES = 500
"""Resources in one bundle."""

VITALS = {
    Quantity.HEART_RATE_BPM: ("8867-4", "Heart rate"),
    Quantity.BREATH_RATE_BPM: ("9279-1", "Respiratory rate"),
}
_SYSTEM = "urn:hearthwatch"
_LOINC, _SNOMED, _UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_SPACE = uuid.UUID("6f1d6a3e-6a5c-5e0e-9c47-9d5f1a2b3c4d")
_SEVERITY = {Severity.ALARM: "high", Severity.WARNING: "moderate"}
_MOVEMENT = frozenset({"fall", "inactivity", "bed_exit", "bed_absence", "wandering", "night_exit"})
_BAD = int(Flag.RETAINED | Flag.TEST)


class Clinic:
    """Resources of one home. ``names``: patients carry name and year of birth."""

    def __init__(self, home: Home, names: bool = False) -> None:
        self._home, self._names = home, names
        self._local = LocalTime(home.zone)
        self._words = catalogue(home.language)

    # -- what there is

    def people(self) -> Iterator[dict[str, Any]]:
        """A Patient for each resident, and one for nobody in particular where there are several."""
        ids = [r.id for r in self._home.residents]
        for resident in ids if len(ids) == 1 else [*ids, ""]:
            yield self._patient(resident)

    def alert(self, life: Sequence[Alert]) -> list[dict[str, Any]]:
        """An Observation and a DetectedIssue of one alert's whole life; nothing if it is not for a clinic."""
        last = life[-1]
        worst = min((a.severity for a in life), key=lambda s: s.rank)
        drill = last.evidence.get("test") is True or last.kind in ("test", ERASURE)
        if worst not in _SEVERITY or drill:
            return []
        return [self._seen(last), self._issue(last, worst)]

    def vitals(self, reader: SampleReader, start: int | None, stop: int | None) -> Iterator[dict[str, Any]]:
        """Hourly means of heart and breathing rate."""
        for key in reader.series():
            if key[1] not in VITALS:
                continue
            hours: dict[int, list[float]] = {}
            for block in reader.blocks(key, start, stop):
                good = np.isfinite(block.value) & (block.value > 0) & ((block.flags & _BAD) == 0)
                for slot, value, fine in zip(
                    (block.t // HOUR).tolist(), block.value.tolist(), good.tolist(), strict=True
                ):
                    kept = hours.setdefault(slot, [])
                    if fine:
                        kept.append(value)
            for slot, values in sorted(hours.items()):
                yield self._rate(*key, slot * HOUR, values)

    # -- resources

    def _patient(self, resident: str) -> dict[str, Any]:
        found = next((r for r in self._home.residents if r.id == resident), None)
        patient: dict[str, Any] = {
            "resourceType": "Patient",
            "identifier": [{"system": f"{_SYSTEM}:{self._home.id}", "value": resident or "household"}],
        }
        if self._names and found is not None:
            if found.name:
                patient["name"] = [{"text": found.name}]
            if found.born is not None:
                patient["birthDate"] = str(found.born)
        return self._entry(f"patient/{resident}", patient)

    def _seen(self, alert: Alert) -> dict[str, Any]:
        title = self._title(alert)
        code: dict[str, Any] = {"text": title}
        if alert.kind == "fall":
            code["coding"] = [{"system": _SNOMED, "code": "217082002", "display": "Accidental fall"}]
        seen: dict[str, Any] = {
            "resourceType": "Observation",
            "identifier": [{"system": f"{_SYSTEM}:{self._home.id}:alert", "value": alert.id}],
            "status": _status(alert),
            "code": code,
            "subject": self._ref("patient/" + self._who(alert)),
            "effectiveDateTime": self._at(alert.opened),
            "issued": self._at(alert.changed),
            "device": self._device(alert.source),
        }
        if alert.kind in _MOVEMENT:
            seen["category"] = [{"coding": [{"system": _CATEGORY, "code": "activity"}]}]
        seen["valueBoolean"] = True
        room = self._home.rooms.get(alert.room)
        if room is not None:
            place = room.name or self._words["rooms"].get(room.kind) or room.id
            seen["note"] = [{"text": str(place)}]
        return self._entry(f"alert/{alert.id}", seen)

    def _issue(self, alert: Alert, worst: Severity) -> dict[str, Any]:
        seen = self._ref(f"alert/{alert.id}")
        said = render(alert, self._home, self._home.language, discreet=True)
        issue: dict[str, Any] = {
            "resourceType": "DetectedIssue",
            "identifier": [{"system": f"{_SYSTEM}:{self._home.id}:issue", "value": alert.id}],
            "status": _status(alert),
            "code": {"text": self._title(alert)},
            "severity": _SEVERITY[worst],
            "patient": self._ref("patient/" + self._who(alert)),
            "identifiedDateTime": self._at(alert.opened),
            "author": self._device("gateway"),
            "implicated": [seen],
            "evidence": [{"detail": [seen]}],
            "detail": said.title,
        }
        answers = alert.evidence.get("answers")
        kept = [x for x in answers if isinstance(x, dict)] if isinstance(answers, list) else []
        if kept:
            issue["mitigation"] = [
                {"action": {"text": self._action(x)}, "date": self._at(int(x.get("at", alert.changed)))}
                for x in kept
            ]
        return self._entry(f"issue/{alert.id}", issue)

    def _rate(self, source: str, quantity: Quantity, start: int, values: list[float]) -> dict[str, Any]:
        code, display = VITALS[quantity]
        device = self._home.sensors[source].device if source in self._home.sensors else "unknown"
        alone = self._home.residents[0].id if len(self._home.residents) == 1 else ""
        rate: dict[str, Any] = {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs"}]}],
            "code": {"coding": [{"system": _LOINC, "code": code, "display": display}], "text": display},
            "subject": self._ref(f"patient/{alone}"),
            "effectivePeriod": {"start": self._at(start), "end": self._at(start + HOUR)},
            "device": self._device(source),
            "method": {"text": f"mean of {len(values)} values of a radar ({device})"},
        }
        if values:
            rate["valueQuantity"] = {
                "value": round(sum(values) / len(values), 1), "unit": "/min", "system": _UCUM, "code": "/min",
            }  # fmt: skip
        else:
            reason = {"system": _ABSENT, "code": "unknown", "display": "Unknown"}
            rate["dataAbsentReason"] = {"coding": [reason]}
        return self._entry(f"rate/{source}/{quantity}/{start}", rate)

    # -- small parts

    def _title(self, alert: Alert) -> str:
        kind = self._words["kinds"].get(alert.kind)
        return str(kind["title"]) if kind else alert.kind

    def _who(self, alert: Alert) -> str:
        ids = [r.id for r in self._home.residents]
        return alert.resident if alert.resident in ids else ids[0] if len(ids) == 1 else ""

    def _action(self, answer: dict[str, Any]) -> str:
        cause = f" ({answer['cause']})" if answer.get("cause") else ""
        by = f": {answer['by']}" if self._names and answer.get("by") else ""
        return f"{answer.get('word', '')}{cause}{by}"

    def _device(self, source: str) -> dict[str, Any]:
        system = f"{_SYSTEM}:{self._home.id}:source"
        return {"type": "Device", "identifier": {"system": system, "value": source}, "display": source}

    def _ref(self, what: str) -> dict[str, str]:
        return {"reference": self._urn(what)}

    def _urn(self, what: str) -> str:
        return uuid.uuid5(_SPACE, f"{self._home.id}/{what}").urn

    def _entry(self, what: str, resource: dict[str, Any]) -> dict[str, Any]:
        urn = self._urn(what)
        return {"fullUrl": urn, "resource": {**resource, "id": urn.rpartition(":")[2]}}

    def _at(self, t: int) -> str:
        return self._local.at(t).isoformat(timespec="milliseconds")


def _status(alert: Alert) -> str:
    if alert.evidence.get("closed") == "false_alarm":
        return "entered-in-error"
    return "preliminary" if alert.state is AlertState.OPEN else "final"


def bundles(entries: Iterable[dict[str, Any]], people: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Bundles of at most :data:`ENTRIES` resources; each carries the patients, so that it stands alone.

    An alert's Observation and DetectedIssue come as pairs and stay in one bundle (``ENTRIES`` is even).
    """
    batch: list[dict[str, Any]] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) >= ENTRIES:
            yield _bundle([*people, *batch])
            batch = []
    if batch:
        yield _bundle([*people, *batch])


def _bundle(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def clinic_entries(
    home: Home,
    archive: Archive | None,
    reader: SampleReader | None,
    start: int | None,
    stop: int | None,
    names: bool = False,
) -> tuple[list[dict[str, Any]], Iterator[dict[str, Any]]]:
    """The patients, and all other entries: alerts that opened in [start, stop), then hourly vital signs."""
    clinic = Clinic(home, names)

    def entries() -> Iterator[dict[str, Any]]:
        for life in archive.lives() if archive is not None else ():
            opened = life[-1].opened
            if (start is None or opened >= start) and (stop is None or opened < stop):
                yield from clinic.alert(life)
        if reader is not None:
            yield from clinic.vitals(reader, start, stop)

    return list(clinic.people()), entries()
