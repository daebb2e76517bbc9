"""How does the daemon run? Sources push, one thread turns, everything durable happens in one order.

A turn: take what came -> stamp -> journal -> parse, detect -> alerts written and synced in the outbox ->
acknowledge to the broker -> wake the channels. Killed anywhere, the next start finds the alert in the
outbox, or the packets in the journal, or the message still with the broker.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alerts.delivery import Delivery
from alerts.outbox import Outbox, OutboxError
from core.clock import Clock
from core.contracts import Source
from core.model import DAY, SECOND, Alert, Block, Event, Mark, Packet, Phase
from gateway import build, snapshot
from gateway.answering import serve_answers
from gateway.answers import make_answers
from gateway.canonical import OWN_KINDS
from gateway.commands import command_topic, parse_command
from gateway.control import ControlServer
from gateway.duty import make_duties
from gateway.edges import make_influx, make_recorder, make_routes, make_sources, make_store
from gateway.evidence import EvidenceKeeper
from gateway.garbage import calm
from gateway.journal import LIMIT_BYTES, Journal, read_journal, runtime_dir
from gateway.lock import Lock
from gateway.own import heard_at, own
from gateway.proof import Proofs
from gateway.status import describe
from gateway.watchdog import Watchdog
from ingest.inbox import Inbox
from ingest.recording import write_all
from store.sqlite import SampleStore

log = logging.getLogger("hearthwatch")

RELEASE_EVERY_NS = SECOND // 5  # the patient lane waits two seconds anyway; small turns cost CPU
SNAPSHOT_EVERY_NS = 300 * SECOND  # the journal bridges the time between (see journal.py)
WALL_CHECK_EVERY_NS = 5 * SECOND
WALL_TOLD_NS = SECOND // 2  # NTP's slewing is not worth a packet; a step is
DUE_EVERY_NS = SECOND // 5
MAX_TURN = 4096
MARK_AGAIN_NS = 5 * SECOND
KEEP_ALERTS_NS = 2 * 365 * DAY  # two years of alerts are a few megabytes
WITHHOLD = 10  # packets left unacknowledged while the disk refuses; more would stop the broker (20 in flight)


class Gateway:
    """The daemon for one home. ``start``, then ``run`` in the thread that shall turn, then ``close``."""

    def __init__(
        self,
        plan: build.Plan,
        clock_from: Callable[[int | None], Clock],
        record_to: Path | None = None,
        on_turn: Callable[[Gateway, Sequence[Packet], Sequence[Alert]], None] | None = None,
    ) -> None:
        self.plan = plan
        self.folder = plan.state_dir
        self._lock = Lock(self.folder)
        self.pipeline = build.make_pipeline(plan)
        self.troubles: deque[Event] = deque(maxlen=1000)
        self.counts: Counter[str] = Counter()
        self._requests: queue.SimpleQueue[tuple[Mapping[str, Any], queue.SimpleQueue[Any]]] = (
            queue.SimpleQueue()
        )
        self._on_turn = on_turn
        self._unsettled: Counter[int] = Counter()
        self._storage_down = self._save_failed = False
        self._set_aside = 0
        self._marked: dict[str, int] = {}
        self._store_fault = ""
        self.store: SampleStore | None = None
        self.delivery: Delivery | None = None
        self._stop = threading.Event()
        self._snapshot_path = self.folder / "state.json"
        journal_path = runtime_dir(self.folder) / "journal"
        self.outbox = Outbox(self.folder / "alerts.db")
        self.proofs = Proofs(plan.home, self.folder)
        self.unproven = self.proofs.unproven
        last = self._recover(journal_path)
        self.clock = clock_from(last + 1 if last else None)
        self.journal = Journal(journal_path)
        self.inbox = Inbox(self.clock)
        self.store = make_store(plan, self.clock)
        self.influx = make_influx(plan)
        self.pipeline.on_blocks = self._keep
        self.recorder = make_recorder(plan, record_to, self.clock)
        self.evidence = EvidenceKeeper(self.folder / "evidence", write_all)
        self.sources: dict[str, Source] = make_sources(plan, self.pipeline, self.clock)
        self._origins = list(self.sources)
        self.answers = make_answers(plan.config.answers, self.folder, plan.home, self.clock, self.outbox)
        self._answer_server: Any = None
        lines = self.answers.lines if self.answers else None
        routes = make_routes(plan, self.outbox, self.clock, self.acknowledge, self.influx, lines)
        self.delivery = Delivery(self.outbox, routes, self.clock, self.troubles.append)
        self._watchdog = Watchdog(self.clock)
        self._control: ControlServer | None = None
        self._released_at = self._due_at = self._wall_at = self._pruned_at = 0
        self._snapshot_at = self.clock.now()
        self._snapshot_reached = self.pipeline.reached
        self._wall_offset: int | None = None
        self.duties = make_duties(self)
        self._begin(last)

    # -- start and stop -------------------------------------------------------------------------

    def _recover(self, journal_path: Path) -> int | None:
        """Snapshot, then the journal again; returns the last event time known, if any."""
        state, why = snapshot.load(self._snapshot_path, self.plan.config_hash)
        cold: list[str] = []
        if state is not None:
            try:
                cold = self.pipeline.restore(state)
            except ValueError as error:
                why, state = f"state.json {error}", None
                self.pipeline = build.make_pipeline(self.plan)
        if why:
            log.warning("detectors start cold: %s", why)
            self.troubles.append(own("cold_start", "gateway", 0, {"reason": why}))
        if cold:
            self.troubles.append(own("cold_start", "gateway", 0, {"detectors": cold}))
        packets = [p for p in read_journal(journal_path) if p.at > self.pipeline.reached]
        if packets:
            log.info("recovering: %d packets since the last snapshot are taken again", len(packets))
        self.pipeline.on_blocks = self.proofs.note
        for i in range(0, len(packets), MAX_TURN):
            self._commit(self.pipeline.turn(packets[i : i + MAX_TURN]))
        self._adopt()
        return self.pipeline.reached or None

    def _adopt(self) -> None:
        """Alerts that are open in the outbox and unknown to the book (power loss) stay one alert."""
        known = {a.id for a in self.pipeline.open_alerts()}
        prompt = {k for d in self.plan.detectors if d.spec.prompt for k in d.spec.kinds}
        for alert in self.outbox.latest(open_only=True):
            if alert.id in known:
                continue
            lane = self.pipeline.gateway if alert.kind in OWN_KINDS else self.pipeline.patient
            (self.pipeline.prompt if alert.kind in prompt else lane).book.adopt(alert)

    def _begin(self, last: int | None) -> None:
        now = self.clock.now()
        if last is not None:
            for lane in self.pipeline.lanes():
                lane.book.resume(now)
        if last is not None and now - last > SECOND:
            self.inbox.put(-1, Packet("", "", now, str((now - last) / SECOND).encode(), Mark.BLIND))
        self._tell_wall(now)

    def start(self) -> None:
        """Open every edge; armed when this returns."""
        self._control = ControlServer(self.folder, self._ask)
        self._answer_server = serve_answers(self.plan.config.answers, self.answers, self.say)
        assert self.delivery is not None
        self.delivery.start()
        for index, (name, source) in enumerate(self.sources.items()):
            source.start(self.inbox.port(index))
            log.info("link %s is being opened", name)
        calm()
        self._watchdog.ready()

    def stop(self) -> None:
        """Ask ``run`` to end after the turn it is in. Safe from signal handlers."""
        self._stop.set()
        self.inbox.wake()

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Turn until stopped."""
        while not self._stop.is_set() and not (until and until()):
            self.turn()

    def close(self) -> None:
        """End in order: sources, last turn, snapshot, channels, files."""
        self._watchdog.stopping()
        self.duties.close()
        for source in self.sources.values():
            source.close()
        self.turn(timeout_s=0.0)
        now = self.clock.now()
        self._take([(-1, Packet("", "", now, b"", Mark.END))])
        self._commit(self.pipeline.advance())
        self._save()
        if self.delivery:
            self.delivery.close()
        if self._control:
            self._control.close()
        if self._answer_server:
            self._answer_server.close()
        if self.recorder:
            self.recorder.close()
        if self.store is not None:
            self.store.close()
        if self.influx:
            self.influx.close()
        self.journal.close()
        self.outbox.close()
        self._lock.close()

    # -- the turn -------------------------------------------------------------------------------

    def turn(self, timeout_s: float = 0.1) -> None:
        """One turn: what came, what is due, what must be kept."""
        batch = self.inbox.drain(timeout_s, MAX_TURN)
        now = self.clock.now()
        packets, alerts = self._take(batch)
        if now - self._released_at >= RELEASE_EVERY_NS:
            self._released_at = now
            more = self.pipeline.advance(now)
            while self.troubles:
                event = self.troubles.popleft()
                more += self.pipeline.raise_events([heard_at(event, now)])
            self._commit(more)
            alerts += more
            self._tick(now)
        try:
            self.evidence.turn(packets, alerts, now)
        except OSError as error:
            self._storage(f"evidence folder: {error}")
        if self._on_turn:
            self._on_turn(self, packets, alerts)
        self.duties.turn(now, packets, alerts)
        self._watchdog.turned()

    def _take(self, batch: Sequence[tuple[int, Packet]]) -> tuple[list[Packet], list[Alert]]:
        if not batch:
            return [], []
        came = [packet for _, packet in batch]
        packets = self.pipeline.stamp(self.answers.plain(came) if self.answers else came)
        try:
            self.journal.append(packets)
        except OSError as error:
            self._storage(f"journal: {error}")
        if self.recorder:
            try:
                self.recorder.write(packets)
            except OSError as error:
                self._storage(f"recording: {error}")
        alerts = self.pipeline.feed(packets)
        self._unsettled.update(origin for origin, _ in batch if origin >= 0)
        durable = self._commit(alerts)
        if durable or max(self._unsettled.values(), default=0) >= WITHHOLD:
            self.counts["acknowledged_without_disk"] += not durable
            for origin, count in self._unsettled.items():
                self.sources[self._origins[origin]].settle(count)
            self._unsettled.clear()
        return packets, alerts

    def _commit(self, alerts: Sequence[Alert]) -> bool:
        """Write and sync; only then may anybody be told. False where the disk would not take it."""
        if not alerts and not self.outbox.unwritten:
            return True
        for alert in alerts:
            log.info("%s %s %s r%d", alert.severity, alert.kind, alert.source, alert.revision)
            if alert.revision == 1:
                self._mark(alert)
        try:
            self.outbox.write(alerts)
        except OutboxError as error:
            self._storage(str(error))
            if alerts and self.delivery:
                self.delivery.push_live(alerts)  # not durable, but people are told
            return False
        if len(self.outbox.set_aside) > self._set_aside:  # a new file must know what is open
            self._set_aside = len(self.outbox.set_aside)
            self.troubles.append(own("storage_fault", "alerts.db", 0, {"reason": self.outbox.set_aside[-1]}))
            self.outbox.write(self.pipeline.open_alerts())
        if self.delivery:
            self.delivery.wake()
        return True

    def _mended(self) -> None:
        self._storage_down = False
        self.troubles.append(own("storage_fault", "gateway", 0, {}, Phase.CLEAR))

    def _mark(self, alert: Alert) -> None:
        """Keep the raw readings around it: of its room, or of all where the room is not known."""
        room = alert.room or self.plan.home.room_of(alert.source)
        if 0 <= alert.opened - self._marked.get(room, -MARK_AGAIN_NS) < MARK_AGAIN_NS:
            return  # in a storm of alerts the windows would be the same, and each costs the store
        self._marked[room] = alert.opened
        sources = [s.id for s in self.plan.home.sensors.values() if s.room == room] if room else None
        if self.store is not None:
            self.store.mark(alert.opened, sources)

    def _keep(self, blocks: list[Block]) -> None:
        """Telemetry: neither store ever makes the pipeline wait."""
        self.proofs.note(blocks)
        if self.store is not None:
            self.store.write(blocks)
        if self.influx:
            self.influx.write(blocks)

    def _storage(self, what: str) -> None:
        self.counts["storage_errors"] += 1
        if not self._storage_down:
            self._storage_down = True
            log.error("storage trouble: %s; alerts still go out, make room or mend the disk", what)
            self.troubles.append(own("storage_fault", "gateway", 0, {"reason": what[:200]}))

    # -- what happens now and then --------------------------------------------------------------

    def _tick(self, now: int) -> None:
        while not self._requests.empty():
            request, answer = self._requests.get()
            answer.put(self._answer(request))
        if now - self._due_at >= DUE_EVERY_NS:
            self._due_at = now
            for _, driver in self.pipeline.drivers:
                for packet in driver.due(now):
                    if packet.link in self.sources:
                        self.sources[packet.link].send(packet)
        if now - self._wall_at >= WALL_CHECK_EVERY_NS:
            self._tell_wall(now)
            self._look_at_store()
        grown = self.journal.size > LIMIT_BYTES
        if grown or now - self._snapshot_at >= SNAPSHOT_EVERY_NS:
            self._snapshot_at = now
            if self.pipeline.reached != self._snapshot_reached:
                self._save()

    def _look_at_store(self) -> None:
        """The sample store tells of its own trouble only when asked."""
        fault = str(self.store.status().get("fault", "")) if self.store is not None else ""
        if bool(fault) != bool(self._store_fault):
            phase = Phase.ONSET if fault else Phase.CLEAR
            evidence = {"reason": fault[:200]} if fault else {}
            self.troubles.append(own("storage_fault", "samples.db", 0, evidence, phase))
        self._store_fault = fault
        if self.clock.now() - self._pruned_at > DAY:
            self._pruned_at = self.clock.now()
            try:
                self.outbox.prune(self._pruned_at - KEEP_ALERTS_NS)
            except OutboxError as error:
                self._storage(str(error))
        if self._storage_down:  # was the disk mended meanwhile?
            self._save()
            if self._commit([]) and not self._save_failed:
                self._mended()

    def _tell_wall(self, now: int) -> None:
        self._wall_at = now
        offset = self.clock.wall_offset()
        if self._wall_offset is None or abs(offset - self._wall_offset) >= WALL_TOLD_NS:
            self._wall_offset = offset
            self.inbox.put(-1, Packet("", "", now, str(offset).encode(), Mark.CLOCK))

    def _save(self) -> None:
        try:
            snapshot.save(self._snapshot_path, self.pipeline.snapshot(), self.plan.config_hash)
            self.journal.restart()
            self._save_failed = False
        except OSError as error:
            self._save_failed = True
            self._storage(f"state.json: {error}")
        self._snapshot_reached = self.pipeline.reached

    def acknowledge(self, alert: str, by: str) -> None:
        """A person answered, through any channel; taken in its turn like everything else. Any thread."""
        self.say({"acknowledge": alert, "by": by})

    def say(self, command: Mapping[str, Any]) -> None:
        """Put a command of our own among the packets: journaled, recorded, replayed. Any thread."""
        data = json.dumps(dict(command)).encode()
        self.inbox.put(-1, Packet("", command_topic(self.plan.home.id), self.clock.now(), data))

    # -- questions from outside -----------------------------------------------------------------

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Called by the control thread; answered by the pipeline thread between turns."""
        answer: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._requests.put((request, answer))
        try:
            said: Mapping[str, Any] = answer.get(timeout=5.0)
        except queue.Empty:
            return {"error": "the pipeline did not answer within 5 s; it hangs or is overloaded"}
        return said

    def _answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if request.get("ask") == "status":
            return describe(self)
        if request.get("ask") == "reached" and self.delivery is not None:
            return {"now": self.clock.now(), "reached": self.delivery.reached(str(request.get("alert", "")))}
        data = json.dumps(dict(request)).encode()
        answered = Packet("", command_topic(self.plan.home.id), self.clock.now(), data)
        if parse_command(answered) is not None:
            self.inbox.put(-1, answered)
            return {"ok": True}
        return {"error": "the request is not known; ask for status"}
