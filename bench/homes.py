"""How does a recorded home become a :class:`core.model.Home` and blocks?

One format for all: ``<home>.csv`` with time (local), sensor, kind, room, value; ``<home>.truth.csv``
with start, end, label where known. Local times are taken as event time in the zone UTC, so that local
hours come out right. What a sensor is used as comes from its kind and, where the file does not say,
from words in its name; an outer door that no name gives away is inferred from behaviour in the learning
part: the contact or switch that most often stands at both ends of long silences by day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.home_rows import read, read_truth
from core.model import HOUR, MINUTE, SECOND, Block, Flag, Home, Ints, Resident, Room, Sensor
from core.quantity import Quantity

Q = Quantity
Edge = tuple[int, str, Quantity, float, int]  # t, source, quantity, value, flags
Span = tuple[int, int]

_ROOMS = (
    ("bedroom", r"bed|slaap|dresser|sleep|mattress"),
    ("bathroom", r"bath|toilet|shower|flush|badkamer|basin|medicine|restroom|lavator"),
    ("kitchen", r"kitchen|keuken|fridge|freezer|refrigerator|cupboard|pans|plates|microwave|magnetron|"
                r"dishwasher|stove|toaster|cutlery|cutlary|gootsteen|cabinet|groceries|oven|burner|cook|sink"),
    ("living", r"living|couch|sofa|seat|lounge|tv|dining"),
    ("hall", r"hall|foyer|entr|front|corridor|main ?door|lobby"),
)  # fmt: skip
_OUTER = re.compile(
    r"front|main ?_?door|outside|outdoor|outer|exterior|entr(y|ance)|foyer.*door|back ?door|patio|garage|"
    r"voordeur",
    re.I,
)


@dataclass
class Recorded:
    """One recorded home."""

    name: str
    edges: list[Edge]
    home: Home
    truth: list[tuple[int, int, str]] = field(default_factory=list)
    doors_by: str = "name"  # how the outer doors were found: name, only, behaviour, none
    notes: list[str] = field(default_factory=list)  # what of the files could not be used
    _absences: dict[tuple[int, int], list[Span]] = field(default_factory=dict)

    @property
    def start(self) -> int:
        return self.edges[0][0]

    @property
    def stop(self) -> int:
        return self.edges[-1][0]

    @property
    def doors(self) -> list[str]:
        return sorted(s.id for s in self.home.sensors.values() if s.options.get("outer") is True)

    def away(self) -> list[Span]:
        """Labelled absences, merged."""
        return merged((a, b) for a, b, label in self.truth if label.lower() == "away")

    def outings(self) -> list[Span]:
        """Absences that are only labelled at their beginning ("going-out-..."): up to the next label."""
        rows = sorted(self.truth)
        return merged(
            (a, next((c for c, _, other in rows[n + 1 :] if c >= b and not other.startswith("going-out")), b))
            for n, (a, b, label) in enumerate(rows)
            if label.startswith("going-out")
        )

    def labelled(self) -> Span | None:
        """From when to when does the truth say where the resident was? None without away labels."""
        if not self.away():
            return None
        return min(a for a, _, _ in self.truth), max(b for _, b, _ in self.truth)

    def absences(self, at_least: int = 18 * HOUR, near: int = 10 * MINUTE) -> list[Span]:
        """Silences nobody labelled that are too long to be life at home: by hindsight, an empty home.

        Life here is two different sensors within ten minutes.
        """
        if (at_least, near) in self._absences:
            return self._absences[at_least, near]
        out: list[Span] = []
        last = self.start
        latest = other = ("", last - 2 * near)  # last firings of two different sensors
        for t, source, _, value, _ in self.edges:
            if not value:
                continue
            if t - (other if latest[0] == source else latest)[1] <= near:
                if t - last >= at_least:
                    out.append((last, t))
                last = t
            if latest[0] != source:
                other = latest
            latest = (source, t)
        self._absences[at_least, near] = out
        return out


def merged(spans: Iterable[Span]) -> list[Span]:
    """Overlapping spans joined, in order."""
    out: list[Span] = []
    for a, b in sorted(spans):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def _room(sensor: str, room: str) -> tuple[str, str]:
    """Room id and kind."""
    text = room or sensor
    for kind, words in _ROOMS:
        if re.search(words, text, re.I):
            return (room or kind), kind
    return (room or re.split(r"[,/]", sensor)[0]), "other"


def _quantity(kind: str, sensor: str, room: str) -> tuple[Quantity, int]:
    if kind == "motion":
        return Q.MOTION, 0
    if kind == "presence":
        return Q.PRESENCE, 0
    if kind == "contact":
        return Q.CONTACT_OPEN, 0
    if kind == "pressure":
        bed = re.search(r"bed|mattress", f"{sensor} {room}", re.I)
        return (Q.BED_OCCUPIED if bed and not re.search("seat|chair", sensor, re.I) else Q.SEAT_OCCUPIED), 0
    # a lamp may be switched by a timer or the sun: not a hand for sure
    return Q.USE, int(Flag.WEAK) if kind == "light" else 0


def load(path: Path, learn_share: float = 0.5) -> Recorded:
    """The home in this file, rows sorted. What could not be read stands in ``notes``.

    Raises ValueError with a sentence if it is no home at all.
    """
    edges: list[Edge] = []
    sensors: dict[str, Sensor] = {}
    rooms: dict[str, Room] = {}
    found = read(path)
    known: dict[tuple[str, str], tuple[Quantity, int]] = {}
    for t, name, kind, told, value in found.rows:
        key = (name, kind)
        if key not in known:
            known[key] = _quantity(kind, name, told)
            if name not in sensors:
                room, room_kind = _room(name, told)
                rooms.setdefault(room, Room(room, room_kind))
                sensors[name] = Sensor(name, "recorded", "log", room=room, kind=kind, address=name)
        quantity, flags = known[key]
        edges.append((t, name, quantity, value, flags))
    edges.extend(_ends(edges))
    edges.sort(key=lambda e: e[:3])
    truth, notes = read_truth(path.with_name(path.stem + ".truth.csv"))
    home = Home(path.stem, "UTC", residents=(Resident("resident"),), rooms=rooms, sensors=sensors)
    recorded = Recorded(path.stem, edges, home, truth, notes=[*found.notes, *notes])
    _mark_doors(recorded, learn_share)
    return recorded


def _ends(edges: list[Edge]) -> list[Edge]:
    """Sensors of which only beginnings were kept get an end a second after each."""
    ending = {e[1] for e in edges if e[3] == 0}
    return [(t + SECOND, s, q, 0.0, f) for t, s, q, v, f in edges if v and s not in ending]


def _mark_doors(recorded: Recorded, learn_share: float) -> None:
    sensors = dict(recorded.home.sensors)
    contacts = [s for s in sensors.values() if s.kind == "contact"]
    outer = [s.id for s in contacts if _OUTER.search(f"{s.room} {s.id}" if "door" in s.id.lower() else s.id)]
    recorded.doors_by = "name"
    if not outer and len(contacts) == 1:
        outer, recorded.doors_by = [contacts[0].id], "only"
    if not outer:
        outer, recorded.doors_by = _by_behaviour(recorded, learn_share), "behaviour"
    if not outer:
        recorded.doors_by = "none"
    for name in outer:
        s = sensors[name]
        sensors[name] = Sensor(s.id, s.device, s.link, s.room, "door", s.address, options={"outer": True})
    if outer:  # an outer door is a contact, whatever the file calls it
        recorded.edges = [
            (t, s, Q.CONTACT_OPEN if s in outer else q, v, f) for t, s, q, v, f in recorded.edges
        ]
    recorded.home = Home(
        recorded.home.id,
        recorded.home.zone,
        residents=recorded.home.residents,
        rooms=recorded.home.rooms,
        sensors=sensors,
    )


def _by_behaviour(recorded: Recorded, learn_share: float) -> list[str]:
    """Which contact or switch stands at both ends of most long silences by day, while learning?"""
    until = recorded.start + int((recorded.stop - recorded.start) * learn_share)
    edges = [e for e in recorded.edges if e[0] <= until]
    usable = {s.id for s in recorded.home.sensors.values() if s.kind in ("contact", "use")}
    both: dict[str, int] = {}
    total = 0
    times = np.array([e[0] for e in edges], dtype=np.int64)
    for i in np.flatnonzero(np.diff(times) > 90 * MINUTE).tolist():
        hour = (times[i] // HOUR) % 24
        if not 7 <= hour < 20:
            continue
        total += 1
        before = {e[1] for e in _around(edges, times, int(times[i]) - 2 * MINUTE, int(times[i]))}
        after = {e[1] for e in _around(edges, times, int(times[i + 1]), int(times[i + 1]) + 2 * MINUTE)}
        for name in before & after & usable:
            both[name] = both.get(name, 0) + 1
    if not both:
        return []
    best = max(sorted(both), key=lambda s: both[s])
    return [best] if both[best] >= 4 and 2 * both[best] >= total else []


def _around(edges: list[Edge], times: Ints, a: int, b: int) -> list[Edge]:
    return edges[int(np.searchsorted(times, a)) : int(np.searchsorted(times, b, side="right"))]


def blocks(edges: list[Edge]) -> list[Block]:
    """These edges (in time order) as blocks, one per source and quantity."""
    groups: dict[tuple[str, Quantity], tuple[list[int], list[float], list[int]]] = {}
    for t, source, quantity, value, flags in edges:
        columns = groups.get((source, quantity))
        if columns is None:
            columns = groups[source, quantity] = ([], [], [])
        columns[0].append(t)
        columns[1].append(value)
        columns[2].append(flags)
    return [Block.build(s, q, t, v, f) for (s, q), (t, v, f) in groups.items()]
