"""What was behind an alert? Its life in words, and a picture of what the sensors of its room said.

The picture is drawn from the packets kept around the alert, run through the drivers again: a radar's height
over time with the numbers the detector judged by, states as steps, levels as lines.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from alerts.outbox import Outbox
from alerts.text import render
from core.localtime import LocalTime
from core.model import SECOND, Alert, Block, Home
from core.quantity import Quantity
from gateway import build
from gateway.height import height_lines, thresholds
from gateway.picture import Line, Panel, draw
from gateway.pipeline import group
from ingest.recording import RecordingReader

Q = Quantity
STATES = (
    Q.FALL_STATE,
    Q.PRESENCE,
    Q.MOTION,
    Q.CONTACT_OPEN,
    Q.BED_OCCUPIED,
    Q.SMOKE,
    Q.GAS,
    Q.CO,
    Q.WATER,
    Q.SOS,
)
LEVELS = (
    Q.CO_PPM, Q.GAS_LEL_PCT, Q.METHANE_PPM, Q.TEMPERATURE_C, Q.SMOKE_OBSCURATION_PCT_M, Q.HEART_RATE_BPM,
    Q.BREATH_RATE_BPM, Q.DISTANCE_M, Q.TARGET_COUNT,
)  # fmt: skip
TALL = 240  # the panel of heights, in the picture's own units


class NotFound(Exception):
    """No such alert, or nothing kept of it."""


def revisions(state_dir: Path, wanted: str) -> list[Alert]:
    """All revisions of the alert whose id begins so. Raises NotFound."""
    path = state_dir / "alerts.db"
    if not path.exists():
        raise NotFound(f"{path} does not exist; no gateway has run with this configuration")
    outbox = Outbox(path)
    try:
        ids = sorted({a.id for a in outbox.latest() if a.id.startswith(wanted)})
        if len(ids) != 1:
            many = ", ".join(ids[:5])
            raise NotFound(
                f"{len(ids)} alerts begin with {wanted!r}{': ' + many if ids else ''}; give more of the id"
            )
        return list(outbox.history(ids[0]))
    finally:
        outbox.close()


def words(told: Sequence[Alert], home: Home, language: str) -> str:
    """The life of an alert, a line a revision, and its newest message."""
    zone = LocalTime(home.zone)
    out = []
    for alert in told:
        stage = alert.evidence.get("stage", "")
        why = alert.evidence.get("why", "")
        out.append(
            f"{zone.at(alert.changed):%Y-%m-%d %H:%M:%S}  r{alert.revision}  {alert.severity}  {alert.state}"
            f"  {stage}  {why}"
        )
    said = render(told[-1], home, language)
    return "\n".join([said.title, said.body, said.advice, "", *out])


def picture(told: Sequence[Alert], plan: build.Plan) -> str:
    """The SVG of the packets kept around it. Raises NotFound."""
    alert = told[-1]
    kept = plan.state_dir / "evidence" / f"{alert.id}.jsonl"
    if not kept.exists():
        raise NotFound(f"{kept} does not exist: no packets were kept around this alert, or they were pruned")
    blocks = _blocks(kept, plan)
    room = alert.room or plan.home.room_of(alert.source)
    mine = [b for b in blocks if b.source == alert.source or (room and plan.home.room_of(b.source) == room)]
    instants = stages(told)
    last = max((int(b.t[-1]) for b in mine), default=alert.changed)
    instants = [(name, t) for name, t in instants if t <= last]
    said = render(told[0], plan.home, plan.home.language)
    levelled = next((d.params.from_floor for d in plan.detectors if d.spec.name == "fall"), ())
    drawn = panels(mine or blocks, plan.home, told, levelled)
    return draw(said.title, drawn, instants, LocalTime(plan.home.zone))


def stages(told: Sequence[Alert]) -> list[tuple[str, int]]:
    """When did each stage begin? By the event's own time where it says how long it had lasted."""
    first = told[0]
    found = [(str(first.evidence.get("stage") or "opened"), first.opened)]
    for one in told[1:]:
        cleared = one.state == "cleared"
        ended = "recovered" if one.kind == "fall" else "cleared"
        name = ended if cleared else str(one.evidence.get("stage", ""))
        if name == found[-1][0]:
            continue
        lasted = one.evidence.get("duration_s")
        at = first.opened + round(lasted * SECOND) if isinstance(lasted, int | float) else one.changed
        found.append((name, min(at, one.changed)))
        if cleared:
            break
    return found


def panels(
    blocks: Sequence[Block], home: Home, told: Sequence[Alert], from_floor: Collection[str] = ()
) -> list[Panel]:
    """Heights first, then levels, then states. ``from_floor``: radars whose heights count from the floor."""
    out: list[Panel] = []
    heights = [line for b in blocks for line in height_lines(b, home, from_floor)]
    if heights:
        known = any(a.evidence.get("above_floor") for a in told)
        title = "height (m)" if known else "height (m), from the sensor"
        out.append(Panel(title, heights, thresholds(told), TALL))
    for quantity in LEVELS:
        lines = [_line(b) for b in blocks if b.quantity is quantity]
        if lines:
            out.append(
                Panel(f"{quantity.value} ({quantity.unit})" if quantity.unit else quantity.value, lines)
            )
    states = [_line(b, step=True) for b in blocks if b.quantity in STATES]
    out += [Panel("states", states[i : i + 4]) for i in range(0, len(states), 4)]
    return out[:8]


def _blocks(path: Path, plan: build.Plan) -> list[Block]:
    pipeline = build.make_pipeline(plan)
    readings = []
    for packet in RecordingReader([path]).packets():
        for driver in pipeline.routes.resolve(packet.link, packet.channel):
            readings += driver.feed(packet)
    readings.sort(key=lambda r: r.t)
    return group(readings)


def _line(block: Block, step: bool = False) -> Line:
    return Line(f"{block.source} {block.quantity.value}", block.t.tolist(), block.value.tolist(), step)
