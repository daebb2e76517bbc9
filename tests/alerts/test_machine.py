"""Book, outbox and routes together, through everything that can happen to them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.answers import ANSWERS
from alerts.audit import verify
from alerts.book import AlertBook
from alerts.delivery import Delivery
from alerts.gate import Gate
from alerts.outbox import Outbox, OutboxError
from alerts.policy import Plan, Policy, Quiet, Step
from alerts.revision import rings, to_json
from alerts.route import Route
from alerts.settings import BookSettings
from core.clock import ManualClock
from core.localtime import LocalTime, in_window
from core.model import HOUR, SECOND, Alert, AlertState, Event, Phase, Severity
from tests.alerts.making import HOME, key

Key = tuple[str, int]
SLOW = os.environ.get("HYPOTHESIS_PROFILE") == "slow"


class Store:
    """A far end that keeps one copy of each revision; it can be down, or take and lose its answer."""

    def __init__(self) -> None:
        self.mode = "up"
        self.kept: dict[Key, dict[str, Any]] = {}
        self.order: list[Key] = []
        self.handed_over = 0

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[Key]:
        if self.mode == "down":
            raise ConnectionRefusedError("down")
        for a in alerts:
            self.handed_over += 1
            body = json.loads(json.dumps(to_json(a)))
            assert self.kept.setdefault(key(a), body) == body, "one revision with two contents"
            if key(a) not in self.order:
                self.order.append(key(a))
        if self.mode == "late":
            raise TimeoutError("the answer was lost")
        if self.mode == "half":
            return [key(a) for a in alerts[: (len(alerts) + 1) // 2]]
        return [key(a) for a in alerts]


class Phone(Store):
    """A person behind a policy: hears less, and remembers when it rang."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.rung: list[tuple[int, float, Alert]] = []  # event time, local hour, what

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[Key]:
        if self.mode != "down":
            self._note([a for a in alerts if key(a) not in self.kept])
        return super().deliver(alerts)

    def _note(self, alerts: Sequence[Alert]) -> None:
        local = LocalTime(HOME.zone)
        local.offset = self._clock.wall_offset()
        known = {key(a) for _, _, a in self.rung}
        now = self._clock.now()
        self.rung += [(now, local.hour(now), a) for a in alerts if rings(a) and key(a) not in known]


POLICY = Policy(
    plans=(
        Plan(
            (Step(0, ("speaker",), ask=True), Step(60, ("phone",))),
            severities=("alarm", "warning"),
            repeat_s=14_400,
        ),
        Plan((Step(0, ("phone",)),), severities=("trouble", "info")),
    ),
    quiet=Quiet("22:00", "07:00"),
)


class BreakableOutbox(Outbox):
    """An outbox whose disk can be full."""

    full = False

    def _append(self, alerts: Sequence[Alert]) -> int:
        if self.full:
            raise OutboxError("full", "no space")
        return super()._append(alerts)


class Alerting(RuleBasedStateMachine):
    """Every opened alert is in the outbox or told; nothing twice, nothing out of order, nothing lost."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="alerting-"))
        self.clock = ManualClock(1_000 * SECOND)
        self.stores = {"one": Store(), "two": Store(), "phone": Phone(self.clock)}
        self.produced: dict[Key, Alert] = {}
        self.promised: set[Key] = set()
        self.acknowledged: dict[str, int] = {}
        self.known: list[str] = []
        self.snapshot: dict[str, Any] | None = None
        self.told: list[Event] = []
        self._start()

    def _start(self) -> None:
        self.outbox = BreakableOutbox(self.folder / "alerts.db")
        self.book = AlertBook(HOME, BookSettings(policy=POLICY))
        if self.snapshot is not None:
            self.book.restore(json.loads(json.dumps(self.snapshot)))
        for alert in self.outbox.latest():
            self.book.adopt(alert)
        self.book.resume(self.clock.now())
        self.routes = [
            Route("one", self.stores["one"], self.outbox, self.clock, batch=10, order="written"),
            Route("two", self.stores["two"], self.outbox, self.clock),
            Route(
                "phone",
                self.stores["phone"],
                self.outbox,
                self.clock,
                gate=Gate("phone", POLICY, self.outbox, HOME, self.clock),
            ),
        ]
        self.delivery = Delivery(self.outbox, self.routes, self.clock, self.told.append)
        for route in self.routes:
            self.outbox.register(route.name, from_start=True)

    def _handle(self, alerts: list[Alert]) -> None:
        """What the pipeline does with new revisions."""
        for a in alerts:
            before = self.produced.get((a.id, a.revision - 1))
            assert key(a) not in self.produced, "a revision was made twice"
            assert (a.revision == 1) == (before is None), "a revision is missing"
            assert before is None or a.changed >= before.changed
            self.produced[key(a)] = a
            if a.id not in self.known:
                self.known.append(a.id)
            if a.evidence["why"] == "acknowledged":
                self.acknowledged[a.id] = a.severity.rank
            elif a.state is AlertState.OPEN and a.id in self.acknowledged:
                worse = a.severity.rank < self.acknowledged.pop(a.id)
                assert a.evidence["why"] in ("called", "released") or worse, (
                    "rang again without getting worse"
                )
        try:
            self.outbox.write(alerts)
        except OutboxError:
            self.delivery.push_live(alerts)
            return
        self.promised = set(self.produced)
        for route in self.routes:
            route.nudge()

    @rule(
        kind=st.sampled_from(["smoke", "fall", "sos", "battery_low", "inactivity"]),
        source=st.sampled_from(["s1", "s2"]),
        phase=st.sampled_from(["onset", "onset", "update", "clear"]),
        evidence=st.fixed_dictionaries(
            {},
            optional={
                "stage": st.sampled_from(["suspected", "confirmed", "warning", "alarm"]),
                "found_at_connect": st.just(True),
                "co_ppm": st.integers(0, 2),
            },
        ),
    )
    def something_happens(self, kind: str, source: str, phase: str, evidence: dict[str, Any]) -> None:
        event = Event("d", kind, source, self.clock.now(), Phase(phase), evidence)
        self._handle(self.book.advance(self.clock.now()))
        self._handle(self.book.apply([event]))

    @rule(which=st.integers(0, 50), word=st.sampled_from(["acknowledge", *ANSWERS]))
    def a_person_answers(self, which: int, word: str) -> None:
        if self.known:
            name = self.known[which % len(self.known)]
            self._handle(self.book.answer(name, word, "daughter", self.clock.now()))

    @rule(seconds=st.sampled_from([1, 9, 61, 301, 3600, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds * SECOND)
        self._handle(self.book.advance(self.clock.now()))

    @rule(hours=st.sampled_from([-1, 1, 500_000]))
    def the_wall_clock_is_set(self, hours: int) -> None:
        self.clock.set_wall_offset(self.clock.wall_offset() + hours * HOUR)

    @rule(name=st.sampled_from(["one", "two", "phone"]), mode=st.sampled_from(["up", "down", "late", "half"]))
    def a_sink_changes(self, name: str, mode: str) -> None:
        self.stores[name].mode = mode

    @rule(turns=st.integers(1, 8))
    def sinks_get_a_turn(self, turns: int) -> None:
        for route in self.routes:
            for _ in range(turns):
                route.step()
        self.told += self.delivery.check()

    @rule()
    def the_disk_fills(self) -> None:
        self.outbox.full = True

    @rule()
    def the_disk_is_freed(self) -> None:
        self.outbox.full = False
        self._handle([])

    @precondition(lambda self: not self.outbox.unwritten)
    @rule(save_first=st.booleans())
    def the_process_dies_and_comes_back(self, save_first: bool) -> None:
        if save_first:
            self.snapshot = self.book.snapshot()
        self.clock.advance(20 * SECOND)
        self.outbox.close()
        self.told.clear()  # a new process tells again; the book merges it
        self._start()

    @precondition(lambda self: not self.outbox.unwritten)
    @rule()
    def a_snapshot_is_taken(self) -> None:
        self.snapshot = self.book.snapshot()

    @invariant()
    def what_was_promised_is_kept_and_the_chain_is_whole(self) -> None:
        if not hasattr(self, "outbox"):
            return
        kept = [key(a) for a in self.outbox.history(limit=100_000)]
        assert len(kept) == len(set(kept))
        assert self.promised <= set(kept)
        assert verify(self.outbox.chain()).whole

    @invariant()
    def stores_hold_only_what_was_produced_in_order(self) -> None:
        for store in getattr(self, "stores", {}).values():
            assert set(store.kept) <= set(self.produced)
            last: dict[str, int] = {}
            for name, revision in store.order:
                before = last.get(name, 0)
                overtaken = revision <= before if isinstance(store, Phone) else revision != before + 1
                assert not overtaken, "a revision overtook another"
                last[name] = revision

    @invariant()
    def a_person_is_called_for_one_cause_once_in_ten_minutes_and_in_the_night_only_for_alarms(self) -> None:
        if not hasattr(self, "outbox"):
            return
        phone = self.stores["phone"]
        assert isinstance(phone, Phone)
        last: dict[tuple[str, str], tuple[int, int]] = {}
        for at, hour, a in phone.rung:
            cause = (a.kind, a.source)
            if cause in last and a.evidence["why"] not in ("called", "released"):
                before, rank = last[cause]
                assert at - before >= round(POLICY.call_gap_s * SECOND) or a.severity.rank < rank
            last[cause] = (at, a.severity.rank)
            calm = a.severity in (Severity.TROUBLE, Severity.INFO)
            assert not (calm and in_window(hour, 22, 7)), "woken for what can wait"

    @invariant()
    def the_book_and_the_outbox_agree(self) -> None:
        if not hasattr(self, "outbox") or self.outbox.unwritten:
            return
        book = {key(a) for a in self.book.open_alerts()}
        assert book == {key(a) for a in self.outbox.latest(open_only=True)}

    def teardown(self) -> None:
        if not hasattr(self, "outbox"):
            return
        self.outbox.full = False
        self._handle([])
        for store in self.stores.values():
            store.mode = "up"
        for route in self.routes:
            for _ in range(5000):
                due = route.step()
                if due is None:
                    break
                self.clock.advance(max(0, due - self.clock.now()))
        self.told += self.delivery.check()
        for name, store in self.stores.items():
            if name != "phone":
                assert set(store.kept) == set(self.produced), "not everything arrived"
        assert not self.outbox.backlog("phone"), "what was due for the phone is still held"
        faults: dict[str, list[Phase]] = {}
        for event in self.told:
            faults.setdefault(event.source, []).append(event.phase)
        for phases in faults.values():
            assert all(a != b for a, b in itertools.pairwise(phases)), "told twice"
        self.outbox.close()
        shutil.rmtree(self.folder)


Alerting.TestCase.settings = settings(
    max_examples=2000 if SLOW else 30, stateful_step_count=60 if SLOW else 35, deadline=None
)
TestAlerting = Alerting.TestCase
