"""Does a TI radar get its configuration from a file, over the command port, answers checked?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.parse import stream
from core.config import ConfigError
from core.model import SECOND, Packet, Sensor
from devices import DRIVERS
from gateway import build
from simulators.pty import PseudoPort
from tests.broker import wait_for
from tests.gateway.harness import Running

CFG = "% walking people\nsensorStop\nflushCfg\n\nprofileCfg 0 60.75 30 25\n# from here on\nsensorStart\n"
LINES = [b"sensorStop", b"flushCfg", b"profileCfg 0 60.75 30 25", b"sensorStart"]


class Radar:
    """A radar with two ports: silent until ``sensorStart``; a line that begins with ``bad`` is an error."""

    def __init__(self, bad: bytes = b"\0") -> None:
        self.command, self.data = PseudoPort(), PseudoPort()
        self.lines: list[bytes] = []
        self.running = False
        self._bad = bad
        self._stream = stream(DRIVERS["ti_iwr6843"])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        text, at = b"", 0
        while not self._stop.wait(0.01):
            text += self.command.read()
            while b"\n" in text:
                line, _, text = text.partition(b"\n")
                self.lines.append(line.strip())
                self.running = self.running or line.startswith(b"sensorStart")
                answer = b"\r\nError -1\r\n" if line.startswith(self._bad) else b"\r\nDone\r\n"
                self.command.write(line + answer + b"\nmmwDemo:/>")
            if self.running:
                self.data.write(self._stream[at : at + 400])
                at = (at + 400) % (len(self._stream) // 2)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.command.close()
        self.data.close()


@pytest.fixture
def radar() -> Iterator[Radar]:
    made = Radar()
    yield made
    made.close()


def write(
    folder: Path, radar: Radar | None, cfg: str | bytes = CFG, options: str = "cfg_file: walk.cfg"
) -> Path:
    data, command = (radar.data.path, radar.command.path) if radar else ("/dev/a", "/dev/b")
    (folder / "walk.cfg").write_bytes(cfg if isinstance(cfg, bytes) else cfg.encode())
    path = folder / "config.yaml"
    path.write_text(
        "home: {id: h}\nrooms: {hall: {kind: hall}}\nlinks:\n"
        f"  data: {{type: serial, port: {data}}}\n  command: {{type: serial, port: {command}}}\n"
        "sensors:\n  radar:\n    device: ti_iwr6843\n    link: data\n    room: hall\n"
        f"    options: {{{options}, command_link: command}}\n"
        f"store: {{state_dir: {folder / 'state'}}}\n",
        encoding="utf-8",
    )
    return path


def test_a_silent_radar_is_configured_over_its_command_port_and_heard_on_the_other(
    radar: Radar, tmp_path: Path
) -> None:
    with Running(write(tmp_path, radar)) as gateway:
        gateway.armed()
        wait_for(lambda: gateway.status().get("sensors", {}).get("radar", {}).get("state") == "heard", 30)
        assert radar.lines == LINES
        told = gateway.status()["drivers"]["data/ti_iwr6843"]
        assert told["frames_good"] > 0
        assert not [word for word in told["refused"] if word.startswith(("declined", "no_answer"))]
        assert gateway.stop() == 0


def test_a_line_the_radar_declines_is_named_and_ends_the_dialogue(tmp_path: Path) -> None:
    radar = Radar(bad=b"profileCfg")
    try:
        with Running(write(tmp_path, radar)) as gateway:
            gateway.armed()
            wait_for(
                lambda: gateway.status().get("drivers", {}).get("data/ti_iwr6843", {}).get("refused", {}), 30
            )
            refused = gateway.status()["drivers"]["data/ti_iwr6843"]["refused"]
            assert refused["declined_cfg_3_profileCfg"] == 1
            assert radar.lines == LINES[:3]
            assert gateway.stop() == 0
    finally:
        radar.close()


def test_check_reads_the_file_and_the_driver_gets_its_lines(tmp_path: Path) -> None:
    plan = build.plan(write(tmp_path, None))
    assert plan.home.sensors["radar"].options["cfg"] == [line.decode() for line in LINES]
    assert plan.lines["command"].baud == build.COMMAND_BAUD


@pytest.mark.parametrize(
    ("cfg", "options", "said"),
    [
        (CFG, "cfg_file: absent.cfg", ("config.yaml:11", "absent.cfg cannot be read")),
        (CFG, "cfg_file: 7", ("config.yaml:11", "must be the name of a file")),
        (CFG, "cfg_file: walk.cfg, cfg: sensorStart", ("config.yaml:11", "keep one of the two")),
        ("sensorStop\n", "cfg_file: walk.cfg", ("config.yaml:11", "has no line sensorStart")),
        ("a\nprofil\u00e9 1\nsensorStart\n", "cfg_file: walk.cfg", ("walk.cfg:2", "is not plain text")),
        (b"\xff\xfe\x00", "cfg_file: walk.cfg", ("config.yaml:11", "is not text")),
        ("x" * 300 + "\n", "cfg_file: walk.cfg", ("walk.cfg:1", "is longer than")),
    ],
)
def test_a_mistake_is_told_with_file_and_line(
    tmp_path: Path, cfg: str | bytes, options: str, said: tuple[str, str]
) -> None:
    with pytest.raises(ConfigError) as error:
        build.plan(write(tmp_path, None, cfg, options))
    for text in said:
        assert text in str(error.value)


def test_a_radar_that_lost_its_power_is_configured_again() -> None:
    sensor = Sensor("r", "ti_iwr6843", "data", options={"cfg": CFG, "command_link": "cli"})
    driver = DRIVERS["ti_iwr6843"].make([sensor])
    data = stream(DRIVERS["ti_iwr6843"])
    sent: list[tuple[int, bytes]] = []
    for tenth in range(3000):
        t = tenth * SECOND // 10
        for packet in driver.due(t):
            sent.append((tenth // 10, packet.data.strip()))
            driver.feed(Packet("cli", "", t, b"Done\r\n"))
        if 100 <= tenth < 1000:  # it runs until the power fails
            at = (tenth % 500) * 400
            driver.feed(Packet("data", "", t, data[at : at + 400]))
    begun = [second for second, line in sent if line == b"sensorStop"]
    assert begun[0] <= 5
    assert 155 <= begun[1] <= 165, "a minute after its last frame"
    assert [line for _, line in sent[:4]] == LINES
