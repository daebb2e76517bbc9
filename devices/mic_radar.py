"""What do the `53 59` radars say about the person: presence, bed, breath, heart, falls?

MicRadar R60ABD1 (60 GHz, bed), Seeed MR60BHA1 (60 GHz, bed), MR60FDA1 (60 GHz, falls), MR24HPC1 (24 GHz,
presence), DFRobot C1001 / SEN0623 (60 GHz, falls or sleep). Frame and registers: ``mic53.py``. Values
come every 1 to 3 s, presence, bed and fall only when they change.

Registers that become readings: 80/01 presence; 80/02 motion (0 none, 1 still, 2 active; 3 has been seen
and is unknown); 80/03 body movement 0..100; 80/04 distance; 80/05 position; 81/02 breath and 85/02 heart
rate (0 = nobody, no value); 84/01 bed (0 out, 1 in, 2 neither); 83/01 fall; on the MR24HPC1 08/01
energies and distances. Distance and angle of the old map (81/08, 81/09) have no confirmed unit and stay
unused.

An MR60BHA1 tells no vital signs until its map is settled: by option ``map`` (``old`` or ``new``), or by
a frame that exists in one map only (85/02 new, 81/06 old). Frames that contradict a map named in the
options stop the vital signs again.

After every connection the states that are only sent on change are asked for once. The modules hang when
polled faster than about once a second, so questions are 1.5 s apart. A C1001 is asked for its mode first
(2/A8), set to ``mode: fall`` or ``sleep`` (it restarts, 10 s), given the mounting height, reset, and
then asked for fall and presence every 10 s. No capture of a C1001 or an MR60FDA1 was found.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import mic53
from devices.mic53 import Key
from devices.port import Dialogue, Fact, PortDriver, Step, option, rows_by_time

NAN = math.nan
PAUSE_S = 1.5
RESTART_S = 10.0
BREATH: Key = (0x81, 0x02)
HEART: Key = (0x85, 0x02)
OLD_HEART: Key = (0x81, 0x02)
OLD_BREATH: Key = (0x81, 0x05)
VITALS = frozenset({(0x81, 0x02), (0x81, 0x05), (0x85, 0x02)})
ONLY_NEW, ONLY_OLD = frozenset({(0x85, 0x02), (0x85, 0x05)}), frozenset({(0x81, 0x06), (0x81, 0x03)})
MODES = {1: "fall", 2: "sleep"}


def ask(ctrl: int, cmd: int) -> Step:
    """A question for one register; the reply echoes cmd + 80."""
    return Step(f"{ctrl:02X}_{cmd:02X}", mic53.frame(ctrl, cmd | 0x80), (ctrl, cmd | 0x80), PAUSE_S)


def _flag(quantity: Q) -> Callable[[int], list[Fact]]:
    return lambda value: [(quantity, float(value))]


def _rate(quantity: Q) -> Callable[[int], list[Fact]]:
    return lambda value: [(quantity, float(value))] if value else []


def _motion(value: int) -> list[Fact]:
    return [(Q.MOVING, float(value == 2)), (Q.STILL, float(value == 1))]


SCALARS: dict[Key, tuple[int, Callable[[int], list[Fact]]]] = {
    (0x80, 0x01): (1, _flag(Q.PRESENCE)),
    (0x80, 0x02): (2, _motion),
    (0x80, 0x03): (100, _flag(Q.MOVING_ENERGY)),
    (0x80, 0x04): (2000, lambda cm: [(Q.DISTANCE_M, cm / 100)] if cm else []),
    (0x83, 0x01): (1, lambda value: [(Q.FALL_STATE, 2.0 * value)]),
    (0x84, 0x01): (2, lambda value: [(Q.BED_OCCUPIED, float(value))] if value < 2 else []),
}
"""Registers of one number: the largest it may say, and what it means."""

NEW_VITALS = {BREATH: (60, _rate(Q.BREATH_RATE_BPM)), HEART: (240, _rate(Q.HEART_RATE_BPM))}
OLD_VITALS = {OLD_BREATH: (60, _rate(Q.BREATH_RATE_BPM)), OLD_HEART: (240, _rate(Q.HEART_RATE_BPM))}


class MicRadar(PortDriver):
    """One radar of the family. ``firmware_map`` is "new", "old" or "" (not settled yet)."""

    form = mic53.FORMAT

    def __init__(self, sensors: Sequence[Sensor], dialogue: Dialogue, firmware_map: str = "new") -> None:
        super().__init__(sensors, dialogue)
        self._named = self._map = firmware_map
        self._seen: Counter[str] = Counter()

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return mic53.decode(frame, old=self._map == "old")

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        if "query_for" in view:
            return ()  # an echo of our own question
        key = mic53.register_of(dict(view))
        said = (int(view["ctrl"], 16), int(view["cmd"], 16))
        if self.dialogue.heard(said, at, True, self._health):
            self.answered(said, view)
        self._settle(key, view["length"])
        if key in VITALS:
            return self._vitals(key, view)
        if key in SCALARS:
            return self._scalar(SCALARS[key], view)
        if key == (0x80, 0x05) and "x_cm" in view:
            return [(Q.TARGET, (view["x_cm"] / 100, view["y_cm"] / 100, NAN, NAN))]
        if key == mic53.HPC1_ENERGIES and "existence_energy" in view:
            return _hpc1(view)
        return ()

    def answered(self, said: Key, view: Mapping[str, Any]) -> None:
        """What should be done next because of this answer?"""

    def interrupted(self, packet: Packet) -> None:
        super().interrupted(packet)
        if packet.mark is Mark.UP:  # perhaps another board, certainly a fresh look
            self._map = self._named
            self._seen.clear()

    def _settle(self, key: Key, length: int) -> None:
        if key not in ONLY_NEW and not (key in ONLY_OLD and length == 5):
            return
        seen = "new" if key in ONLY_NEW else "old"
        self._seen[seen] += 1
        # one frame may be noise that passed an eight-bit sum
        if not self._map and self._seen[seen] >= 2:
            self._map = seen
        elif self._map not in ("", seen) and self._seen[seen] >= 3:
            self._map = "contradicted"

    def _vitals(self, key: Key, view: Mapping[str, Any]) -> Iterable[Fact]:
        if self._map == "":
            self._health.refuse("map_unknown")
            return ()
        if self._map == "contradicted":
            self._health.refuse("map_contradicted")
            return ()
        known = OLD_VITALS if self._map == "old" else NEW_VITALS
        return self._scalar(known[key], view) if key in known else ()

    def _scalar(self, rule: tuple[int, Callable[[int], list[Fact]]], view: Mapping[str, Any]) -> list[Fact]:
        largest, facts = rule
        value = view.get("value")
        if value is None or value > largest:
            self._health.refuse("implausible" if value is not None else "length")
            return []
        return facts(value)


def _hpc1(view: Mapping[str, Any]) -> list[Fact]:
    facts: list[Fact] = [
        (Q.STILL_ENERGY, float(view["existence_energy"])),
        (Q.MOVING_ENERGY, float(view["motion_energy"])),
    ]
    if view["still_distance_m"]:
        facts.append((Q.STILL_DISTANCE_M, view["still_distance_m"]))
    if view["motion_distance_m"]:
        facts.append((Q.MOVING_DISTANCE_M, view["motion_distance_m"]))
    return facts


class C1001Driver(MicRadar):
    """A C1001: mode, mounting height and reset first, then fall and presence every 10 s."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self._mode = "fall"
        self._settings: list[Step] = []
        self._configured = False
        if sensors:
            self._mode = option(sensors[0], "mode", "fall", lambda v: v in MODES.values())
            height = sensors[0].mounting.height_m
            if height is not None and self._mode == "fall":
                data = round(height * 100).to_bytes(2, "big")
                self._settings.append(Step("height", mic53.frame(0x06, 0x02, data), (0x06, 0x02), PAUSE_S))
        polls = (ask(0x80, 0x01), ask(0x83, 0x01) if self._mode == "fall" else ask(0x84, 0x01))
        first = (ask(0x02, 0x28),)
        super().__init__(
            sensors,
            Dialogue(polls, first=first, start_after_s=8.0, timeout_s=3.0, every_s=10.0, retry_s=30.0),
        )

    def interrupted(self, packet: Packet) -> None:
        super().interrupted(packet)
        if packet.mark is Mark.UP:
            self._configured = False

    def answered(self, said: Key, view: Mapping[str, Any]) -> None:
        if said != (0x02, 0xA8) or self._configured:
            return  # settings are given once a connection: repeating them can hang the module
        self._configured = True
        steps = list(self._settings)
        if MODES.get(view.get("value", 0)) != self._mode:
            number = 1 if self._mode == "fall" else 2
            data = bytes([number])
            steps.insert(0, Step("mode", mic53.frame(0x02, 0x08, data), (0x02, 0x08), RESTART_S))
        if steps:
            steps.append(Step("reset", mic53.frame(0x01, 0x02), None, RESTART_S))
        self.dialogue.insert(*steps)


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The frames a radar of the family would send: one a register."""
    old = sensor.device == "mr60bha1" and sensor.options.get("map") == "old"
    packets = []
    for t, rows in rows_by_time(readings):
        for ctrl, cmd, data in _registers(rows, old, hpc1=sensor.device == "mr24hpc1"):
            packets.append(Packet(sensor.link, "", t, mic53.frame(ctrl, cmd, data)))
    return packets


def _registers(rows: Mapping[Q, list[Any]], old: bool, hpc1: bool) -> Iterable[tuple[int, int, bytes]]:
    def one(quantity: Q) -> int | None:
        return round(rows[quantity][-1]) if quantity in rows else None

    presence, energy = one(Q.PRESENCE), one(Q.MOVING_ENERGY)
    if presence is not None:
        yield 0x80, 0x01, bytes([presence])
    if Q.MOVING in rows or Q.STILL in rows:
        yield 0x80, 0x02, bytes([2 if one(Q.MOVING) else 1 if one(Q.STILL) else 0])
    if hpc1 and rows.keys() & {Q.STILL_ENERGY, Q.STILL_DISTANCE_M, Q.MOVING_DISTANCE_M}:
        half = [round(rows.get(q, [0])[-1] * 2) for q in (Q.STILL_DISTANCE_M, Q.MOVING_DISTANCE_M)]
        yield 0x08, 0x01, bytes([one(Q.STILL_ENERGY) or 0, half[0], energy or 0, half[1], 10])
    elif energy is not None:
        yield 0x80, 0x03, bytes([energy])
    if Q.DISTANCE_M in rows:
        yield 0x80, 0x04, round(rows[Q.DISTANCE_M][-1] * 100).to_bytes(2, "big")
    for x, y, *_ in rows.get(Q.TARGET, ()):
        words = (mic53.unsigned(round(x * 100)), mic53.unsigned(round(y * 100)), 0)
        yield 0x80, 0x05, b"".join(w.to_bytes(2, "big") for w in words)
    for quantity, key in (
        (Q.BREATH_RATE_BPM, OLD_BREATH if old else BREATH),
        (Q.HEART_RATE_BPM, OLD_HEART if old else HEART),
    ):
        value = one(quantity)
        if value is not None:
            yield *key, bytes([value])
    bed, fall = one(Q.BED_OCCUPIED), one(Q.FALL_STATE)
    if bed is not None:
        yield 0x84, 0x01, bytes([bed])
    if fall is not None:
        yield 0x83, 0x01, bytes([int(fall >= 2)])


_WHERE = (Span(Q.DISTANCE_M, 0.01, 20, 0.01),)
_PERSON = (Span(Q.PRESENCE), Span(Q.MOVING_ENERGY, 0, 100))
_MOTION = ((Span(Q.MOVING, 0, 1), Span(Q.STILL, 0, 0)), (Span(Q.MOVING, 0, 0), Span(Q.STILL, 0, 1)))
_VITAL = (Span(Q.BREATH_RATE_BPM, 1, 60), Span(Q.HEART_RATE_BPM, 1, 240))
_POSITION = (Span(Q.TARGET, columns=((-10, 10, 0.01), (-10, 10, 0.01), (NAN, NAN, 0), (NAN, NAN, 0))),)
_FALL = (Span(Q.FALL_STATE, 0, 2, 2),)
_BED = (Span(Q.BED_OCCUPIED),)


def _once(*steps: Step) -> Dialogue:
    return Dialogue(steps, timeout_s=3.0, tries=2, retry_s=600.0)


def _spec(name: str, title: str, make: Callable[[Sequence[Sensor]], MicRadar], evidence: str,
          *spans: tuple[Span, ...], **options: Any) -> DriverSpec:  # fmt: skip
    return DriverSpec(
        name=name,
        title=title,
        transport="serial",
        make=make,
        encode=encode,
        spans=(_PERSON, *_MOTION, *spans),
        line=Line(115200),
        evidence=evidence,
        options=options,
        example=Sensor("radar", name, "port", options={"map": "new"} if "map" in options else {}),
    )


def _mr60bha1(sensors: Sequence[Sensor]) -> MicRadar:
    named = option(sensors[0], "map", "", lambda v: v in ("old", "new", "")) if sensors else ""
    quiet = named == "old"  # the old firmware is not known to answer questions
    return MicRadar(sensors, _once() if quiet else _once(ask(0x80, 0x01), ask(0x84, 0x01)), named)


R60ABD1 = _spec(
    "r60abd1", "MicRadar R60ABD1 bed radar (60 GHz)",
    lambda sensors: MicRadar(sensors, _once(ask(0x80, 0x01), ask(0x84, 0x01))),
    "Frame and registers: manual, captures, drivers. Sleep states were swapped before firmware 1.3.",
    _WHERE, _VITAL, _POSITION, _BED,
)  # fmt: skip
MR60BHA1 = _spec(
    "mr60bha1", "Seeed MR60BHA1 bed radar (60 GHz)", _mr60bha1,
    "Both register maps: capture of the old one, documents of the new one. Old distance and angle: units "
    "unconfirmed, not used.",
    _WHERE, _VITAL, _POSITION, _BED, map="",
)  # fmt: skip
MR60FDA1 = _spec(
    "mr60fda1", "Seeed MR60FDA1 fall radar (60 GHz)",
    lambda sensors: MicRadar(sensors, _once(ask(0x80, 0x01), ask(0x83, 0x01))),
    "Frame: manual and drivers. Fall registers: manual; no capture of this board.",
    _WHERE, _FALL,
)  # fmt: skip
MR24HPC1 = _spec(
    "mr24hpc1", "Seeed MR24HPC1 presence radar (24 GHz)",
    lambda sensors: MicRadar(sensors, _once(ask(0x80, 0x01), ask(0x80, 0x02))),
    "Frame: manual, capture, driver. Energies 08/01: two sources, no capture.",
    (
        Span(Q.STILL_ENERGY, 0, 250), Span(Q.MOVING_ENERGY, 0, 250),
        Span(Q.STILL_DISTANCE_M, 0.5, 10, 0.5), Span(Q.MOVING_DISTANCE_M, 0.5, 10, 0.5),
    ),
)  # fmt: skip
C1001 = _spec(
    "c1001", "DFRobot C1001 / SEN0623 fall and sleep radar (60 GHz)", C1001Driver,
    "Commands: vendor library, partly a second project. Replies: no capture of this board.",
    _WHERE, _FALL, _BED, _VITAL, mode="fall",
)  # fmt: skip
