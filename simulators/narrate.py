"""What does `hearthwatch-sim serve` say while it plays? Lines for people, or JSON for programs."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from core.model import SECOND
from simulators import scenario
from simulators.scenario import Scenario, Step
from simulators.stage import Stage


class Narrator:
    """Tells on standard output what is being played."""

    def __init__(self, as_json: bool, played: Scenario, start: int, language: str) -> None:
        self._json, self._played, self._start = as_json, played, start
        self._title = played.title.zh if language == "zh-CN" else played.title.en
        self._steps = [s for s in played.steps if s.says]
        self._end = start + round(played.duration_s * SECOND)
        self._ended = self._told = False

    def ready(self, stage: Stage, zone: str, speed: float) -> None:
        """Everything is up."""
        local = scenario.local_text(self._played, zone, self._start)
        brokers = {n: f"{b.host}:{b.port}" for n, b in stage.brokers.items()}
        kinds = sorted({b.kind for b in stage.brokers.values()})
        for broker in stage.brokers.values():
            if broker.warning:
                print(f"warning: {broker.warning}", file=sys.stderr, flush=True)
        self._tell(
            {
                "ready": True,
                "scenario": self._played.name,
                "title": self._title,
                "config": str(stage.config_file),
                "speed": speed,
                "start_local": local,
                "start_ns": self._start,
                "duration_s": self._played.duration_s,
                "broker": ", ".join(kinds),
                "brokers": brokers,
                "ports": {n: p.path for n, p in stage.ports.items()},
            },
            f"ready: {stage.config_file}, {local}, speed {speed:g}",
        )

    def reached(self, t: int, stage: Stage) -> None:
        """Event time ``t`` is reached: tell the steps up to it, and the end."""
        while self._steps and self._start + self._steps[0].at_s * SECOND <= t:
            self._step(self._steps.pop(0))
        if t >= self._end and not self._played.repeat:
            self._ended = True
            self.done(stage)

    def _step(self, step: Step) -> None:
        assert step.says is not None
        told = {"step": step.do, "at_s": step.at_s, "en": step.says.en, "zh": step.says.zh}
        self._tell(told, f"{step.at_s:8.0f} s  {step.says.en}")

    def done(self, stage: Stage) -> None:
        """It is over; told once."""
        if self._told:
            return
        self._told, whole = True, self._ended
        lost = sum(p.lost for p in stage.ports.values())
        told = {"done": whole, "packets": stage.packets, "serial_bytes_lost": lost}
        self._tell(told, f"{'played' if whole else 'stopped'}: {stage.packets} packets, {lost} bytes unread")

    def _tell(self, told: dict[str, Any], text: str) -> None:
        say_line(json.dumps(told, ensure_ascii=False) if self._json else text)


def say_line(text: str) -> None:
    """Print, even if nobody reads any more."""
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)
