"""How is an answer shown to a person? Plain tables; rich only where there is a terminal to please."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from core.localtime import LocalTime
from core.model import SECOND
from gateway.words import word


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title or None, title_justify="left")
    for name in head:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*("" if c is None else str(c) for c in row))
    Console().print(shown)


def ago(t: int | None, now: int) -> str:
    """How long ago, in words a person reads at a glance?

    >>> ago(0, 90 * SECOND), ago(None, 5)
    ('1 min 30 s', '-')
    """
    if t is None:
        return "-"
    seconds = max(0, (now - t) // SECOND)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def show_status(answer: dict[str, Any], plan: Any) -> None:
    """The status answer for people: what is wrong first, then what is heard, then the counters."""
    zone = LocalTime(plan.home.zone)
    now = answer["now"]
    unheard = [s for s in answer["sensors"].values() if s["state"] != "heard"]
    if unheard:
        print(word("status.blind").format(count=len(unheard), all=len(answer["sensors"])))
    unseen = [name for name, room in answer.get("rooms", {}).items() if not room["seen"]]
    if unseen:
        print(word("status.unseen_rooms").format(rooms=", ".join(unseen)))
    if answer["alerts"]:
        rows = [
            (a["id"], a["severity"], a["kind"], a["source"], a["room"], a["state"],
             zone.at(a["opened"]).strftime("%m-%d %H:%M:%S"))
            for a in answer["alerts"]
        ]  # fmt: skip
        table(("id", "severity", "kind", "source", "room", "state", "since"), rows, word("status.open"))
    else:
        print(word("status.none"))
    for key, names in looked_after(answer).items():
        print(word(key).format(names=", ".join(names)))
    heard = [
        (name, s["room"], s["device"], s["state"], ago(s["seen"], now), _values(s["values"]))
        for name, s in answer["sensors"].items()
    ]
    table(("sensor", "room", "device", "state", "heard", "values"), heard)
    links = [(n, "up" if x.get("up") else "down", x.get("reason", "")) for n, x in answer["links"].items()]
    table(("link", "state", "reason"), links)
    drivers = [
        (
            name,
            d["frames_good"],
            d["bytes_in"],
            ", ".join(f"{k} {v}" for k, v in sorted(d["refused"].items())),
        )
        for name, d in answer["drivers"].items()
    ]
    table(("driver", "good", "bytes", "refused"), drivers)
    print(", ".join(f"{k} {v}" for k, v in answer["counts"].items()))


def looked_after(answer: dict[str, Any]) -> dict[str, list[str]]:
    """Detectors one must not rely on, by the word that says why: never tested, too old, in fault."""
    found: dict[str, list[str]] = {"status.unproven": list(answer.get("unproven", ()))}
    for key, quantity in (("status.life", "end_of_life"), ("status.fault", "fault")):
        found[key] = [
            n for n, s in answer["sensors"].items() if s["values"].get(quantity, {}).get("value") == 1.0
        ]
    found["status.life"] = sorted({*found["status.life"], *answer.get("past_life", ())})
    return {key: names for key, names in found.items() if names}


def _values(values: dict[str, Any]) -> str:
    shown = []
    for name, entry in values.items():
        mark = "?" if entry["retained"] else ""
        shown.append(f"{name}={entry['value']}{entry['unit']}{mark}")
    return " ".join(shown[:6])
