"""Routes by a hand-moved clock; threads by bounded waits."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from alerts.channels.base import Later
from alerts.delivery import Delivery
from alerts.outbox import Outbox
from alerts.route import Route, RouteSettings
from core.clock import ManualClock, SystemClock
from core.contracts import Refused
from core.model import HOUR, SECOND, Alert, AlertState, Event, Phase, Severity
from tests.alerts.making import alert, key
from tests.broker import wait_for

Key = tuple[str, int]


class Sink:
    """Takes everything, unless ``trouble`` raises or a key is poisoned."""

    def __init__(self) -> None:
        self.got: list[Key] = []
        self.calls = 0
        self.poison: set[Key] = set()
        self.trouble: Callable[[], None] = lambda: None

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[Key]:
        self.calls += 1
        self.trouble()
        for a in alerts:
            if key(a) in self.poison:
                raise Refused("400 bad")
        self.got += [key(a) for a in alerts]
        return [key(a) for a in alerts]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "alerts.db")
    yield made
    made.close()


def down() -> None:
    raise ConnectionRefusedError("nobody listens")


def pump(route: Route, clock: ManualClock, until_ns: int = 0) -> list[int]:
    """Step until nothing is due by now + until_ns; the instants at which the sink was called."""
    end = clock.now() + until_ns
    at = []
    for _ in range(100_000):
        before = getattr(route.sink, "calls", 0)
        due = route.step()
        if getattr(route.sink, "calls", 0) > before:
            at.append(clock.now())
        if due is None or due > end:
            return at
        clock.advance(max(0, due - clock.now()))
    raise AssertionError("never came to rest")


def made(outbox: Outbox, clock: ManualClock, sink: Sink | None = None, **options: object) -> Route:
    route = Route("s", sink or Sink(), outbox, clock, **options)  # type: ignore[arg-type]
    outbox.register("s", from_start=True)
    return route


def test_everything_once_and_in_order(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink, order="written")
    batch = [alert(n % 7, 1 + n // 7) for n in range(500)]
    outbox.write(batch)
    route.nudge()
    pump(route, clock)
    assert sink.got == [key(a) for a in batch]
    assert route.step() is None
    assert outbox.backlog("s") == 0


def test_waits_after_failures_double_without_chance_and_are_bounded(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    sink.trouble = down
    outbox.write([alert()])
    at = pump(route, clock, 200 * SECOND)
    gaps = [(b - a) // SECOND for a, b in itertools.pairwise(at)]
    assert gaps == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]
    sink.trouble = lambda: None
    pump(route, clock, 31 * SECOND)
    assert sink.got == [key(alert())]


def test_retry_after_is_honoured_but_not_for_ever(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)

    def busy() -> None:
        raise Later("429", 77.0 if sink.calls == 1 else 1e9)

    sink.trouble = busy
    outbox.write([alert()])
    at = pump(route, clock, 2 * HOUR)
    assert [a // SECOND for a in at] == [0, 77, 77 + 3600]


def test_a_poisoned_alert_is_parked_told_and_does_not_block_the_next(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink, batch=10, order="written")
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    batch = [alert(n) for n in range(1, 8)]
    sink.poison = {key(batch[2])}
    outbox.write(batch)
    pump(route, clock)
    assert sink.got == [key(a) for a in batch if key(a) not in sink.poison]
    assert [key(a) for _, a, _ in outbox.parked_list("s")] == [key(batch[2])]
    (told,) = delivery.check()
    assert (told.kind, told.source, told.phase) == ("channel_refused", "channel:s", Phase.ONSET)
    assert told.evidence["alert"] == batch[2].id
    assert delivery.check() == []


def test_news_about_its_own_refusal_does_not_go_round_for_ever(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    own = alert(1, kind="channel_refused", source="channel:s")
    sink.poison = {key(own)}
    outbox.write([own])
    pump(route, clock)
    assert delivery.check() == []
    assert len(outbox.parked_list("s")) == 1


def test_a_fault_is_told_once_within_a_minute_and_its_end_once(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    sink.trouble = down
    outbox.write([alert()])
    told: list[tuple[int, Event]] = []
    for _ in range(600):
        pump(route, clock)
        told += [(clock.now() // SECOND, e) for e in delivery.check()]
        clock.advance(SECOND)
    ((at, event),) = told
    assert at <= 60
    assert (event.kind, event.source, event.phase) == ("channel_fault", "channel:s", Phase.ONSET)
    assert event.evidence["reason"] == "nobody listens"
    sink.trouble = lambda: None
    pump(route, clock, 31 * SECOND)
    assert [(e.kind, e.phase) for e in delivery.check()] == [("channel_fault", Phase.CLEAR)]
    assert delivery.check() == []


def test_a_short_hiccup_is_not_told(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    sink.trouble = down
    outbox.write([alert()])
    pump(route, clock, 10 * SECOND)
    sink.trouble = lambda: None
    pump(route, clock, 10 * SECOND)
    assert sink.got
    assert delivery.check() == []


def test_seventy_two_hours_down_then_everything_in_order_once(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink, batch=50, order="written")
    sink.trouble = down
    written = []
    for hour in range(72):
        one = [alert(hour + 1, r) for r in (1, 2)]
        outbox.write(one)
        written += one
        route.nudge()
        pump(route, clock)
        clock.advance(HOUR)
    sink.trouble = lambda: None
    pump(route, clock, 60 * SECOND)
    assert sink.got == [key(a) for a in written]


def test_a_sink_that_takes_only_some_is_given_the_rest(outbox: Outbox) -> None:
    class Half(Sink):
        def deliver(self, alerts: Sequence[Alert]) -> Sequence[Key]:
            return super().deliver(alerts[: max(1, len(alerts) // 2)])

    clock, sink = ManualClock(), Half()
    route = made(outbox, clock, sink, batch=16, order="written")
    batch = [alert(n) for n in range(1, 40)]
    outbox.write(batch)
    pump(route, clock, HOUR)
    assert sink.got == [key(a) for a in batch]


def test_from_severity_whoever_heard_of_it_also_hears_its_end(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink, from_severity=Severity.WARNING)
    trouble = alert(1, 1, Severity.TROUBLE)
    rising = [
        alert(2, 1, Severity.INFO), alert(2, 2, Severity.ALARM), alert(2, 3, Severity.INFO, AlertState.CLEARED)
    ]  # fmt: skip
    outbox.write([trouble, *rising])
    pump(route, clock)
    assert sink.got == [key(a) for a in rising[1:]]
    assert outbox.backlog("s") == 0


def test_storm_severest_first_nothing_lost_revisions_in_order(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    severities = list(Severity)
    batch = [alert(n % 2500 + 1, 1 + n // 2500, severities[n % 4]) for n in range(10_000)]
    outbox.write(batch)
    pump(route, clock)
    assert len(sink.got) == len(set(sink.got)) == 10_000
    worst: dict[str, int] = {}
    for a in batch:
        worst[a.id] = min(worst.get(a.id, 9), a.severity.rank)
    ranks = [worst[i] for i, _ in sink.got]
    assert ranks == sorted(ranks)
    last: dict[str, int] = {}
    for i, r in sink.got:
        assert r == last.get(i, 0) + 1
        last[i] = r


def test_live_goes_out_at_once_and_is_not_repeated_when_storage_is_back(tmp_path: Path) -> None:
    (tmp_path / "gone").write_text("a file where the folder should be")
    outbox = Outbox(tmp_path / "gone" / "alerts.db")
    clock, sink = ManualClock(), Sink()
    route = Route("s", sink, outbox, clock)
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    for r in (1, 2, 3):
        with pytest.raises(Exception, match="alerts"):
            outbox.write([alert(1, r)])
        delivery.push_live([alert(1, r)])
        pump(route, clock)
    assert sink.got == [key(alert(1, r)) for r in (1, 2, 3)]
    (tmp_path / "gone").unlink()
    outbox.register("s", from_start=True)
    outbox.write([alert(1, 4)])
    route.nudge()
    clock.advance(HOUR)
    pump(route, clock)
    assert sink.got == [key(alert(1, r)) for r in (1, 2, 3, 4)]
    assert outbox.backlog("s") == 0
    outbox.close()


def test_live_never_overtakes_an_earlier_revision(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    sink.trouble = down
    outbox.write([alert(1, 1), alert(2, 1)])
    route.nudge()
    pump(route, clock)
    route.push_live([alert(1, 2)])
    sink.trouble = lambda: None
    clock.advance(HOUR)
    pump(route, clock)
    assert sink.got == [key(alert(1, 1)), key(alert(1, 2)), key(alert(2, 1))]


# -- with threads


class Stuck(Sink):
    """Never answers until released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[Key]:
        self.calls += 1
        self.released.wait()
        return []


def test_a_stuck_sink_delays_nobody_is_told_and_close_is_bounded(outbox: Outbox) -> None:
    clock = SystemClock()
    stuck, fine = Stuck(), Sink()
    quick = RouteSettings(fault_after_s=0.3)
    routes = [
        Route("stuck", stuck, outbox, clock, settings=quick),
        Route("fine", fine, outbox, clock, settings=quick),
    ]
    told: list[Event] = []
    delivery = Delivery(outbox, routes, clock, told.append)
    delivery.start()
    outbox.write([alert(n) for n in range(1, 50)])
    delivery.wake()
    wait_for(lambda: len(fine.got) == 49)
    assert stuck.calls == 1
    wait_for(lambda: [(e.kind, e.source) for e in told] == [("channel_fault", "channel:stuck")], 15)
    assert "no answer" in told[0].evidence["reason"]
    assert delivery.close(timeout_s=0.4) is False
    stuck.released.set()


def test_threads_deliver_what_was_there_before_and_what_comes_and_stop(outbox: Outbox) -> None:
    clock = SystemClock()
    sinks = [Sink(), Sink()]
    routes = [Route(f"s{i}", sink, outbox, clock) for i, sink in enumerate(sinks)]
    for route in routes:
        outbox.register(route.name)
    outbox.write([alert(1)])
    delivery = Delivery(outbox, routes, clock, lambda e: None)
    delivery.start()
    for n in range(2, 30):
        outbox.write([alert(n)])
        delivery.wake()
    for sink in sinks:
        wait_for(lambda sink=sink: len(sink.got) == 29)
    assert delivery.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("alerts-")]
    outbox.write([alert(99)])
    assert outbox.backlog("s0") == 1


def test_a_channel_with_a_bug_keeps_its_thread_and_is_tried_again(outbox: Outbox) -> None:
    sink = Sink()

    def bug() -> None:
        if sink.calls == 1:
            raise KeyError("a mistake of ours")

    sink.trouble = bug
    clock = SystemClock()
    delivery = Delivery(
        outbox,
        [Route("s", sink, outbox, clock, settings=RouteSettings(first_wait_s=0.01))],
        clock,
        lambda e: None,
    )
    delivery.start()
    outbox.write([alert(1)])
    delivery.wake()
    wait_for(lambda: sink.got == [key(alert(1))])
    assert delivery.close()


def test_two_sinks_of_one_name_are_refused(outbox: Outbox) -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="same name"):
        Delivery(outbox, [Route("a", Sink(), outbox, clock)] * 2, clock, lambda e: None)


def test_status_counts(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    outbox.write([alert(1), alert(2), alert(3)])
    sink.poison = {key(alert(1))}
    pump(route, clock)
    sink.trouble = down
    outbox.write([alert(4)])
    route.nudge()
    pump(route, clock)
    status = Delivery(outbox, [route], clock, lambda e: None).status()["s"]
    assert (status["delivered"], status["parked"], status["backlog"]) == (2, 1, 1)
    assert (status["failing_since"], status["reason"]) == (0, "nobody listens")


def test_closing_what_never_started_lets_go_of_the_sinks_and_a_bad_close_is_survived(outbox: Outbox) -> None:
    class Closing(Sink):
        closed = 0

        def close(self) -> None:
            self.closed += 1
            raise RuntimeError("cannot")

    clock, sink = ManualClock(), Closing()
    assert Delivery(outbox, [Route("s", sink, outbox, clock)], clock, lambda e: None).close()
    assert sink.closed == 1
    started = Delivery(outbox, [Route("s", sink, outbox, SystemClock())], SystemClock(), lambda e: None)
    started.start()
    assert started.close()
    assert sink.closed == 2


def test_exactly_at_the_threshold_counts_too(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink, from_severity=Severity.WARNING)
    life = [alert(1, 1, Severity.WARNING), alert(1, 2, Severity.INFO, AlertState.CLEARED)]
    outbox.write([*life, alert(2, 1, Severity.INFO), alert(2, 2, Severity.INFO, AlertState.CLEARED)])
    pump(route, clock)
    assert sink.got == [key(a) for a in life]


def test_a_refusal_is_an_answer_the_sink_is_well_again(outbox: Outbox) -> None:
    clock, sink = ManualClock(), Sink()
    route = made(outbox, clock, sink)
    sink.trouble = down
    sink.poison = {key(alert())}
    outbox.write([alert()])
    pump(route, clock, 100 * SECOND)
    assert route.fault(clock.now())
    sink.trouble = lambda: None
    pump(route, clock, 31 * SECOND)
    assert route.fault(clock.now()) == ""
    assert not route.failing
