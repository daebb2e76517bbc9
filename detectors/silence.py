"""Which sensor has fallen silent, and which link is down?

A dead sensor keeps a healthy last value for ever unless somebody watches its rhythm; how long each may
be silent is said in ``detectors/watched.py``. A broken link, a bridge that is offline or a gateway that
was not running is said once, about the link, and never blamed on each sensor behind it.

So is a link of at least three sensors from which nothing at all comes for half as long again as it ever
did before (an hour to twelve; twelve in the first three days): when the first of its sensors is overdue
then, ``link_down`` with reason ``quiet`` is told instead. It is a bridge that died unnoticed, or an empty
home whose sensors report only what people do. That time then counts against none of its sensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from core.contracts import DetectorSpec
from core.model import HOUR, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.reports import Times, gather, runs
from detectors.rhythm import Rhythm
from detectors.rows import RETAINED, Row, flag, rows
from detectors.watched import NEVER, RUN, SilenceParams, Watched

Q = Quantity
_LINK_UP, _BLIND_S, _AVAILABLE = Q.LINK_UP, Q.BLIND_S, Q.AVAILABLE
_CONTROL = frozenset({_LINK_UP, _BLIND_S, _AVAILABLE})
_VERSION = 2
_STAGES = ("", "degraded", "trouble")
_QUIET = 12 * HOUR  # longer than a night
_PAUSE = HOUR  # shorter common silences are nothing
_COMPANY = 3  # so many sensors must have spoken before their common silence says something
_Out = list[tuple[int, int, Event]]  # t, 1 if a deadline fired (only time after t tells so), event


class SilenceDetector:
    """Blocks of everything in, ``sensor_silent`` and ``link_down`` out."""

    def __init__(self, params: SilenceParams, home: Home) -> None:
        self._p = params
        self._home = home
        self._start: int | None = None
        self._watch: dict[str, Watched] = {}
        self._down: dict[str, int] = {}  # link -> down since
        self._told: dict[str, int] = {}  # link -> opened
        self._bridge: dict[str, int] = {}  # link whose bridge is offline -> since
        self._heard: dict[str, int] = {}  # link -> last report of any of its sensors
        self._pace: dict[str, Rhythm] = {}  # link -> how long it is silent as a whole
        self._quiet: dict[str, int] = {}  # link told to be quiet -> when
        self._bound = 0  # no deadline lies before this

    @property
    def wants(self) -> frozenset[Quantity]:
        return frozenset(Quantity)

    # -- reports

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        blocks = [b for b in blocks if b.t.shape[0]]
        if not blocks:
            return []
        if self._start is None:
            self._begin(min(b.t.item(0) for b in blocks))
        times, control, vital, reach = gather(blocks, self._watch)
        out: _Out = []
        ends = self._quiet_ends(times)
        if control or vital or ends:
            told = {
                t: list(group) for t, group in groupby(rows(control, _CONTROL, every=True), key=lambda r: r.t)
            }
            for t in sorted(told.keys() | vital.keys() | ends.keys()):
                times = self._report_before(times, t, out)
                self._control(t, told.get(t, []), out)
                for link in ends.get(t, ()):
                    self._heard_again(link, t, out)
                for source in vital.get(t, ()):
                    self._watch[source].vital = True
                self._bound = 0
        self._take_all(times, out)
        self._fire(reach, out)
        return _ordered(out)

    def _quiet_ends(self, times: dict[str, Times]) -> dict[int, list[str]]:
        """At which reports does a common silence of a link end that is worth noting?"""
        ends: dict[int, list[str]] = {}
        links: dict[str, list[Times]] = {}
        for source, found in times.items():
            links.setdefault(self._watch[source].link, []).append(found)
        for link, lists in links.items():
            last = self._heard.get(link)
            first, stop = min(int(x[0]) for x in lists), max(int(x[-1]) for x in lists)
            if last is not None and first - last > _PAUSE:
                ends.setdefault(first, []).append(link)
            if stop - first > _PAUSE:
                whole = np.unique(np.concatenate(lists))
                for t in whole[np.flatnonzero(np.diff(whole) > _PAUSE) + 1].tolist():
                    ends.setdefault(t, []).append(link)
            if last is None:
                self._heard[link], self._pace[link] = first, Rhythm()
                self._pace[link].reach(first, first)
        return ends

    def _patience(self, link: str) -> int:
        """After which common silence is a link quiet?"""
        pace = self._pace.get(link)
        if pace is None or pace.days < self._p.learn_days:
            return _QUIET
        return min(_QUIET, max(_PAUSE, pace.longest() * 3 // 2))

    def _heard_again(self, link: str, t: int, out: _Out) -> None:
        """The first report after a silence of everybody on this link comes at ``t``."""
        since = self._heard[link]
        quiet = t - since > self._patience(link)
        self._pace[link].add(t - since, t)
        self._pace[link].reach(t, t)
        opened = self._quiet.pop(link, None)
        if opened is not None:
            evidence = {"reason": "quiet", "down_s": round((t - since) / 1e9, 3)}
            self._tell(out, 0, "link_down", f"link:{link}", t, Phase.CLEAR, evidence)
        if quiet and self._company(link):
            for source in self._home.sources_on(link):
                watch = self._watch[source]
                if not watch.stage:
                    watch.excuse(t, t - max(since, watch.last))
        self._heard[link] = t

    def _company(self, link: str) -> bool:
        return sum(self._watch[s].seen for s in self._home.sources_on(link)) >= _COMPANY

    def advance(self, t: int) -> list[Event]:
        if self._start is None or self._bound >= t:
            return []
        out: _Out = []
        self._fire(t, out)
        return _ordered(out)

    def _begin(self, t: int) -> None:
        self._start = t
        for source in sorted(self._home.sensors):
            self._watch[source] = Watched(self._home.sensors[source], self._p, t)

    def _report_before(self, times: dict[str, Times], t: int, out: _Out) -> dict[str, Times]:
        """Take all reports before ``t``; which are left?"""
        due: dict[str, Times] = {}
        left: dict[str, Times] = {}
        for source, found in times.items():
            n = int(np.searchsorted(found, t, side="left"))
            if n:
                due[source] = found[:n]
            if n < len(found):
                left[source] = found[n:]
        self._take_all(due, out)
        return left

    def _take_all(self, times: dict[str, Times], out: _Out) -> None:
        """Take a stretch of reports in which no link was quiet."""
        for source, found in times.items():
            link, last = self._watch[source].link, int(found[-1])
            if last > self._heard.get(link, 0):
                self._heard[link] = last
        for source, found in times.items():
            self._take(source, found, out)

    def _take(self, source: str, times: Times, out: _Out) -> None:
        watch = self._watch[source]
        for first, last in runs(times):
            if first - watch.last <= RUN and watch.seen and not (watch.stage or watch.offline):
                if not watch.rhythm.same_day(last):
                    watch.rhythm.reach(first, last)
                    self._bound = 0
                watch.last, watch.push = max(last, watch.last), 0
                continue
            self._fire_one(source, watch, first, out)
            if watch.stage or watch.offline:
                self._back(source, watch, first, out)
            watch.heard(first, last)
            self._bound = 0

    def _back(self, source: str, watch: Watched, t: int, out: _Out) -> None:
        if watch.blamed:
            silent_s = round((t - watch.last) / 1e9, 3)
            self._tell(out, 0, "sensor_silent", source, t, Phase.CLEAR, {"silent_s": silent_s})
        watch.stage, watch.offline, watch.blamed = 0, False, True
        if watch.link in self._bridge:
            self._bridge_back(watch.link, t, out)

    # -- what the gateway says about links and bridges

    def _control(self, t: int, group: list[Row], out: _Out) -> None:
        blind = max((int(r.value * 1e9) for r in group if r.quantity is _BLIND_S and r.value > 0), default=0)
        self._fire(t - blind, out)
        if blind:
            for watch in self._watch.values():
                if not watch.stage and watch.link not in self._down:
                    watch.excuse(t, blind)
        gone: dict[str, list[Row]] = {}
        latest = {(r.source, r.quantity): r for r in group if flag(r.value) is not None}
        for row in latest.values():
            value = row.value == 1
            if row.quantity is _LINK_UP and row.source.startswith("link:"):
                self._link(row.source[5:], value, t, out)
            elif row.quantity is _AVAILABLE and row.source in self._watch:
                watch = self._watch[row.source]
                if value and watch.offline:
                    self._back(row.source, watch, t, out)
                    watch.last, watch.push = t, 0
                elif not value and not watch.offline:
                    gone.setdefault(watch.link, []).append(row)
        for link, lost in sorted(gone.items()):
            self._offline(link, lost, t, out)

    def _offline(self, link: str, lost: list[Row], t: int, out: _Out) -> None:
        """Sources whose bridge says they are gone: one event if it says so of all at once."""
        there = [s for s in self._home.sources_on(link) if not self._watch[s].offline]
        whole = len(there) > 1 and len(lost) == len(there) and link not in self._bridge
        if whole:
            self._bridge[link] = t
            found = {"found_at_connect": True} if all(r.flags & RETAINED for r in lost) else {}
            self._tell(out, 0, "link_down", f"link:{link}", t, Phase.ONSET, {"reason": "bridge", **found})
        for row in lost:
            watch = self._watch[row.source]
            already, watch.offline = watch.stage > 0, True
            watch.stage = 2
            if already:
                continue
            watch.blamed = not whole
            if not whole:
                found = {"found_at_connect": True} if row.flags & RETAINED else {}
                evidence = {"stage": "trouble", "reason": "offline", **found}
                self._tell(out, 0, "sensor_silent", row.source, t, Phase.ONSET, evidence)

    def _bridge_back(self, link: str, t: int, out: _Out) -> None:
        since = self._bridge.pop(link)
        evidence = {"reason": "bridge", "down_s": round((t - since) / 1e9, 3)}
        self._tell(out, 0, "link_down", f"link:{link}", t, Phase.CLEAR, evidence)
        for source in self._home.sources_on(link):
            watch = self._watch[source]
            if watch.offline and not watch.blamed:
                watch.offline, watch.stage, watch.blamed = False, 0, True
                watch.excuse(t, t - since)

    def _link(self, link: str, up: bool, t: int, out: _Out) -> None:
        if not up:
            self._down.setdefault(link, t)
            return
        since = self._down.pop(link, None)
        if since is None:
            return
        if self._told.pop(link, None) is not None:
            evidence = {"reason": "link", "down_s": round((t - since) / 1e9, 3)}
            self._tell(out, 0, "link_down", f"link:{link}", t, Phase.CLEAR, evidence)
        for source in self._home.sources_on(link):
            watch = self._watch[source]
            if not watch.stage:
                watch.excuse(t, t - since)

    # -- deadlines

    def _fire(self, t: int, out: _Out) -> None:
        if self._bound >= t:
            return
        bound = NEVER
        for link in sorted(self._down):
            if link in self._told:
                continue
            due = self._down[link] + int(self._p.link_down_s * 1e9)
            if due < t:
                self._told[link] = due
                self._tell(out, 1, "link_down", f"link:{link}", due, Phase.ONSET, {"reason": "link"})
            else:
                bound = min(bound, due)
        due_now = sorted((w.due(), s) for s, w in self._watch.items() if w.link not in self._down)
        for _, source in due_now:
            self._fire_one(source, self._watch[source], t, out)
        for watch in self._watch.values():
            if watch.link not in self._down and watch.link not in self._quiet:
                bound = min(bound, watch.due())
        self._bound = bound

    def _fire_one(self, source: str, watch: Watched, t: int, out: _Out) -> None:
        if t - watch.last <= RUN or watch.link in self._down:
            return
        for stage, due, limit in watch.steps():
            if due >= t:
                return
            if self._hushed(watch.link, due, out):
                return
            phase = Phase.UPDATE if watch.stage else Phase.ONSET
            watch.stage = stage
            evidence = {
                "stage": _STAGES[stage],
                "reason": "silent" if watch.seen else "never",
                "limit_s": limit / 1e9,
                "last_seen": watch.last,
            }
            self._tell(out, 1, "sensor_silent", source, due, phase, evidence)

    def _hushed(self, link: str, due: int, out: _Out) -> bool:
        """Is everybody on this link silent at ``due``? Then it is told once, about the link."""
        if link in self._quiet:
            return True
        if due - self._heard.get(link, due) <= self._patience(link) or not self._company(link):
            return False
        self._quiet[link] = due
        self._tell(out, 1, "link_down", f"link:{link}", due, Phase.ONSET, {"reason": "quiet"})
        return True

    def _tell(
        self, out: _Out, late: int, kind: str, source: str, t: int, phase: Phase, evidence: Mapping[str, Any]
    ) -> None:
        room = self._home.room_of(source)
        where = {"room": room} if room else {}
        out.append((t, late, Event("silence", kind, source, t, phase, {**evidence, **where})))

    # -- state

    def snapshot(self) -> dict[str, Any]:
        return {
            "silence": _VERSION,
            "start": self._start,
            "down": dict(self._down),
            "told": dict(self._told),
            "bridge": dict(self._bridge),
            "heard": dict(self._heard),
            "quiet": dict(self._quiet),
            "pace": {link: pace.snapshot() for link, pace in self._pace.items()},
            "watch": {s: w.state() for s, w in self._watch.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("silence") != _VERSION:
            raise ValueError("not a snapshot of the silence detector")
        self._start = state["start"]
        self._down, self._told = dict(state["down"]), dict(state["told"])
        self._bridge = dict(state["bridge"])
        self._heard, self._quiet = dict(state["heard"]), dict(state["quiet"])
        self._pace = {link: Rhythm.restored(pace) for link, pace in state["pace"].items()}
        self._watch, self._bound = {}, 0
        if self._start is None:
            return
        # a sensor enrolled since: its clock starts when something was last heard
        latest = max((w[0] for w in state["watch"].values()), default=self._start)
        for source, sensor in sorted(self._home.sensors.items()):
            watch = self._watch[source] = Watched(sensor, self._p, latest)
            if source in state["watch"]:
                watch.load(state["watch"][source])


def _ordered(out: _Out) -> list[Event]:
    out.sort(key=lambda e: (e[0], e[1], e[2].source, e[2].kind))
    return [event for _, _, event in out]


SPEC = DetectorSpec(
    name="silence",
    question="Which sensor has fallen silent, and which link is down?",
    params=SilenceParams,
    make=SilenceDetector,
    kinds=("sensor_silent", "link_down"),
)
