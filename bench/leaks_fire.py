"""How much sooner does a room know of a fire: by relay of any alarm, and by fusing its numbers?

Data: full-scale home fires of NIST with smoke meters, thermocouples and analogue CO in rooms A to F
(files ``NIST_Smoke_Alarms_SDC??.csv``) and the seconds at which commercial alarms in those rooms
sounded (``Activation_Times.csv``, which also lists fires whose numbers are not at hand). The first
seconds serve as baseline; nothing was recorded before the fire, so no false alarms can be counted
here. Each room's numbers: optical density near the ceiling (as obscuration in per cent a metre),
temperature near the ceiling, analogue CO alarm; rows 2 to 5 s apart.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.model import SECOND, Block, Home, Phase, Room, Sensor
from core.quantity import Quantity
from detectors import smoke

Q = Quantity
T0 = 1_800_000_000 * SECOND
RELAY_S = 1.0  # the gateway's promise, sensor message to every output
ROOMS = "ABCDEF"


@dataclass(frozen=True)
class Alarm:
    """One commercial alarm of the record."""

    fire: str
    room: str
    sort: str  # Ion or Pho
    second: float


def alarms(folder: Path) -> list[Alarm]:
    """All activation times."""
    with (folder / "Activation_Times.csv").open() as file:
        names, seconds = list(csv.reader(file))[:2]
    out = []
    for name, value in zip(names[1:], seconds[1:], strict=False):
        match = re.fullmatch(r"(SDC\d+)-([A-Za-z]+)\d([A-Z])", name.strip())
        if match and value.strip():
            out.append(Alarm(match[1], match[3], match[2], float(value)))
    return out


def numbers(file: Path) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of one fire by name."""
    with file.open() as handle:
        rows = list(csv.reader(handle))
    columns = np.array([[float(x) if x.strip() else np.nan for x in row] for row in rows[1:]])
    return {name.strip(): columns[:, i] for i, name in enumerate(rows[0])}


def suspected(columns: dict[str, npt.NDArray[np.float64]]) -> dict[str, tuple[float, dict[str, object]]]:
    """When does our detector suspect a fire in each room, and by which numbers?"""
    home = Home(
        "bench",
        rooms={r.lower(): Room(r.lower()) for r in ROOMS},
        sensors={r: Sensor(r, "any", "broker", room=r.lower()) for r in ROOMS},
    )
    detector = smoke.SPEC.make(smoke.SPEC.params(), home)
    t = T0 + np.round(columns["TIME"] * SECOND).astype(np.int64)
    blocks = []
    for room in ROOMS:
        named = {
            Q.SMOKE_OBSCURATION_PCT_M: [f"SM{room}_1"],
            Q.TEMPERATURE_C: [f"TC{room}_1"],
            Q.CO_PPM: [f"CO3{room}", f"CO1{room}"],
        }
        for quantity, names in named.items():
            name = next((n for n in names if n in columns), None)
            if name is None:
                continue
            value = columns[name]
            if quantity is Q.SMOKE_OBSCURATION_PCT_M:
                value = 100 * (1 - 10 ** -np.clip(value, 0, None))
            blocks.append(Block.build(room, quantity, t.tolist(), value.tolist(), [0] * len(t)))
    told: dict[str, tuple[float, dict[str, object]]] = {}
    for e in detector.process(blocks) + detector.advance(int(t[-1]) + 60 * SECOND):
        if e.phase is not Phase.CLEAR and e.source not in told:
            told[e.source] = ((e.t - T0) / SECOND, dict(e.evidence))
    return told


@dataclass(frozen=True)
class Row:
    """One room of one fire; seconds after ignition, None where nothing sounded or suspected."""

    fire: str
    room: str
    own: float  # the room's own first alarm
    own_ion: float | None
    relayed: float  # the first alarm anywhere, relayed
    fused_here: float | None
    fused: float | None  # suspected in any room, told to this one


def rows(folder: Path) -> list[Row]:
    """All rooms of all fires."""
    known = alarms(folder)
    out = []
    for fire in sorted({a.fire for a in known}):
        here = [a for a in known if a.fire == fire]
        first = min(a.second for a in here)
        file = folder / f"NIST_Smoke_Alarms_{fire}.csv"
        told = suspected(numbers(file)) if file.is_file() else None
        anywhere = min((s for s, _ in told.values()), default=None) if told is not None else None
        for room in sorted({a.room for a in here}):
            own = [a for a in here if a.room == room]
            ion = [a.second for a in own if a.sort == "Ion"]
            out.append(
                Row(
                    fire,
                    room,
                    min(a.second for a in own),
                    min(ion) if ion else None,
                    first + RELAY_S,
                    told[room][0] if told and room in told else None,
                    None if anywhere is None else anywhere + RELAY_S,
                )
            )
    return out


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 1) if values else None


def run(folder: Path) -> dict[str, object]:
    """The figures of the fire part.

    ``relay_gain_median_s`` and ``fusion_lead_median_s`` are of the room of each fire that its own
    alarms would have warned last; the ``_rooms_`` figures are of all rooms.
    """
    all_rows = rows(folder)
    fires = sorted({r.fire for r in all_rows})
    last = [max((r for r in all_rows if r.fire == f), key=lambda r: r.own) for f in fires]
    fused = [(r, r.fused) for r in all_rows if r.fused is not None]
    with_numbers = sorted({r.fire for r, _ in fused})
    here = [(r.own_ion, r.fused_here) for r, _ in fused if r.own_ion is not None]
    return {
        "fires": len(fires),
        "fires_with_numbers": len(with_numbers),
        "rooms": len(all_rows),
        # where the first alarm sounds, relaying it gains nothing
        "relay_gain_median_s": _median([max(r.own - r.relayed, 0.0) for r in last]),
        "relay_gain_rooms_median_s": _median([max(r.own - r.relayed, 0.0) for r in all_rows]),
        "fusion_lead_median_s": _median([r.own - r.fused for r in last if r.fused is not None]),
        "fusion_lead_rooms_median_s": _median([r.own - f for r, f in fused]),
        "fusion_lead_over_first_alarm_s": {
            f: round(next(r.relayed - at for r, at in fused if r.fire == f), 1) for f in with_numbers
        },
        "fusion_here_rooms": len(here),
        "fusion_here_beats_ion": sum(f is not None and f < i for i, f in here),
        "fusion_here_ties_ion": sum(f is not None and f == i for i, f in here),
        "fusion_here_lead_median_s": _median([i - f for i, f in here if f is not None]),
        "fire_rooms": [
            {k: getattr(r, k) for k in ("fire", "room", "own", "own_ion", "relayed", "fused_here", "fused")}
            for r in all_rows
        ],
    }


def false_on_temperatures(file: Path) -> tuple[float, int]:
    """Hours of a home's temperatures (ht-sensors, minute means) and suspicions raised by them alone."""
    rows_by_event: dict[int, list[tuple[float, float]]] = {}
    with file.open() as handle:
        for row in csv.DictReader(handle):
            if row["Temp"]:
                rows_by_event.setdefault(int(row["id"]), []).append(
                    (float(row["minute"]), float(row["Temp"]))
                )
    hours, count = 0.0, 0
    for rows_ in rows_by_event.values():
        detector = smoke.SPEC.make(smoke.SPEC.params(), Home("bench"))
        t = [T0 + round(m * 60) * SECOND for m, _ in rows_]
        block = Block.build("s", Q.TEMPERATURE_C, t, [c for _, c in rows_], [0] * len(t))
        count += sum(e.phase is Phase.ONSET for e in detector.process([block]))
        hours += (t[-1] - t[0]) / 3600e9
    return round(hours, 1), count


def picture(fire_rooms: list[dict[str, object]]) -> str:
    """Who knew when, room by room, as an SVG drawing: one line a room, seconds after ignition."""
    marks = (
        ("own", "#555", "the room's own alarm"),
        ("relayed", "#1668b8", "first alarm anywhere, relayed"),
        ("fused", "#c2410c", "numbers fused, told everywhere"),
        ("fused_here", "#e8a87c", "the room's own numbers"),
    )
    left, top, step, scale = 90, 46, 15, 3.6
    height = top + step * len(fire_rooms) + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 200 * scale + 30:.0f}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for i, (_, colour, words) in enumerate(marks):
        key_x = 10 + i * 195
        out.append(
            f'<circle cx="{key_x}" cy="14" r="4" fill="{colour}"/><text x="{key_x + 8}" y="18">{words}</text>'
        )
    for second in range(0, 201, 20):
        x = left + second * scale
        out.append(f'<line x1="{x}" y1="{top - 12}" x2="{x}" y2="{height - 24}" stroke="#e5e5e5"/>')
        out.append(f'<text x="{x}" y="{height - 10}" text-anchor="middle">{second} s</text>')
    for i, row in enumerate(fire_rooms):
        y = top + i * step
        out.append(f'<text x="10" y="{y + 4}">{row["fire"]} {row["room"]}</text>')
        for key, colour, _ in reversed(marks):
            at = row[key]
            if isinstance(at, float):
                out.append(f'<circle cx="{left + at * scale:.1f}" cy="{y}" r="3.5" fill="{colour}"/>')
    return "\n".join((*out, "</svg>", ""))
