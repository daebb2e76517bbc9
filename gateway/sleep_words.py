"""How are the nights of an exported sleep mat shown? Our totals beside the device's own, to the second."""

from __future__ import annotations

from typing import Any

from core.localtime import LocalTime
from core.model import Home
from gateway.day_words import COLON, Speech
from ingest.withings_csv import STAGES, Export


def as_json(found: Export) -> dict[str, Any]:
    """Sessions with both totals; how many totals agree."""
    local = LocalTime(found.zone)
    cells = [s.ours_s[stage] == s.device_s[stage] for s in found.sessions for stage in STAGES]
    return {
        "rows": found.rows,
        "repeats": found.repeats,
        "contradictions": found.contradictions,
        "refused": found.refused,
        "totals": len(cells),
        "totals_equal": sum(cells),
        "sessions": [
            {
                "start": local.at(s.start).isoformat(timespec="seconds"),
                "stop": local.at(s.stop).isoformat(timespec="seconds"),
                "device_s": s.device_s,
                "ours_s": s.ours_s,
                "same": s.same,
            }
            for s in found.sessions
        ],
    }


def lines(found: Export, language: str) -> list[str]:
    """A line a session, and what was read."""
    speech = Speech(Home("mat", found.zone), language)
    told = as_json(found)
    out = []
    for s in found.sessions:
        stages = []
        for stage in STAGES:
            ours, device = s.ours_s[stage], s.device_s[stage]
            name = speech.say(f"sleep.stage.{stage}")
            differs = "" if ours == device else speech.say("sleep.device", device=f"{device} s")
            stages.append(f"{name} {ours} s{differs}")
        day = speech.local.at(s.start)
        when = speech.say("day.between", start=f"{day:%Y-%m-%d %H:%M}", stop=speech.clock(s.stop))
        out.append(f"{when}{COLON[language]}{speech.list(stages)}")
    out.append(
        speech.say(
            "sleep.read",
            rows=told["rows"],
            repeats=told["repeats"],
            equal=told["totals_equal"],
            totals=told["totals"],
        )
    )
    refused = ", ".join(f"{k} {v}" for k, v in sorted(found.refused.items()))
    return [*out, speech.say("sleep.refused", refused=refused)] if refused else out
