"""Which device is talking on this port? For a scan: bytes heard at one line speed, judged by every format.

Pure: somebody else listens, changes the speed and, only if told to, writes. Devices that share a frame are
told apart by what only one of them says (a register, a type, a platform); where that is impossible the
likeliest is proposed and the others are named as alternatives. Formats without a check must explain
nearly every byte before they are believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.contracts import DriverSpec
from devices import gira_dual, mh_z9041a, winsen_ff
from devices.port import PortDriver

Views = list[dict[str, Any]]

ENOUGH_CHECKED, ENOUGH_UNCHECKED = 0.5, 0.8
"""The share of the bytes that must be good frames, with and without a checksum."""

FEWEST_UNCHECKED = 5


@dataclass(frozen=True, slots=True)
class Guess:
    """One device that could have sent these bytes. ``share`` of them were its good frames."""

    device: str
    share: float
    frames: int
    options: Mapping[str, Any] = field(default_factory=dict)
    or_else: tuple[str, ...] = ()  # devices that would sound the same


def recognise(data: bytes, baud: int, drivers: Iterable[DriverSpec]) -> list[Guess]:
    """The devices among ``drivers`` that may have sent ``data`` at ``baud``, likeliest first."""
    found: dict[str, tuple[Guess, bool]] = {}
    for spec in drivers:
        if spec.transport != "serial" or spec.line is None or baud not in bauds(spec):
            continue
        guess = _judge(spec, data)
        known = found.get(guess.device) if guess else None
        if guess and (known is None or known[0].share < guess.share):
            found[guess.device] = guess, spec.integrity
    ranked = sorted(found.values(), key=lambda g: (-round(g[0].share, 2), not g[1], -g[0].frames))
    return [guess for guess, _ in ranked]


def bauds(spec: DriverSpec) -> tuple[int, ...]:
    """At which speeds is this device worth listening for?"""
    usual = spec.line.baud if spec.line else 0
    return (usual, *OTHER_BAUDS.get(spec.name, ()))


OTHER_BAUDS: dict[str, tuple[int, ...]] = {
    "ld2450": (115200, 460800),  # firmware 2.14 is said to have changed it
    "ld6002": (1382400,),
    "ti_iwrl6432": (1250000, 921600),
}


def _judge(spec: DriverSpec, data: bytes) -> Guess | None:
    driver = spec.make([])
    assert isinstance(driver, PortDriver)
    frames = driver.framer.feed(data, 0)
    health = driver.health()
    settled = health.bytes_in - health.bytes_pending
    if not frames or not settled:
        return None
    share = health.bytes_good / settled
    enough = ENOUGH_CHECKED if spec.integrity else ENOUGH_UNCHECKED
    if share < enough or (not spec.integrity and len(frames) < FEWEST_UNCHECKED):
        return None
    views = [driver.decode_frame(frame) for frame in frames[:2000]]
    device, options, or_else = FAMILY.get(spec.name, _itself(spec.name))(views)
    if not device:
        return None
    return Guess(device, share, len(frames), options, or_else)


Told = tuple[str, Mapping[str, Any], tuple[str, ...]]
NOBODY: Told = ("", {}, ())


def _itself(name: str) -> Callable[[Views], Told]:
    return lambda views: (name, {}, ())


def _ld2410(views: Views) -> Told:
    return ("ld2410c", {}, ("ld2410b", "ld2410")) if _any(views, "moving_distance_cm") else NOBODY


def _needs(name: str, key: str) -> Callable[[Views], Told]:
    """Only if a report was among the frames: answers to commands sound alike on several radars."""
    return lambda views: (name, {}, ()) if _any(views, key) else NOBODY


def _any(views: Views, key: str) -> bool:
    return any(key in view for view in views)


def _tinyframe(views: Views) -> Told:
    types = Counter(view.get("type") for view in views)
    if types["0x0E02"] or types["0x0E0E"]:
        return "ld6002c", {}, ("mr60fda2",)
    if types["0x0A13"] or types["0x0A14"] or types["0x0A15"] or types["0x0A16"]:
        return "ld6002", {}, ("mr60bha2",)
    return "ld6002b", {}, ("ld6002", "ld6002c", "mr60bha2", "mr60fda2")  # nobody there: all sound alike


def _mic53(views: Views) -> Told:
    keys = {(v.get("ctrl"), v.get("cmd")) for v in views}
    ctrls = {ctrl for ctrl, _ in keys}
    if ("0x81", "0x06") in keys or ("0x81", "0x03") in keys:
        return "mr60bha1", {"map": "old"}, ()
    if "0x08" in ctrls:
        return "mr24hpc1", {}, ()
    if "0x83" in ctrls:
        return "mr60fda1", {}, ("c1001",)
    if ctrls & {"0x81", "0x84", "0x85"}:
        return "r60abd1", {}, ("mr60bha1", "c1001")
    return "mr24hpc1", {}, ("r60abd1", "mr60bha1", "mr60fda1", "c1001")


def _winsen(name: str, code: str) -> Callable[[Views], Told]:
    return lambda views: (
        (name, {}, ()) if any(str(v.get("gas_code", "")).startswith(code) for v in views) else NOBODY
    )


def _polled(views: Views) -> Told:
    """An answer to a poll does not name its gas: the scale is for a person to say."""
    return "mh_z19b", {}, ("mh_440d", "mh_441d", "zc05", "ze07_co")


def _ti(views: Views) -> Told:
    low_power = any(str(v.get("platform", "")).endswith(("6432", "1432")) for v in views)
    return ("ti_iwrl6432" if low_power else "ti_iwr6843"), {}, ()


FAMILY: dict[str, Callable[[Views], Told]] = {
    **dict.fromkeys(("ld2410", "ld2410b", "ld2410c"), _ld2410),
    "ld2412": _needs("ld2412", "moving_distance_cm"),
    "ld2420": _needs("ld2420", "presence"),
    "ld2450": _needs("ld2450", "targets"),
    **dict.fromkeys(("ld6002", "ld6002b", "ld6002c", "mr60bha2", "mr60fda2"), _tinyframe),
    **dict.fromkeys(("r60abd1", "mr60bha1", "mr60fda1", "mr24hpc1", "c1001"), _mic53),
    **dict.fromkeys(("ti_iwr6843", "ti_iwrl6432"), _ti),
    "ze07_co": _winsen("ze07_co", "0x04"),
    "ze08_ch2o": _winsen("ze08_ch2o", "0x17"),
    **dict.fromkeys(("mh_z19b", "mh_440d", "mh_441d", "zc05"), _polled),
    # any class byte is taken there, so it would also claim the other modules' packages
    "bm22s3021": lambda views: ("bm22s3021", {}, ()) if _any(views, "alarm_point") else NOBODY,
    # without an enrolled map the format is too loose to be recognised by listening
    "modbus_rtu": lambda views: NOBODY,
}

QUESTIONS: dict[str, bytes] = {
    "mh_z19b": winsen_ff.command(winsen_ff.REPLY),
    "gira_dual": gira_dual.telegram(b"\x02"),
    "mh_z9041a": mh_z9041a.register(mh_z9041a.GAS),
}
"""Questions that change nothing, for ports on which nothing speaks by itself; only when told to ask."""
