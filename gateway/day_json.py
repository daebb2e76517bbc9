"""How is a day given to a program? JSON with local ISO times and lengths in seconds; null: unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from core.localtime import LocalTime
from core.model import SECOND, Alert
from detectors.day_facts import Day
from detectors.day_rates import Rates
from detectors.day_spans import Pair, total


def as_json(day: Day, alerts: Sequence[Alert], local: LocalTime, home: str) -> dict[str, Any]:
    """All facts of a day."""

    def iso(t: int) -> str:
        return local.at(t).isoformat(timespec="seconds")

    def spans(pairs: Iterable[Pair] | None) -> list[dict[str, Any]] | None:
        if pairs is None:
            return None
        return [{"start": iso(a), "stop": iso(b), "length_s": (b - a) / SECOND} for a, b in pairs]

    def rates(found: Rates | None) -> dict[str, Any] | None:
        if found is None:
            return None
        return {
            "median": found.median,
            "low": found.low,
            "high": found.high,
            "minutes": found.minutes,
            "each": [[iso(t), v] for t, v in zip(found.t, found.value, strict=True)],
        }

    night = day.night
    return {
        "home": home,
        "date": day.date.isoformat(),
        "start": iso(day.start),
        "stop": iso(day.stop),
        "reached": iso(day.reached),
        "length_s": (day.stop - day.start) // SECOND,
        "totals_s": {state: ns / SECOND for state, ns in day.totals().items()},
        "rooms_s": {room: ns / SECOND for room, ns in sorted(day.rooms().items())},
        "spans": [
            {"start": iso(s.start), "stop": iso(s.stop), "state": s.state, "room": s.room} for s in day.spans
        ],
        "night": None
        if night is None
        else {
            "start": iso(night.start),
            "stop": iso(night.stop),
            "in_bed_s": total(night.in_bed) / SECOND,
            "asleep_s": None if night.asleep is None else total(night.asleep) / SECOND,
            "asleep_by": night.by or None,
            "out_of_bed": spans(night.out),
            "turn_overs": None if night.turns is None else len(night.turns),
            "stages_s": night.stages_s,
        },
        "night_in_bedroom": (spans([day.bedroom]) or [{}])[0] if day.bedroom else None,
        "naps": spans(day.naps),
        "outings": spans(day.outings),
        "bathroom_visits": None if day.visits is None else len(day.visits),
        "bathroom_visits_at_night": day.night_visits,
        "heart_rate_bpm": rates(day.heart),
        "breath_rate_bpm": rates(day.breath),
        "signs_of_life_by_hour": list(day.activity),
        "gaps": [
            {"source": g.source, "start": iso(g.start), "stop": iso(g.stop), "reason": g.reason}
            for g in day.gaps
        ],
        "sees": sorted(day.sees),
        "alerts": [
            {
                "id": a.id,
                "kind": a.kind,
                "severity": str(a.severity),
                "source": a.source,
                "room": a.room,
                "opened": iso(a.opened),
                "told": iso(a.changed),
                "state": str(a.state),
            }
            for a in alerts
        ],
    }
