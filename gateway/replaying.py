"""What does ``hearthwatch replay`` do? Opens the logs, runs them, prints what was found and what was read."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.contracts import Log
from core.localtime import LocalTime
from core.model import Alert, Packet, Sensor
from gateway import build, canonical
from gateway.garbage import calm
from gateway.pipeline import Pipeline
from gateway.progress import Progress
from gateway.replay import Result, replay_blocks, replay_packets
from ingest.errors import LogError
from ingest.formats import BLOCKS, open_blocks, open_log, recognise
from ingest.home_csv import HomeCounts
from ingest.replay import paced


class NotReadable(Exception):
    """An input that cannot be replayed, with what to do about it."""


def replay_command(
    logs: Sequence[Path],
    plan: build.Plan | None,
    chunk: int,
    speed: float,
    against: Path | None,
    out: Path | None,
    device: str,
    rate: float,
    as_json: bool,
) -> int:
    """Returns 0, or 1 where the alerts differ from ``against``. Raises NotReadable."""
    calm()
    pipeline, result, home_zone = run(logs, plan, chunk, speed, device, rate)
    found = canonical.lines(canonical.from_packets(result.alerts))
    if out is not None:
        out.write_text("".join(line + "\n" for line in found), encoding="utf-8")
    different: list[str] = []
    if against is not None:
        try:
            expected = against.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise NotReadable(f"{against}: {error.strerror}") from None
        different = canonical.difference(expected, found)
    if as_json:
        report: dict[str, Any] = {**result.as_json(), "alerts": [json.loads(line) for line in found]}
        if against is not None:
            report["different"] = different
        print(json.dumps(report, ensure_ascii=False))
    else:
        _print(result, pipeline, LocalTime(home_zone))
        if against is not None:
            print("\n".join(different) if different else f"the same as {against}")
    return 1 if different else 0


def run(
    logs: Sequence[Path],
    plan: build.Plan | None,
    chunk: int = 4096,
    speed: float = 0.0,
    device: str = "",
    rate: float = 0.0,
) -> tuple[Pipeline, Result, str]:
    """Replay these logs in order; the pipeline afterwards, what it found, and the home's time zone.

    Raises NotReadable.
    """
    try:
        kinds = {path: "uart" if rate else recognise(path) for path in logs}
        if any(kind in BLOCKS for kind in kinds.values()):
            if len(logs) > 1:
                raise NotReadable("a log that describes its own home is replayed alone; name one file")
            return _run_blocks(logs[0], kinds[logs[0]])
        return _run_packets(logs, plan, chunk, speed, device, rate)
    except (LogError, OSError) as error:
        raise NotReadable(str(error)) from None


def _run_blocks(path: Path, kind: str) -> tuple[Pipeline, Result, str]:
    """A log of meanings: one home, or one clip after the other, each through a cold pipeline."""
    counts = HomeCounts()
    stories = open_blocks(path, kind, **({"counts": counts} if kind == "home_csv" else {}))
    whole = Result()
    with Progress("replay", total=len(stories)) as progress:
        for n, (home, blocks) in enumerate(stories):
            pipeline = build.make_pipeline(build.plan_for(home))
            whole.add(replay_blocks(pipeline, blocks))
            progress.at(n + 1, f"{whole.counts.get('readings', 0)} readings")
    if counts.refused:
        whole.refused[path.name] = dict(counts.refused)
    return pipeline, whole, home.zone


def _run_packets(
    logs: Sequence[Path], plan: build.Plan | None, chunk: int, speed: float, device: str, rate: float
) -> tuple[Pipeline, Result, str]:
    if plan is None:
        if not device:
            raise NotReadable(
                "these are packets of sensors: name their home with --config, or for a capture of one "
                "port the device that sent it with --device (see `hearthwatch devices`)"
            )
        plan = plan_for_device(device)
    options: dict[str, Any] = {"link": device, "bytes_per_s": rate} if rate else {}
    joined = _Joined([open_log(path, **options) for path in logs])
    packets = joined.packets()
    if speed:
        packets = paced(joined, SystemClock(), speed)
        chunk = 1
    pipeline = build.make_pipeline(plan)
    done = 0
    with Progress("replay", total=None) as progress:

        def told(count: int, found: Sequence[Alert]) -> None:
            nonlocal done
            done += count
            progress.at(done, f"{done} packets")
            if speed:
                for alert in found:
                    print(canonical.lines([alert])[0], file=sys.stderr)

        return pipeline, replay_packets(pipeline, packets, chunk, told), plan.home.zone


class _Joined:
    """Several logs, one after the other."""

    def __init__(self, logs: Sequence[Log]) -> None:
        self._logs = logs

    def packets(self) -> Iterator[Packet]:
        return chain.from_iterable(log.packets() for log in self._logs)


def plan_for_device(device: str) -> build.Plan:
    """A home of one sensor, for a capture of one port."""
    from core.model import Home, Room
    from devices import DRIVERS

    spec = DRIVERS.get(device)
    if spec is None:
        raise NotReadable(f"no device is called {device!r}; see `hearthwatch devices`")
    sensor = Sensor(id=device, device=device, link=device, room="room")
    home = Home("capture", rooms={"room": Room("room")}, sensors={device: sensor})
    made = build.plan_for(home)
    return build.Plan(
        config=made.config,
        home=home,
        drivers=(build.DriverPlan(device, spec, (sensor,)),),
        detectors=made.detectors,
        channels=(),
        config_hash=made.config_hash,
    )


def _print(result: Result, pipeline: Pipeline, zone: LocalTime) -> None:
    if result.first is None:
        print("nothing was read")
        return
    latest: dict[str, Alert] = {}
    for alert in result.alerts:
        latest[alert.id] = alert
    for alert in sorted(latest.values(), key=lambda a: (a.opened, a.id)):
        shown = " ".join(f"{k}={v}" for k, v in alert.evidence.items() if not isinstance(v, list | dict))
        print(
            f"{zone.at(alert.opened):%Y-%m-%d %H:%M:%S} {alert.severity:8} {alert.kind} "
            f"{alert.source} {alert.room} {alert.state} r{alert.revision} {shown}"
        )
    assert result.last is not None
    seconds = (result.last - result.first) / 1e9
    length = f"{seconds / 86400:.2f} days" if seconds > 86400 else f"{seconds:.1f} s"
    kinds = Counter(f"{a.severity} {a.kind}" for a in latest.values())
    first, last = zone.at(result.first), zone.at(result.last)
    print(f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} ({length})")
    print("alerts: " + (", ".join(f"{n} x {k}" for k, n in sorted(kinds.items())) or "none"))
    print(", ".join(f"{name} {count}" for name, count in result.counts.items()))
    for name, health in pipeline.health().items():
        print(
            f"driver {name}: {health.frames_good} good frames, {health.bytes_in} bytes in, "
            f"{health.bytes_good} used, {health.bytes_discarded} discarded, {health.bytes_pending} pending"
        )
    for name, reasons in result.refused.items():
        print(f"refused by {name}: " + ", ".join(f"{k} {v}" for k, v in sorted(reasons.items())))
    if not result.refused:
        print("refused: none")
