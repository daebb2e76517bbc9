"""Which falls, and which things that look like falls, does no recording hold? Simulated ones.

A catalogue of acted-out scripts (``CASES``), seen by several kinds of radar, written in the
format of the real recordings so that ``bench.falls`` runs over them. Every figure got from these files is
a figure about a simulation; ``meta`` says so, and so must whoever quotes it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.model import Floats, Ints
from simulators.moves import Direction, Moves
from simulators.person import P
from simulators.prng import Prng
from simulators.radar_kinds import points_of
from simulators.scatter import Scene, Sensor3d, look
from simulators.things import curtain, fan, roamer
from simulators.tracker import Seen

CLIP_S = 24.0


@dataclass(slots=True)
class Stageplay:
    """What a case writes into: the first person's moves, the scene, and chance."""

    chance: Prng
    scene: Scene
    t: Floats  # a time base for things, s

    @property
    def one(self) -> Moves:
        """The first person, who comes in by the door if nobody is there yet."""
        if not self.scene.people:
            self.person()
        return self.scene.people[0]

    def person(self, x: float | None = None, y: float | None = None) -> Moves:
        """Somebody more."""
        c = self.chance
        place = (c.uniform(-1.2, 1.2) if x is None else x, c.uniform(2.2, 3.8) if y is None else y)
        moves = Moves(c.fork("moves", len(self.scene.people)), *place, yaw=c.uniform(0, 360),
                      height_m=c.uniform(1.5, 1.8))  # fmt: skip
        self.scene.people.append(moves)
        return moves

    def stroll(self, who: Moves, turns: int = 2) -> Moves:
        """Walk about a little, and stand."""
        for _ in range(turns):
            who.walk(
                self.chance.uniform(-1.1, 1.1), self.chance.uniform(1.3, 3.6), self.chance.uniform(0.5, 1.0)
            )
            who.rest(self.chance.uniform(0.3, 1.5))
        return who


Case = Callable[[Stageplay], None]


def _falling(direction: Direction) -> Case:
    def play(p: Stageplay) -> None:
        p.stroll(p.one).fall(direction, p.chance.uniform(0.6, 1.0))

    return play


def _from_chair(p: Stageplay) -> None:
    p.stroll(p.one, 1).become("sit", 1.5).rest(p.chance.uniform(2, 5))
    p.one.become("bend", 0.4, z=0.42).fall("forward" if p.chance.chance(0.5) else "right", 0.6)


def _from_bed(p: Stageplay) -> None:
    _lie_on_bed(p)
    p.one.roll_off(0.55)


def _slide(p: Stageplay) -> None:
    p.stroll(p.one, 1).rest(1.0).slide(p.chance.uniform(2.0, 4.0))


def _bathroom(p: Stageplay) -> None:
    p.scene.walls_x_m, p.scene.ghost_db, p.scene.floor_db = (-1.0, 1.0), -12.0, -15.0
    one = p.person(0.3, 2.2)
    one.walk(-0.5, 1.3, 0.5).rest(2.0).walk(0.2, 1.6, 0.4)
    one.fall("backward" if p.chance.chance(0.6) else "left", p.chance.uniform(0.6, 0.9))


def _with_second(p: Stageplay) -> None:
    p.stroll(p.one, 1)
    other = p.stroll(p.person(), 3)
    other.become("sit", 1.5)
    p.stroll(p.one, 1).fall("backward", 0.8)


def _with_pet(p: Stageplay) -> None:
    p.scene.things.append(roamer(p.t, "pet", 3.5, p.chance.fork("pet")))
    _falling("right")(p)


def _near_fan(p: Stageplay) -> None:
    p.scene.things.append(fan(p.t, -1.6, 2.5, 1.0, p.chance.fork("fan")))
    _falling("forward")(p)


def _lie_on_bed(p: Stageplay) -> None:
    p.stroll(p.one, 1).become("sit", 1.6, z=0.55).rest(1.5)
    p.one.become("supine", 2.2, z=0.55).rest(p.chance.uniform(3, 5))


def _get_up_from_bed(p: Stageplay) -> None:
    _lie_on_bed(p)
    p.one.become("sit", 1.8, z=0.55).rest(1.0).become("stand", 1.4)
    p.stroll(p.one, 1)


def _sits(seconds: float) -> Case:
    def play(p: Stageplay) -> None:
        p.stroll(p.one).become("sit", seconds, "drop" if seconds < 1 else "smooth").rest(4.0)
        p.stroll(p.one.become("stand", 1.5), 1)

    return play


def _and_back(name: str, seconds: float, times: int = 1) -> Case:
    def play(p: Stageplay) -> None:
        p.stroll(p.one, 1)
        for _ in range(times):
            p.one.become(name, seconds).rest(p.chance.uniform(0.5, 2.5)).become("stand", seconds * 1.2).rest(
                0.5
            )

    return play


def _jacks(p: Stageplay) -> None:
    p.stroll(p.one, 1)
    for _ in range(8):
        p.one.shake(0.9, 140, 1.1, P.SPREAD_ARMS)
        p.one.jump(0.08)


def _jumps(p: Stageplay) -> None:
    p.stroll(p.one, 1)
    for _ in range(5):
        p.one.jump(p.chance.uniform(0.15, 0.3)).rest(0.5)


def _walk(p: Stageplay) -> None:
    p.stroll(p.one, 6)


def _walk_close(p: Stageplay) -> None:
    for _ in range(5):
        p.one.walk(p.chance.uniform(-0.8, 0.8), p.chance.uniform(0.5, 1.0), 0.9).walk(0.0, 2.5, 0.9)


def _two(p: Stageplay) -> None:
    p.stroll(p.one, 4)
    p.stroll(p.person(), 3).become("sit", 1.2)


def _pet_alone(p: Stageplay) -> None:
    p.scene.things.append(roamer(p.t, "pet", 3.5, p.chance.fork("pet")))


def _robot_alone(p: Stageplay) -> None:
    p.scene.things.append(roamer(p.t, "robot", 3.5, p.chance.fork("robot")))


def _fan_and_curtain(p: Stageplay) -> None:
    p.scene.things.append(fan(p.t, 1.4, 2.0, 1.1, p.chance.fork("fan")))
    p.scene.things.append(curtain(p.t, 3.8, -1.2, 0.8, p.chance.fork("curtain")))


def _sits_by_curtain(p: Stageplay) -> None:
    p.scene.things.append(curtain(p.t, 3.8, -1.2, 0.8, p.chance.fork("curtain")))
    _sits(1.2)(p)


def _dog_and_owner(p: Stageplay) -> None:
    _pet_alone(p)
    _sits(1.2)(p)


CASES: Mapping[str, tuple[bool, Case]] = {
    "forward": (True, _falling("forward")),
    "backward": (True, _falling("backward")),
    "right": (True, _falling("right")),
    "left": (True, _falling("left")),
    "from_chair": (True, _from_chair),
    "from_bed": (True, _from_bed),
    "slide": (True, _slide),
    "bathroom": (True, _bathroom),
    "second_person": (True, _with_second),
    "pet_by": (True, _with_pet),
    "fan_by": (True, _near_fan),
    "walk": (False, _walk),
    "walk_close": (False, _walk_close),
    "sit": (False, _sits(1.5)),
    "sit_hard": (False, _sits(0.5)),
    "squat": (False, _and_back("squat", 0.9, 4)),
    "kneel": (False, _and_back("kneel", 1.2, 2)),
    "pick_up": (False, _and_back("bend", 0.8, 3)),
    "jacks": (False, _jacks),
    "jump": (False, _jumps),
    "lie_on_bed": (False, _lie_on_bed),
    "get_up_from_bed": (False, _get_up_from_bed),
    "two_people": (False, _two),
    "pet": (False, _pet_alone),
    "robot": (False, _robot_alone),
    "fan_and_curtain": (False, _fan_and_curtain),
    "sit_by_curtain": (False, _sits_by_curtain),
    "sit_with_pet": (False, _dog_and_owner),
}
"""Name: does it hold a fall, and the script."""


@dataclass(slots=True)
class Take:
    """One simulated clip, and when its fall ended (s)."""

    name: str
    fall: bool
    seen: Seen
    impact_s: float | None


def take(sensor: Sensor3d, case: str, number: int, seed: int = 1) -> Take:
    """One clip of one case. The same arguments always give the same clip."""
    fall, play = CASES[case]
    chance = Prng(seed).fork("falls", case, number)
    t = np.arange(int(CLIP_S * sensor.rate_hz), dtype=np.float64) / sensor.rate_hz
    staged = Stageplay(chance.fork("play"), Scene([]), t)
    play(staged)
    seen = look(sensor, staged.scene, CLIP_S, chance.fork("radar", sensor.name))
    impact = next((m.impact_s for m in staged.scene.people if m.impact_s is not None), None)
    return Take(f"{case}-{number:03d}", fall, seen, impact)


def write(
    folder: Path, sensor: Sensor3d, variants: int, seed: int = 1, cases: Iterable[str] = tuple(CASES)
) -> Path:
    """These cases, ``variants`` clips each, as ``folder/falls/<sensor>.npz`` in the shared format."""
    takes = [take(sensor, case, n, seed) for case in cases for n in range(variants)]
    meta = {
        "sensor": f"SIMULATED radar, {sensor.height_m:g} m high, {sensor.tilt_deg:g} degrees tilt",
        "rate_hz": sensor.rate_hz,
        "axes": sensor.axes,
        "labels": "1 = the clip holds one simulated fall; clip_impact_s is when it ended (NaN: none)",
        "simulated": True,
        "source": f"simulators.falls, seed {seed}",
        "licence": "Apache-2.0",
    }
    columns: dict[str, Any] = {
        "t": np.concatenate([x.seen.t for x in takes]),
        "clip": np.repeat(np.arange(len(takes), dtype=np.int32), [len(x.seen.t) for x in takes]),
        "points": np.concatenate([points_of(sensor, x.seen) for x in takes]).astype(np.float32),
        "point_offsets": _joined([x.seen.offsets for x in takes]),
        "clip_label": np.array([x.fall for x in takes], dtype=np.uint8),
        "clip_name": np.array([x.name for x in takes]),
        "clip_impact_s": np.array([np.nan if x.impact_s is None else x.impact_s for x in takes]),
        "meta": np.array(json.dumps(meta)),
    }
    if sensor.tracks:
        columns["tracks"] = np.concatenate([x.seen.tracks for x in takes]).astype(np.float32)
        columns["track_offsets"] = _joined([x.seen.track_offsets for x in takes])
        columns["heights"] = np.concatenate([x.seen.heights for x in takes]).astype(np.float32)
        columns["height_offsets"] = _joined([x.seen.height_offsets for x in takes])
    path = folder / "falls" / f"{sensor.name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(path, columns)
    return path


def _joined(offsets: list[Ints]) -> Ints:
    counts = np.concatenate([np.diff(o) for o in offsets])
    out: Ints = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return out


def _save(path: Path, columns: Mapping[str, Any]) -> None:
    """As ``numpy.savez_compressed``, but without the time of day in it: same clips, same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in columns.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, np.asarray(value), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), body.getvalue())
