"""What does a Hi-Link LD2410, LD2410B or LD2410C (24 GHz presence radar) say?

Line 256000 8N1, 3.3 V, little-endian, about ten reports a second [rate: one source]. Layout confirmed
by the vendor's documents (LD2410, B, C V1.09) and by captures. **No checksum**: only header, length,
a constant `55 00` and the tail, so values outside what the radar can measure are refused.

Report: ``F4 F3 F2 F1 | len | type 02 basic, 01 engineering | AA | state | moving cm u16, energy |
still cm u16, energy | detection cm u16 | [N | M | N+1 moving energies | M+1 still energies | light,
OUT pin] | 55 00 | F8 F7 F6 F5``. State: 0 none, 1 moving, 2 still, 3 both; 4, 5, 6 are the noise
calibration (running, done, failed) and carry no value. The state byte decides: distances of a part
that the state does not name are left-overs. Distance 0 is no value.

Engineering mode (option ``engineering``) is lost at power-off, so it is switched on again after every
reconnection; only then, and only on B and C, is there a light level (0..255, the radar's own scale).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import hlk_command as hlk
from devices.framing import Format
from devices.port import Dialogue, Fact, by_time, option

STATES = {
    0: "none", 1: "moving", 2: "still", 3: "moving+still",
    4: "calibration running", 5: "calibration succeeded", 6: "calibration failed",
}  # fmt: skip
GATE_SIZES_M = {0: 0.75, 1: 0.2}
FARTHEST_CM = 1200
"""Nine gates of 0.75 m end at 6.75 m; anything beyond this is noise on the line."""

_HEAD = struct.Struct("<BHBHBH")  # state, moving cm, energy, still cm, energy, detection cm


def check_report(frame: bytes) -> str:
    """Do type, length and the constant bytes agree?"""
    length = len(frame) - 10
    if frame[-4:] != hlk.REPORT_TAIL:
        return "tail"
    if frame[7] != 0xAA or frame[-6:-4] != b"\x55\x00":
        return "marker"
    if frame[6] == 2:
        return "" if length == 13 else "length"
    if frame[6] != 1 or length < 17:
        return "type"
    extra = length - 13 - (frame[17] + 1) - (frame[18] + 1) - 2
    return "" if 0 <= extra <= 4 else "gates"


FORMAT = Format(
    headers=(hlk.REPORT, hlk.COMMAND),
    measure=hlk.measure,
    check=hlk.with_reports(check_report),
    max_length=hlk.LONGEST + 10,
)


class Ld2410(hlk.HlkDriver):
    """Reports, answers and the optional engineering mode of one LD2410, B or C."""

    form = FORMAT
    integrity = False

    def __init__(self, sensors: Sequence[Sensor], *, light: bool) -> None:
        steps = []
        if sensors and option(sensors[0], "engineering", False, lambda v: isinstance(v, bool)):
            steps = [hlk.step("engineering", 0x62)]
        super().__init__(sensors, Dialogue(hlk.dialogue_steps(*steps), leave=hlk.LEAVE))
        self._light = light

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[0] == hlk.COMMAND[0]:
            return hlk.decode(frame) | _answer(frame)
        state, moving, moving_energy, still, still_energy, detection = _HEAD.unpack_from(frame, 8)
        view: dict[str, Any] = {
            "kind_of_frame": "report",
            "mode": "basic" if frame[6] == 2 else "engineering",
            "state": state,
            "state_name": STATES.get(state, "unknown"),
            "moving_distance_cm": moving,
            "moving_energy": moving_energy,
            "still_distance_cm": still,
            "still_energy": still_energy,
            "detection_distance_cm": detection,
        }
        if frame[6] == 1:
            view.update(gates(frame, 17))
        return view

    def report_facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        reason = implausible(view, FARTHEST_CM)
        if reason:
            self._health.refuse(reason)
            return ()
        facts = presence_facts(view)
        if self._light and "light_level" in view:
            facts.append((Q.LIGHT_LEVEL, float(view["light_level"])))
        return facts


def gates(frame: bytes, at: int) -> dict[str, Any]:
    """The engineering part: energies per gate, then what the firmware adds."""
    moving, still = frame[at], frame[at + 1]
    first = at + 2
    second = first + moving + 1
    end = second + still + 1
    extra = frame[end:-6]
    view: dict[str, Any] = {
        "max_moving_gate": moving,
        "max_still_gate": still,
        "moving_gate_energy": list(frame[first:second]),
        "still_gate_energy": list(frame[second:end]),
        "extra_hex": extra.hex(" ").upper(),
    }
    if len(extra) >= 2:
        view["light_level"], view["out_pin"] = extra[0], extra[1]
    return view


def implausible(view: Mapping[str, Any], farthest_cm: int) -> str:
    """Is this report one that the radar cannot have meant? (there is no checksum to tell)"""
    if view["state"] not in STATES:
        return "unknown_state"
    if view["moving_energy"] > 100 or view["still_energy"] > 100:
        return "implausible"
    far = (view["moving_distance_cm"], view["still_distance_cm"], view.get("detection_distance_cm", 0))
    return "implausible" if max(far) > farthest_cm else ""


def presence_facts(view: Mapping[str, Any]) -> list[Fact]:
    """Presence, moving, still, and the distances that the state vouches for."""
    state = view["state"]
    if state > 3:
        return []
    facts: list[Fact] = [
        (Q.PRESENCE, 1.0 if state else 0.0),
        (Q.MOVING, float(state & 1)),
        (Q.STILL, float(state >> 1)),
        (Q.MOVING_ENERGY, float(view["moving_energy"])),
        (Q.STILL_ENERGY, float(view["still_energy"])),
    ]
    for bits, key, quantity in (
        (1, "moving_distance_cm", Q.MOVING_DISTANCE_M),
        (2, "still_distance_cm", Q.STILL_DISTANCE_M),
        (3, "detection_distance_cm", Q.DISTANCE_M),
    ):
        if state & bits and view.get(key):
            facts.append((quantity, view[key] / 100))
    return facts


def _answer(frame: bytes) -> dict[str, Any]:
    """What the answers of this radar carry beyond those common to the family."""
    word, data = frame[6], frame[10:-4]
    if frame[7] == 0:
        return {}
    if word == 0x61 and len(data) >= 6 and data[0] == 0xAA:
        top = data[1]
        if len(data) >= 4 + 2 * (top + 1) + 2:
            second = 4 + top + 1
            end = second + top + 1
            return {
                "max_gate": top,
                "max_moving_gate": data[2],
                "max_still_gate": data[3],
                "moving_sensitivity": list(data[4:second]),
                "still_sensitivity": list(data[second:end]),
                "unmanned_delay_s": int.from_bytes(data[end : end + 2], "little"),
            }
    if word == 0xAB and len(data) >= 2:
        size = GATE_SIZES_M.get(int.from_bytes(data[:2], "little"))
        return {} if size is None else {"gate_size_m": size}
    return {}


def state_of(values: Mapping[Q, float]) -> int:
    """The state byte that says these flags: presence alone is taken as still."""
    state = int(values.get(Q.MOVING, 0)) | int(values.get(Q.STILL, 0)) << 1
    if not state and values.get(Q.PRESENCE):
        if Q.MOVING_DISTANCE_M in values and Q.STILL_DISTANCE_M not in values:
            return 1
        return 2
    return state


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The reports the radar would send for these readings: engineering if a light level is among them."""
    packets = []
    for t, values in by_time(readings):
        if not values.keys() & CARRIED:
            continue
        cm = {
            q: round(values.get(q, 0.0) * 100)
            for q in (Q.MOVING_DISTANCE_M, Q.STILL_DISTANCE_M, Q.DISTANCE_M)
        }
        body = _HEAD.pack(
            state_of(values),
            cm[Q.MOVING_DISTANCE_M],
            round(values.get(Q.MOVING_ENERGY, 0)),
            cm[Q.STILL_DISTANCE_M],
            round(values.get(Q.STILL_ENERGY, 0)),
            cm[Q.DISTANCE_M],
        )
        kind = 2
        if Q.LIGHT_LEVEL in values:
            kind = 1
            body += bytes([8, 8]) + bytes(18) + bytes([round(values[Q.LIGHT_LEVEL]), 1 if body[0] else 0])
        payload = bytes([kind, 0xAA]) + body + b"\x55\x00"
        frame = hlk.REPORT + struct.pack("<H", len(payload)) + payload + hlk.REPORT_TAIL
        packets.append(Packet(sensor.link, "", t, frame))
    return packets


CARRIED = frozenset({
    Q.PRESENCE, Q.MOVING, Q.STILL, Q.MOVING_DISTANCE_M, Q.MOVING_ENERGY, Q.STILL_DISTANCE_M,
    Q.STILL_ENERGY, Q.DISTANCE_M, Q.LIGHT_LEVEL,
})  # fmt: skip

_FLAGS = (Span(Q.MOVING), Span(Q.STILL))
_ENERGY = (Span(Q.MOVING_ENERGY, 0, 100), Span(Q.STILL_ENERGY, 0, 100))
_BOTH = (
    Span(Q.MOVING, 1, 1),
    Span(Q.STILL, 1, 1),
    Span(Q.MOVING_DISTANCE_M, 0.01, 12, 0.01),
    Span(Q.STILL_DISTANCE_M, 0.01, 12, 0.01),
    Span(Q.DISTANCE_M, 0.01, 12, 0.01),
)
_SPANS = ((*_FLAGS, *_ENERGY), (*_BOTH, *_ENERGY), (Span(Q.PRESENCE),))


def _spec(name: str, title: str, light: bool) -> DriverSpec:
    return DriverSpec(
        name=name,
        title=title,
        transport="serial",
        make=lambda sensors: Ld2410(sensors, light=light),
        encode=encode,
        spans=(*_SPANS, (*_FLAGS, Span(Q.LIGHT_LEVEL, 0, 255))) if light else _SPANS,
        line=Line(256000),
        integrity=False,
        evidence="Frame and commands: vendor documents and captures. Report rate (about 10/s): one source.",
        options={"engineering": False},
        example=Sensor("radar", name, "port"),
    )


LD2410 = _spec("ld2410", "Hi-Link LD2410 presence radar (24 GHz)", light=False)
LD2410B = _spec("ld2410b", "Hi-Link LD2410B presence radar (24 GHz)", light=True)
LD2410C = _spec("ld2410c", "Hi-Link LD2410C presence radar (24 GHz)", light=True)
