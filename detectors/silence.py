"""Which sensor has fallen silent, and which link is down?

A dead sensor keeps a healthy last value for ever unless somebody watches its rhythm. Limits (all can
be set per sensor with the option ``silent_after_s``):

* a sensor on a port of its own streams: ``degraded`` after 30 s, ``trouble`` after 120 s
* a mains sensor (option ``power: mains``): 10 min, or three of its own intervals if that is longer
* everything else is taken as a battery sensor: three times the usual longest pause of a day, or a
  quarter more than the longest pause of two weeks plus an hour, whichever is shorter; never over 25 h
* smoke, gas, CO, water and call buttons: never over 12 h, unless the sensor itself has shown that it
  reports more rarely (some smoke alarms wake once in 24 h); then as any battery sensor

(10 min and 25 h: Zigbee2MQTT's availability rule; three of the own interval: Home Assistant's lesson
with 5-minute limits on 10-minute sensors.) A broken link or a gateway that was not running is said
once, about the link, and never blamed on each sensor behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np

from core.contracts import DetectorSpec
from core.model import HOUR, SECOND, Block, Event, Flag, Home, Ints, Phase
from core.quantity import Quantity
from detectors.rhythm import Rhythm
from detectors.rows import Row, flag, rows

Q = Quantity
_CONTROL = frozenset({Q.LINK_UP, Q.BLIND_S, Q.AVAILABLE})
_VITAL = frozenset({Q.SMOKE, Q.GAS, Q.CO, Q.WATER, Q.SOS, Q.HEAT})
_VITAL_KINDS = frozenset({"smoke", "gas", "co", "water", "leak", "heat", "button", "sos"})
_RUN = 20 * SECOND  # reports closer than this are one run: no limit is that short
_VERSION = 1
_STAGES = ("", "degraded", "trouble")
_Out = tuple[int, int, Event]  # t, 1 if a deadline fired (only time after t tells so), event


@dataclass(frozen=True, slots=True)
class SilenceParams:
    """When is a sensor or link silent? Seconds and hours."""

    stream_degraded_s: float = 30.0
    stream_trouble_s: float = 120.0
    mains_s: float = 600.0
    at_least_s: float = 1800.0  # shortest limit a learned rhythm may give
    battery_h: float = 25.0  # longest limit of any sensor
    vital_h: float = 12.0  # longest limit of smoke, gas, CO, water and call buttons
    link_down_s: float = 5.0
    learn_days: int = 3


@dataclass(slots=True)
class _Watch:
    """What is known of one source."""

    rhythm: Rhythm
    last: int = 0  # last report, or when watching began
    push: int = 0  # ns by which outages move the deadline on
    stage: int = 0  # index of _STAGES
    seen: bool = False
    offline: bool = False  # its bridge said so
    blamed: bool = True  # the present silence was told about this source (not about its link)
    vital: bool = False


class SilenceDetector:
    """Blocks of everything in, ``sensor_silent`` and ``link_down`` out."""

    def __init__(self, params: SilenceParams, home: Home) -> None:
        self._p = params
        self._home = home
        self._start: int | None = None
        self._watch: dict[str, _Watch] = {}
        self._down: dict[str, int] = {}  # link -> down since
        self._told: dict[str, int] = {}  # link -> opened
        self._bridge: dict[str, int] = {}  # link whose bridge is offline -> since

    @property
    def wants(self) -> frozenset[Quantity]:
        return frozenset(Quantity)

    # -- limits

    def _limits(self, source: str, watch: _Watch) -> tuple[int, int]:
        """After how many ns is it degraded, and trouble?"""
        p, sensor = self._p, self._home.sensors[source]
        option = sensor.options.get("silent_after_s")
        if isinstance(option, int | float) and not isinstance(option, bool) and option > 0:
            return int(option * 1e9), int(option * 1e9)
        if not sensor.address:
            return int(p.stream_degraded_s * 1e9), int(p.stream_trouble_s * 1e9)
        rhythm = watch.rhythm
        if sensor.options.get("power") == "mains":
            own = 3 * rhythm.usual() if rhythm.days >= p.learn_days else 0
            limit = min(max(int(p.mains_s * 1e9), own), int(p.battery_h * HOUR))
            return limit, limit
        cap = p.battery_h
        if (watch.vital or sensor.kind in _VITAL_KINDS) and rhythm.twice() < p.vital_h * HOUR / 1.25:
            cap = p.vital_h
        limit = int(cap * HOUR)
        if rhythm.days >= p.learn_days:
            own = min(3 * rhythm.usual(), rhythm.longest() + rhythm.longest() // 4 + HOUR)
            limit = min(limit, max(own, int(p.at_least_s * 1e9)))
        return limit, limit

    # -- walking

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        blocks = [b for b in blocks if len(b)]
        if not blocks:
            return []
        if self._start is None:
            self._begin(min(int(b.t[0]) for b in blocks))
        times = self._reports(blocks)
        control = {
            t: list(group) for t, group in groupby(rows(blocks, _CONTROL, every=True), key=lambda r: r.t)
        }
        vital = self._vital(blocks)
        out: list[_Out] = []
        for t in sorted(control.keys() | vital.keys()):
            self._report_until(times, t, "left", out)
            self._control(t, control.get(t, []), out)
            for source in vital.get(t, ()):
                self._watch[source].vital = True
        reach = max(int(b.t[-1]) for b in blocks)
        self._report_until(times, reach, "right", out)
        self._fire(reach, out)
        return _ordered(out)

    def advance(self, t: int) -> list[Event]:
        out: list[_Out] = []
        if self._start is not None:
            self._fire(t, out)
        return _ordered(out)

    def _begin(self, t: int) -> None:
        self._start = t
        for source in sorted(self._home.sensors):
            self._watch[source] = _Watch(Rhythm(), last=t)

    def _reports(self, blocks: Sequence[Block]) -> dict[str, Ints]:
        """When did each enrolled source report? Retained values are of unknown age and do not count."""
        found: dict[str, list[Ints]] = {}
        for block in blocks:
            watch = self._watch.get(block.source)
            if watch is None or block.quantity is Q.AVAILABLE:
                continue
            fresh = (block.flags & (Flag.RETAINED | Flag.REPEAT)) == 0
            if block.offsets is None and block.value.dtype.kind == "f":
                known = np.isfinite(block.value)
                fresh &= known if known.ndim == 1 else known.any(axis=1)
            t = block.t if fresh.all() else block.t[fresh]
            if t.size:
                found.setdefault(block.source, []).append(t)
        return {s: ts[0] if len(ts) == 1 else np.unique(np.concatenate(ts)) for s, ts in found.items()}

    def _vital(self, blocks: Sequence[Block]) -> dict[int, list[str]]:
        """From which instants on are sources known to watch over life?"""
        found: dict[int, list[str]] = {}
        for block in blocks:
            watch = self._watch.get(block.source)
            if block.quantity in _VITAL and watch is not None and not watch.vital:
                found.setdefault(int(block.t[0]), []).append(block.source)
        return found

    def _report_until(
        self, times: dict[str, Ints], t: int, side: Literal["left", "right"], out: list[_Out]
    ) -> None:
        """Take all reports before ``t`` (left) or up to and including it (right)."""
        for source in sorted(times):
            left = times[source]
            n = int(np.searchsorted(left, t, side=side))
            if not n:
                continue
            self._take(source, left[:n], out)
            times[source] = left[n:]

    def _take(self, source: str, t: Ints, out: list[_Out]) -> None:
        watch = self._watch[source]
        starts = [0, *(np.flatnonzero(np.diff(t) > _RUN) + 1).tolist()]
        stops = [*(i - 1 for i in starts[1:]), len(t) - 1]
        for i, j in zip(starts, stops, strict=True):
            first, last = int(t[i]), int(t[j])
            self._fire_one(source, watch, first, out)
            if watch.stage or watch.offline:
                self._back(source, watch, first, out)
            if watch.seen:
                watch.rhythm.add(max(0, first - watch.last - watch.push), first)
            watch.rhythm.reach(first, last)
            watch.last, watch.push, watch.seen = last, 0, True

    def _back(self, source: str, watch: _Watch, t: int, out: list[_Out]) -> None:
        if watch.blamed:
            silent_s = round((t - watch.last) / 1e9, 3)
            out.append((t, 0, self._event("sensor_silent", source, t, Phase.CLEAR, {"silent_s": silent_s})))
        watch.stage, watch.offline, watch.blamed = 0, False, True
        link = self._home.sensors[source].link
        if link in self._bridge:
            self._bridge_back(link, t, out)

    # -- what the gateway says about links and bridges

    def _control(self, t: int, group: list[Row], out: list[_Out]) -> None:
        blind = max((int(r.value * 1e9) for r in group if r.quantity is Q.BLIND_S and r.value > 0), default=0)
        self._fire(t - blind, out)
        if blind:
            for source, watch in self._watch.items():
                if not watch.stage and self._home.sensors[source].link not in self._down:
                    self._excuse(watch, t, blind)
        gone: dict[str, list[Row]] = {}
        latest = {(r.source, r.quantity): r for r in group if flag(r.value) is not None}
        for row in latest.values():
            value = row.value == 1
            if row.quantity is Q.LINK_UP and row.source.startswith("link:"):
                self._link(row.source[5:], value, t, out)
            elif row.quantity is Q.AVAILABLE and row.source in self._watch:
                watch = self._watch[row.source]
                if value and watch.offline:
                    self._back(row.source, watch, t, out)
                    watch.last, watch.push = t, 0
                elif not value and not watch.offline:
                    gone.setdefault(self._home.sensors[row.source].link, []).append(row)
        for link, lost in sorted(gone.items()):
            self._offline(link, lost, t, out)

    def _offline(self, link: str, lost: list[Row], t: int, out: list[_Out]) -> None:
        """Sources whose bridge says they are gone: one event if it says so of all at once."""
        there = [s for s in self._home.sources_on(link) if not self._watch[s].offline]
        whole = len(there) > 1 and len(lost) == len(there) and link not in self._bridge
        retained = all(r.flags & Flag.RETAINED for r in lost)
        if whole:
            self._bridge[link] = t
            more = {"found_at_connect": True} if retained else {}
            out.append(
                (t, 0, self._event("link_down", f"link:{link}", t, Phase.ONSET, {"reason": "bridge", **more}))
            )
        for row in lost:
            watch = self._watch[row.source]
            already, watch.offline = watch.stage > 0, True
            watch.stage = 2
            if already:
                continue
            watch.blamed = not whole
            if not whole:
                evidence: dict[str, Any] = {"stage": "trouble", "reason": "offline"}
                if row.flags & Flag.RETAINED:
                    evidence["found_at_connect"] = True
                out.append((t, 0, self._event("sensor_silent", row.source, t, Phase.ONSET, evidence)))

    def _bridge_back(self, link: str, t: int, out: list[_Out]) -> None:
        since = self._bridge.pop(link)
        down_s = round((t - since) / 1e9, 3)
        out.append(
            (
                t,
                0,
                self._event(
                    "link_down", f"link:{link}", t, Phase.CLEAR, {"reason": "bridge", "down_s": down_s}
                ),
            )
        )
        for source in self._home.sources_on(link):
            watch = self._watch[source]
            if watch.offline and not watch.blamed:
                watch.offline, watch.stage, watch.blamed = False, 0, True
                self._excuse(watch, t, t - since)

    def _link(self, link: str, up: bool, t: int, out: list[_Out]) -> None:
        if not up:
            self._down.setdefault(link, t)
            return
        since = self._down.pop(link, None)
        if since is None:
            return
        opened = self._told.pop(link, None)
        if opened is not None:
            down_s = round((t - since) / 1e9, 3)
            out.append(
                (
                    t,
                    0,
                    self._event(
                        "link_down", f"link:{link}", t, Phase.CLEAR, {"reason": "link", "down_s": down_s}
                    ),
                )
            )
        for source in self._home.sources_on(link):
            watch = self._watch[source]
            if not watch.stage:
                self._excuse(watch, t, t - since)

    @staticmethod
    def _excuse(watch: _Watch, t: int, lost: int) -> None:
        """Nothing could be heard for ``lost`` ns, until ``t``: the deadline moves on.

        After a long loss the sensor gets its whole limit again, because its report may have been lost.
        """
        watch.push += lost
        if lost > 60 * SECOND:
            watch.push = max(watch.push, t - watch.last)

    # -- deadlines

    def _fire(self, t: int, out: list[_Out]) -> None:
        for link in sorted(self._down):
            due = self._down[link] + int(self._p.link_down_s * 1e9)
            if link not in self._told and due < t:
                self._told[link] = due
                out.append(
                    (due, 1, self._event("link_down", f"link:{link}", due, Phase.ONSET, {"reason": "link"}))
                )
        for source, watch in self._watch.items():
            self._fire_one(source, watch, t, out)

    def _fire_one(self, source: str, watch: _Watch, t: int, out: list[_Out]) -> None:
        if watch.stage == 2 or watch.offline or t - watch.last <= _RUN:
            return
        if self._home.sensors[source].link in self._down:
            return
        degraded, trouble = self._limits(source, watch)
        for stage, limit in ((1, degraded), (2, trouble)) if degraded < trouble else ((2, trouble),):
            due = watch.last + watch.push + max(limit, _RUN)
            if watch.stage < stage and due < t:
                phase = Phase.UPDATE if watch.stage else Phase.ONSET
                watch.stage = stage
                evidence = {
                    "stage": _STAGES[stage],
                    "reason": "silent" if watch.seen else "never",
                    "limit_s": limit / 1e9,
                    "last_seen": watch.last,
                }
                out.append((due, 1, self._event("sensor_silent", source, due, phase, evidence)))

    def _event(self, kind: str, source: str, t: int, phase: Phase, evidence: Mapping[str, Any]) -> Event:
        room = self._home.room_of(source)
        return Event("silence", kind, source, t, phase, {**evidence, **({"room": room} if room else {})})

    # -- state

    def snapshot(self) -> dict[str, Any]:
        return {
            "silence": _VERSION,
            "start": self._start,
            "down": dict(self._down),
            "told": dict(self._told),
            "bridge": dict(self._bridge),
            "watch": {
                s: [
                    w.last,
                    w.push,
                    w.stage,
                    w.seen,
                    w.offline,
                    w.blamed,
                    w.vital,
                    w.rhythm.snapshot(),
                ]
                for s, w in self._watch.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("silence") != _VERSION:
            raise ValueError("not a snapshot of the silence detector")
        self._start = state["start"]
        self._down, self._told = dict(state["down"]), dict(state["told"])
        self._bridge = dict(state["bridge"])
        self._watch = {}
        if self._start is not None:
            for source in sorted(self._home.sensors):
                kept = state["watch"].get(source)
                if kept is None:  # enrolled since: its clock starts when the others' last did
                    begun = max((w[0] for w in state["watch"].values()), default=self._start)
                    self._watch[source] = _Watch(Rhythm(), last=begun)
                else:
                    last, push, stage, seen, offline, blamed, vital, rhythm = kept
                    self._watch[source] = _Watch(
                        Rhythm.restored(rhythm), last, push, stage, seen, offline, blamed, vital
                    )


def _ordered(out: list[_Out]) -> list[Event]:
    out.sort(key=lambda e: (e[0], e[1], e[2].source, e[2].kind))
    return [event for _, _, event in out]


SPEC = DetectorSpec(
    name="silence",
    question="Which sensor has fallen silent, and which link is down?",
    params=SilenceParams,
    make=SilenceDetector,
    kinds=("sensor_silent", "link_down"),
)
