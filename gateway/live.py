"""What is sensed, what is suspected, what was alerted: the live view of a running gateway on a terminal.

On a terminal it is a picture that renews itself; elsewhere one line an alert revision (or JSON), so that
a program or a log can follow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from alerts.text import render
from core.localtime import LocalTime
from core.model import Alert, Packet
from gateway import canonical
from gateway.build import Plan
from gateway.show import ago
from gateway.words import language, word

if TYPE_CHECKING:
    from gateway.app import Gateway

REFRESH_S = 0.25
COLOURS = {"alarm": "bold white on red", "warning": "bold yellow", "trouble": "magenta", "info": "cyan"}


class LiveView:
    """Collects on the pipeline thread, shows on the main thread."""

    def __init__(self, plan: Plan, ready: dict[str, Any], as_json: bool) -> None:
        self.alerts: list[Alert] = []
        self.packets = 0
        self._plan = plan
        self._ready = ready
        self._json = as_json
        self._zone = LocalTime(plan.home.zone)
        self._language = language()
        self._printed = 0
        self._story: list[str] = []
        self._told = 0

    def follow(self, lines: IO[str]) -> None:
        """Read what the simulator tells of its story; until it ends."""
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            text = said.get("zh" if self._language == "zh-CN" else "en")
            if isinstance(text, str) and text:
                self._story.append(text)

    def on_turn(self, gateway: Gateway, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Called after every turn."""
        self.packets += len(packets)
        self.alerts.extend(alerts)

    def show(
        self, gateway: Gateway, ended: threading.Event, seconds: float, player: subprocess.Popen[str]
    ) -> None:
        """Show until the gateway ends, so many real seconds passed, or Ctrl-C."""
        pretty = sys.stdout.isatty() and not self._json
        if pretty:
            from rich.live import Live

            with Live(self._picture(gateway), refresh_per_second=4, screen=False) as live:
                self._loop(ended, seconds, lambda: live.update(self._picture(gateway)))
        else:
            if not self._json:
                print(f"{self._ready.get('title', '')} - {word('demo.stop')}", flush=True)
            self._loop(ended, seconds, self._lines)

    def _loop(self, ended: threading.Event, seconds: float, refresh: Any) -> None:
        rounds = 0
        while not ended.wait(REFRESH_S):
            refresh()
            rounds += 1
            if seconds and rounds * REFRESH_S >= seconds:
                break
        refresh()

    def _lines(self) -> None:
        while not self._json and self._told < len(self._story):
            print(f"         {self._story[self._told]}", flush=True)
            self._told += 1
        while self._printed < len(self.alerts):
            alert = self.alerts[self._printed]
            self._printed += 1
            if self._json:
                print(canonical.lines([alert])[0], flush=True)
            else:
                said = render(alert, self._plan.home, self._language)
                print(
                    f"{self._zone.at(alert.changed):%H:%M:%S} [{alert.severity}] {said.title} - {said.body}",
                    flush=True,
                )

    def _picture(self, gateway: Gateway) -> Any:
        from rich.console import Group
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        now = gateway.clock.now()
        sensed = Table(box=None, expand=True, show_header=False, padding=(0, 1))
        for name, sensor in self._plan.home.sensors.items():
            seen = gateway.pipeline.latest.seen(name)
            values = " ".join(
                f"{k}={v['value']}{v['unit']}" for k, v in list(gateway.pipeline.latest.of(name).items())[:5]
            )
            style = "dim" if seen is None else ""
            room = self._plan.home.rooms[sensor.room].name if sensor.room else ""
            sensed.add_row(name, room, values or word("demo.unknown"), ago(seen, now), style=style)
        latest: dict[str, Alert] = {}
        for alert in list(self.alerts):
            latest[alert.id] = alert
        rows: dict[str, list[Any]] = {"suspected": [], "alerted": []}
        for alert in list(latest.values())[-14:]:
            said = render(alert, self._plan.home, self._language)
            state = word(f"state.{alert.state.value}")
            line = Text(f"{self._zone.at(alert.changed):%H:%M:%S} {said.title} ({state})")
            line.stylize("dim" if alert.state == "cleared" else COLOURS[alert.severity])
            rows["alerted" if alert.severity == "alarm" else "suspected"].append(line)
        clock = f"{self._zone.at(now):%Y-%m-%d %H:%M:%S} x{self._ready['speed']:g}"
        empty = Text(word("demo.nothing"), style="dim")
        title = (
            f"{self._ready.get('title', self._ready.get('scenario', ''))}  {clock}  {self.packets} packets"
        )
        story = Text(self._story[-1] if self._story else "", style="italic")
        return Group(
            story,
            Panel(sensed, title=f"{word('demo.sensed')}  {title}"),
            Panel(Group(*(rows["suspected"] or [empty])), title=word("demo.suspected")),
            Panel(
                Group(*(rows["alerted"] or [empty])), title=word("demo.alerted"), subtitle=word("demo.stop")
            ),
        )

    def last_words(self, folder: Path) -> None:
        """A summary once all is closed."""
        summary = {"packets": self.packets, "revisions": len(self.alerts), "folder": str(folder)}
        if self._json:
            print(json.dumps(summary), flush=True)
        else:
            print(", ".join(f"{k} {v}" for k, v in summary.items()), flush=True)
