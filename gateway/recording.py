"""What does ``hearthwatch record`` do? Opens the links of a configuration and keeps what arrives.

No detector runs and nothing is acknowledged to anybody else's session: the broker sees a client id of
its own with a clean view, so a recording beside a running gateway takes nothing away from it.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from core.clock import SystemClock
from core.config import MqttLinkConfig, SerialLinkConfig
from core.contracts import Line, Source
from core.model import SECOND, Mark, Packet
from gateway import build
from gateway.progress import Progress
from ingest.inbox import Inbox
from ingest.mqtt import MqttSource
from ingest.recorder import RecordingWriter
from ingest.recording import Header
from ingest.serial_port import SerialSource


def record_command(plan: build.Plan, to: Path, seconds: float) -> int:
    """Record until stopped, or for so many seconds. Returns the exit code."""
    clock = SystemClock()
    inbox = Inbox(clock)
    pipeline = build.make_pipeline(plan)
    writer = RecordingWriter(to, header=Header(plan.home.id, clock.now(), plan.config_hash))
    sources: list[Source] = []
    for name, link in plan.config.links.items():
        if isinstance(link, MqttLinkConfig):
            topics = build.topics(plan, name, list(pipeline.drivers))
            client = f"hearthwatch-{plan.home.id}-record-{name}"
            # no session is left behind: nobody would ever empty it, and the broker would queue for it
            sources.append(MqttSource(name, link, topics, clock, client, persistent=False))
        elif isinstance(link, SerialLinkConfig) and name in plan.lines:
            sources.append(SerialSource(name, link, plan.lines.get(name, Line(9600)), clock))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    started = clock.now()
    offset = Packet("", "", started, str(clock.wall_offset()).encode(), Mark.CLOCK)
    inbox.put(-1, offset)
    for index, source in enumerate(sources):
        source.start(inbox.port(index))
    taken = 0
    with Progress("recording", total=seconds or None, unit="s") as progress:
        while not stop.is_set() and (not seconds or clock.now() - started < seconds * SECOND):
            batch = inbox.drain(0.2, 4096)
            packets = pipeline.stamp([p for _, p in batch])
            if packets:
                pipeline.reached = packets[-1].at
                writer.write(packets)
                taken += len(packets)
                for index, source in enumerate(sources):
                    source.settle(sum(1 for origin, _ in batch if origin == index))
            progress.at((clock.now() - started) / SECOND, f"{taken} packets")
    for source in sources:
        source.close()
    writer.write([Packet("", "", clock.now(), b"", Mark.END)])
    writer.close()
    print(f"{taken} packets in {to}", file=sys.stderr)
    return 0
