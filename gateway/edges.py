"""Which threads and files hang on the pipeline? The live edges of a plan, made but not started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.sqlite import SampleStore

if TYPE_CHECKING:
    from store.influx import InfluxSink

from alerts.channels import CHANNELS
from alerts.channels.base import ChannelContext
from alerts.gate import Gate
from alerts.outbox import Outbox
from alerts.policy import asks
from alerts.route import Route
from core.clock import Clock
from core.config import MqttLinkConfig
from core.contracts import Line, Source
from core.model import Alert, Severity
from gateway import build
from gateway.heartbeat import beat_topic
from gateway.pipeline import Pipeline
from ingest.recorder import RecordingWriter
from ingest.recording import Header


def make_sources(plan: build.Plan, pipeline: Pipeline, clock: Clock) -> dict[str, Source]:
    """A source for each link that has sensors (a broker also without, for commands)."""
    sources: dict[str, Source] = {}
    for name, link in plan.config.links.items():
        if isinstance(link, MqttLinkConfig):
            from ingest.mqtt import MqttSource

            topics = build.topics(plan, name, list(pipeline.drivers))
            client = f"hearthwatch-{plan.home.id}-in-{name}"
            status = beat_topic(plan.home.id)
            sources[name] = MqttSource(name, link, topics, clock, client, status_topic=status)
        elif name in plan.lines:
            from ingest.serial_port import SerialSource

            sources[name] = SerialSource(name, link, plan.lines.get(name, Line(9600)), clock)
    return sources


def make_routes(
    plan: build.Plan,
    outbox: Outbox,
    clock: Clock,
    acknowledge: Callable[[str, str], None],
    influx: InfluxSink | None,
    answer_lines: Callable[[Alert, str], list[str]] | None = None,
) -> list[Route]:
    """A route for each channel; the optional InfluxDB is one of them. Raises ValueError, OSError."""
    routes: list[Route] = []
    people = [c.name for c in plan.channels if CHANNELS[c.type].people]

    def told(alert_id: str) -> list[str]:
        return [r.name for r in routes if r.name in people and r.reached(alert_id)]

    policy = plan.book.policy
    for channel in plan.channels:
        spec = CHANNELS[channel.type]
        context = ChannelContext(
            home=plan.home,
            language=plan.home.language,
            links=dict(plan.config.links),
            clock=clock,
            name=channel.name,
            acknowledge=acknowledge,
            open_alerts=lambda: outbox.latest(open_only=True),
            asks=None if policy is None else lambda alert: asks(policy, alert),
            told=told,
            answer_lines=answer_lines,
            discreet=channel.discreet,
        )
        sink = spec.make(channel.params, context)
        routes.append(
            Route(
                channel.name,
                sink,
                outbox,
                clock,
                from_severity=Severity(channel.from_severity),
                batch=spec.batch,
                order=spec.order,
                gate=Gate(channel.name, policy, outbox, plan.home, clock) if policy is not None else None,
            )
        )
    if influx is not None:
        routes.append(Route("influx", influx, outbox, clock, batch=100, order="written"))
    return routes


def make_influx(plan: build.Plan) -> InfluxSink | None:
    """The InfluxDB sink where one is configured; its library is loaded only then."""
    if plan.config.store.influx is None:
        return None
    from store.influx import InfluxSink

    rooms = {name: sensor.room for name, sensor in plan.home.sensors.items()}
    return InfluxSink(plan.home.id, plan.config.store.influx, rooms)


def make_store(plan: build.Plan, clock: Clock) -> SampleStore:
    """The embedded time-series store in the state folder."""
    return SampleStore(plan.state_dir / "samples.db", plan.config.store.samples, clock)


def make_recorder(plan: build.Plan, record_to: Path | None, clock: Clock) -> RecordingWriter | None:
    """A recorder of everything that arrives, where asked for."""
    settings = plan.config.record
    if record_to is None and not settings.enabled:
        return None
    target: Any = record_to if record_to is not None else plan.state_dir / "recordings"
    return RecordingWriter(
        target,
        header=Header(plan.home.id, clock.now(), plan.config_hash),
        keep_days=settings.keep_days,
        max_mb=settings.max_mb,
    )
