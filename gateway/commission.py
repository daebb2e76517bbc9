"""How is a family led through the proof of all its detectors? One look at the running gateway at a time.

The gateway itself takes note of every proof, whether anybody is watching or not (``gateway.proof``); this
only asks it, says what to do next, and ticks what has happened, in whatever order it happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.localtime import LocalTime
from core.model import Home
from gateway.control import ask
from gateway.proof import Proofs
from gateway.words import word

LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One life-safety sensor: what it has not proven, and what proved the rest."""

    sensor: str
    room: str
    missing: tuple[str, ...]
    proven: Mapping[str, Any]
    heard: str  # the gateway's word for its state; "" when no gateway answers

    @property
    def done(self) -> bool:
        """Has it proven all it must be able to alarm about?"""
        return not self.missing


def rows(home: Home, proofs: Mapping[str, Any], states: Mapping[str, Any] | None = None) -> list[Row]:
    """Every life-safety sensor in the order of the configuration."""
    out = []
    for name, sensor in home.sensors.items():
        if name in proofs:
            told = proofs[name]
            room = home.rooms[sensor.room].name or sensor.room if sensor.room else ""
            heard = str((states or {}).get(name, {}).get("state", ""))
            out.append(Row(name, room, tuple(told["missing"]), told["proven"], heard))
    return out


def asked(home: Home, state_dir: Path) -> list[Row]:
    """What the running gateway says. Raises OSError if none answers."""
    answer = ask(state_dir, {"ask": "status"})
    if "error" in answer:
        raise OSError(str(answer["error"]))
    return rows(home, answer.get("proofs", {}), answer.get("sensors", {}))


def kept(home: Home, state_dir: Path) -> list[Row]:
    """What the file says, where no gateway runs."""
    return rows(home, Proofs(home, state_dir).status())


def what_to_do(row: Row) -> str:
    """What should a person do now for this sensor?"""
    return word(f"commission.do.{row.missing[0]}").format(sensor=row.sensor, room=row.room or "-")


def proved_by(row: Row, zone: LocalTime) -> str:
    """When and how was it proven, in words; "" if it was not."""
    said = []
    for group, proof in sorted(row.proven.items()):
        how = word(f"commission.how.{proof['how']}")
        said.append(
            f"{group}: {zone.at(proof['t']):%Y-%m-%d %H:%M} {proof['quantity']}={proof['value']:g} ({how})"
        )
    return "; ".join(dict.fromkeys(said))


def watch(look: Callable[[], list[Row]], show: Callable[[list[Row]], None], seconds: float) -> list[Row]:
    """Look and show until all are proven or the time is over (0: until stopped). Raises OSError if the
    gateway goes away for longer than a restart takes."""
    begun = last_answer = time.monotonic()
    found: list[Row] = []
    while True:
        now = time.monotonic()
        try:
            found = look()
            last_answer = now
        except OSError:
            if now - last_answer > 30 or not found:
                raise
        show(found)
        if all(row.done for row in found) or (seconds and now - begun >= seconds):
            return found
        time.sleep(LOOK_EVERY_S)
