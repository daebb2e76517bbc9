"""How is a day told in words? A line a question, in the family's language; what nobody saw is said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from alerts.text import render
from core.localtime import LocalTime
from core.model import MINUTE, Alert, AlertState, Home
from detectors.day_facts import Day
from detectors.day_rates import Rates
from detectors.day_spans import Pair, total
from gateway.words import word

COMMA = {"en": ", ", "zh-CN": "，"}
COLON = {"en": ": ", "zh-CN": "："}
MOST_GAPS = 4


class Speech:
    """Words, clock times and lengths of one home in one language."""

    def __init__(self, home: Home, language: str, offset: int = 0) -> None:
        self.home, self.language = home, language
        self.local = LocalTime(home.zone)
        self.local.offset = offset

    def say(self, key: str, **blanks: object) -> str:
        """A text of the catalogue, filled in."""
        return word(key, self.language).format(**blanks)

    def list(self, parts: Sequence[str]) -> str:
        """Several things in one line."""
        return COMMA[self.language].join(p for p in parts if p)

    def clock(self, t: int) -> str:
        """The time of day on the wall, to the minute."""
        return f"{self.local.at(t):%H:%M}"

    def length(self, ns: int) -> str:
        """How long, for people: hours and minutes."""
        minutes = (ns + MINUTE // 2) // MINUTE
        if not minutes:
            return self.say("day.less") if ns else self.say("day.min", min=0)
        h, rest = divmod(minutes, 60)
        if not h:
            return self.say("day.min", min=rest)
        return self.say("day.h_min", h=h, min=rest) if rest else self.say("day.h", h=h)

    def room(self, room: str) -> str:
        """What a family calls it."""
        known = self.home.rooms.get(room)
        return (known.name or known.id) if known is not None else room

    def day(self, day: date) -> str:
        """The heading of a day."""
        weekday = self.say("day.weekdays").split(",")[day.weekday()]
        return self.say("day.title", home=self.name(), weekday=weekday, date=day.isoformat())

    def name(self) -> str:
        """Whose day? The resident's name, where one lives here; else the home's."""
        residents = self.home.residents
        return residents[0].name or self.home.id if len(residents) == 1 else self.home.id


def lines(day: Day, alerts: Sequence[Alert], speech: Speech) -> list[tuple[str, str]]:
    """The day as (question, answer), in the order a daughter would ask."""
    say = speech.say
    told = [
        ("day", _states(day, speech)),
        ("night", night(day, speech)),
        ("naps", naps(day, speech)),
        ("out", outings(day, speech)),
        ("rooms", _rooms(day, speech)),
        ("bathroom", bathroom(day, speech)),
        ("heart", rates(day, "heart", speech)),
        ("breath", rates(day, "breath", speech)),
        ("unseen", unseen(day, speech)),
        ("alerts", _alerts(day, alerts, speech)),
    ]
    return [(say(f"day.label.{name}"), text) for name, text in told]


def text(day: Day, alerts: Sequence[Alert], speech: Speech) -> str:
    """All of it for a terminal."""
    colon = COLON[speech.language]
    out = [speech.day(day.date), ""]
    out += [f"{label}{colon}{answer}" for label, answer in lines(day, alerts, speech)]
    return "\n".join([*out, "", speech.say("day.medical")])


def state_name(state: str, day: Day, speech: Speech) -> str:
    """What is a state called? "Awake" only where sleep could be told, "up" only where a bed sensor is."""
    if state == "in_bed" and "sleep" in day.sees:
        state = "in_bed_awake"
    if state == "room" and "bed" not in day.sees:
        state = "home"
    return speech.say(f"day.state.{state}")


def _states(day: Day, speech: Speech) -> str:
    return speech.list(
        [f"{state_name(state, day, speech)} {speech.length(ns)}" for state, ns in day.totals().items() if ns]
    )


def night(day: Day, speech: Speech) -> str:
    """How was the night that ended on this day?"""
    say, found = speech.say, day.night
    if found is None and day.bedroom is not None:
        a, b = day.bedroom
        return say("day.night.bedroom", start=speech.clock(a), stop=speech.clock(b))
    if found is None:
        return say("day.night.none" if "bed" in day.sees else "day.night.unknown")
    in_bed = speech.length(total(found.in_bed))
    parts = [
        say("day.night.bed", start=speech.clock(found.start), stop=speech.clock(found.stop), in_bed=in_bed)
    ]
    if found.asleep is None:
        parts.append(say("day.night.asleep.unknown"))
    else:
        parts.append(say(f"day.night.asleep.{found.by}", asleep=speech.length(total(found.asleep))))
    if found.out:
        parts.append(say("day.night.up", n=len(found.out), total=speech.length(total(found.out))))
    else:
        parts.append(say("day.night.up.none"))
    if found.turns is None:
        parts.append(say("day.night.turns.unknown"))
    else:
        parts.append(say("day.night.turns", n=len(found.turns)))
    return speech.list(parts)


def naps(day: Day, speech: Speech) -> str:
    """Which naps were there, and how long?"""
    if day.naps is None:
        return speech.say("day.night.unknown")
    return speech.list(
        [
            speech.say("day.nap", start=speech.clock(a), stop=speech.clock(b), length=speech.length(b - a))
            for a, b in day.naps
        ]
    ) or speech.say("day.naps.none")


def outings(day: Day, speech: Speech) -> str:
    """When did they go out and come back?"""
    if day.outings is None:
        return speech.say("day.out.unknown")
    if not day.outings:
        return speech.say("day.out.none")
    shown = [_outing(p, day, speech) for p in day.outings]
    return speech.say("day.out.sum", list=speech.list(shown), total=speech.length(total(day.outings)))


def _outing(pair: Pair, day: Day, speech: Speech) -> str:
    a, b = pair
    if a <= day.start and b >= day.reached:
        return speech.say("day.out.all")
    if b >= day.reached:
        return speech.say("day.out.open", start=speech.clock(a))
    if a <= day.start:
        return speech.say("day.out.before", stop=speech.clock(b))
    return speech.say("day.out.one", start=speech.clock(a), stop=speech.clock(b))


def _rooms(day: Day, speech: Speech) -> str:
    rooms = sorted(day.rooms().items(), key=lambda r: -r[1])
    shown = [f"{speech.room(room)} {speech.length(ns)}" for room, ns in rooms]
    return speech.list(shown) or speech.say("day.rooms.none")


def bathroom(day: Day, speech: Speech) -> str:
    """How often to the bathroom?"""
    if day.visits is None:
        return speech.say("day.bathroom.unknown")
    return speech.say("day.bathroom.visits", n=len(day.visits), night=day.night_visits)


def rates(day: Day, which: str, speech: Speech) -> str:
    """Which heart or breathing rate? Unknown, where no value was good enough."""
    found: Rates | None = day.heart if which == "heart" else day.breath
    if found is None:
        return speech.say("day.rates.gates" if which in day.sees else "day.rates.unknown")
    return speech.say(
        "day.rates",
        median=f"{found.median:.0f}",
        low=f"{found.low:.0f}",
        high=f"{found.high:.0f}",
        minutes=speech.length(found.minutes * MINUTE),
    )


def unseen(day: Day, speech: Speech) -> str:
    """What could nobody see, and which sensors were not heard?"""
    unknown = day.totals()["unknown"]
    parts = [speech.say("day.unseen.total", total=speech.length(unknown))] if unknown else []
    gaps = [g for g in day.gaps if g.stop - g.start >= MINUTE]
    parts += [
        speech.say(
            "day.gap",
            sensor=gap.source,
            start=speech.clock(gap.start),
            stop=speech.clock(gap.stop),
            reason=speech.say(f"day.gap.{gap.reason}"),
        )
        for gap in gaps[:MOST_GAPS]
    ]
    if len(gaps) > MOST_GAPS:
        parts.append(speech.say("day.gap.more", n=len(gaps) - MOST_GAPS))
    return speech.list(parts) or speech.say("day.unseen.none")


def alert_line(alert: Alert, speech: Speech) -> str:
    """One alert of the day: when, and what it was called."""
    said = render(alert, speech.home, speech.language, speech.local.offset)
    return f"{speech.clock(alert.changed)} {said.title}"


def of_day(day: Day, alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts that began, or rang again, on this day, in order; each once, at its worst that day.

    ``alerts``: every revision, in the order of telling. ``changed`` is then when it first rang that day.
    """
    told: dict[str, tuple[int, Alert]] = {}
    for alert in alerts:
        if not day.start <= alert.changed < day.stop or alert.state is AlertState.CLEARED:
            continue
        first, worst = told.get(alert.id, (alert.changed, alert))
        told[alert.id] = first, alert if alert.severity.rank <= worst.severity.rank else worst
    found = [replace(alert, changed=first) for first, alert in told.values()]
    return sorted(found, key=lambda a: (a.changed, a.id))


def _alerts(day: Day, alerts: Sequence[Alert], speech: Speech) -> str:
    shown = [alert_line(a, speech) for a in of_day(day, alerts)]
    return "; ".join(shown) or speech.say("day.alerts.none")
