"""Does a scan propose each sensor of a home once and rightly, nothing else, and leave no trace?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.clock import SystemClock
from core.config import load
from core.model import Mark, Packet
from devices import DRIVERS
from gateway import build
from gateway.cli import app
from gateway.scan import Scan
from gateway.scan_heard import Heard
from gateway.scan_port import PortEar
from gateway.scan_survey import survey
from gateway.words import catalogue, language
from simulators.pty import PseudoPort
from tests.broker import Broker, Listener, publish, wait_for
from tests.gateway.scan_home import Devices, Found, ScanHome, draw, speed_of

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = """\
home: {id: h, time_zone: Asia/Shanghai, language: en}
rooms: {hall: {kind: hall, name: 门厅}, cellar: {kind: other}}
"""


def heard_of(home: ScanHome) -> Heard:
    heard = Heard("broker")
    # a broker sends what it retained first
    for at, (topic, data, retained) in enumerate(sorted(home.messages, key=lambda m: not m[2]), 1):
        heard.take(topic, data, retained, at * 1000)
    return heard


def hold(broker: Broker, home: ScanHome) -> None:
    publish(broker, [(t, d) for t, d, retained in home.messages if retained], retain=True)


def run_scan(*arguments: str) -> int:
    return CliRunner().invoke(app, ["scan", *arguments]).exit_code


@pytest.mark.parametrize("seed", range(60))
def test_the_broker_half_of_many_homes_is_proposed_rightly(seed: int) -> None:
    home = draw(seed, serial=3)
    found = survey(heard_of(home), "broker", {}, [])
    proposed = {(f.device, f.topic): f.kind for f in found.findings if f.yours}
    assert proposed == {(f.device, f.topic): f.kind for f in home.expected if f.topic}
    assert {f.topic for f in found.findings if not f.yours} == home.doubtful
    ids = [f.id for f in found.findings]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("seed", [1, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 14))])
def test_a_home_with_ten_mixed_sensors_gets_ten_right_stanzas(
    seed: int, mosquitto: Broker, tmp_path: Path
) -> None:
    home = draw(seed)
    hold(mosquitto, home)
    config = tmp_path / "config.yaml"
    config.write_text(
        HOME + f"links: {{hub: {{type: mqtt, host: 127.0.0.1, port: {mosquitto.port}}}}}\nsensors: {{}}\n"
        f"store: {{state_dir: {tmp_path / 'state'}}}\n",
        encoding="utf-8",
    )
    with Devices(home) as devices, Listener(mosquitto) as listener:
        arguments = ["-c", str(config), "--seconds", "5", "--out", str(tmp_path / "found.yaml")]
        arguments += [a for port in devices.ports for a in ("--port", port.path)]
        process = subprocess.Popen(
            [sys.executable, "-c", "from gateway.cli import main; main()", "scan", *arguments],
            cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ, "HEARTHWATCH_LANGUAGE": "en"},
        )  # fmt: skip
        try:
            live = [(t, d) for t, d, retained in home.messages if not retained]
            wait_for(lambda: _clients(mosquitto, process) > 1, 20)
            publish(mosquitto, live)
            _, told = process.communicate(timeout=40)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        assert process.returncode == 0, told
        assert devices.written == b"", "a scan wrote to a port"
        sent = {(t, d) for t, d, retained in listener.messages if not retained}
        assert sent <= set(live), "a scan published"
        names = {port.path: i for i, port in enumerate(devices.ports)}
    pasted = merge(config, tmp_path / "found.yaml")
    plan = build.plan(pasted)  # what `hearthwatch check` does
    got = []
    for sensor in plan.config.sensors.values():
        link: Any = plan.config.links[sensor.link]
        baud = plan.lines[sensor.link].baud if link.type == "serial" else 0
        got.append((sensor.device, sensor.topic, names[link.port] if link.type == "serial" else -1, baud))
    wanted = [(f.device, f.topic, f.port, f.baud) for f in home.expected]
    for mine, right in zip(sorted(got, key=_place), sorted(wanted, key=_place), strict=True):
        assert mine == right or (mine[1:] == right[1:] and sounds_like(mine[0], right[0])), told
    for topic in home.doubtful:
        assert topic in (tmp_path / "found.yaml").read_text(encoding="utf-8")  # as a comment
    assert "weather/outdoor" in told
    assert devices.ports[-1].path not in pasted.read_text(encoding="utf-8")


def _place(row: tuple[str, str, int, int]) -> tuple[str, int]:
    return row[1], row[2]


def sounds_like(device: str, other: str) -> bool:
    """Boards whose frames are the same cannot be told apart by listening."""
    from bench.parse import stream
    from devices.recognise import recognise

    line = DRIVERS[other].line
    assert line is not None
    best = recognise(stream(DRIVERS[other])[:8000], line.baud, DRIVERS.values())[0]
    return device == best.device and other in (best.device, *best.or_else)


def merge(config: Path, found: Path) -> Path:
    """As a person pastes: the found links below links, the found sensors below sensors."""
    from ruamel.yaml import YAML

    yaml = YAML()
    whole = yaml.load(config.read_text(encoding="utf-8"))
    more = yaml.load(found.read_text(encoding="utf-8"))
    for key in ("links", "sensors"):
        whole[key].update(more.get(key) or {})
    target = found.with_name("pasted.yaml")
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(whole, file)
    return target


def _clients(broker: Broker, process: subprocess.Popen[str]) -> int:
    assert process.poll() is None
    log = (broker.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")
    return log.count("hearthwatch-scan-") + 1


def test_what_is_enrolled_is_recognised_and_not_proposed_again(tmp_path: Path) -> None:
    home = draw(11)
    first = survey(heard_of(home), "broker", {}, [])
    text = HOME + "links: {broker: {type: mqtt}}\nsensors:\n"
    for f in first.findings:
        text += f"  {f.id}: {{device: {f.device}, link: broker, topic: {json.dumps(f.topic)}}}\n"
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    enrolled = load(path)[0].as_home().sensors
    again = survey(heard_of(home), "broker", {}, enrolled.values(), enrolled)
    assert again.findings == ()
    assert set(again.known) == set(enrolled)


def test_a_device_enrolled_by_its_announcement_is_not_proposed_natively(tmp_path: Path) -> None:
    heard = Heard("broker")
    heard.take("zigbee2mqtt/bridge/state", b'{"state":"online"}', True, 1)
    heard.take("zigbee2mqtt/door", b'{"contact":true}', False, 2)
    from core.model import Sensor

    mine = Sensor("front", "ha_discovery", "broker", address="zigbee2mqtt/door")
    assert survey(heard, "broker", {}, [mine]).findings == ()


def test_rooms_are_taken_from_names_where_one_fits() -> None:
    from core.model import Room

    heard = Heard("broker")
    heard.take("zigbee2mqtt/bridge/state", b'{"state":"online"}', True, 1)
    heard.take("zigbee2mqtt/厨房烟感", b'{"smoke":false,"linkquality":1}', False, 2)
    heard.take("zigbee2mqtt/door 3", b'{"contact":true,"linkquality":1}', False, 2)
    rooms = {"cook": Room("cook", "kitchen", "厨房"), "hall": Room("hall", "hall", "门厅")}
    found = {f.topic: f.room for f in survey(heard, "broker", rooms, []).findings}
    assert found == {"zigbee2mqtt/厨房烟感": "cook", "zigbee2mqtt/door 3": ""}


def test_a_scan_without_a_configuration_writes_a_whole_one(mosquitto: Broker, tmp_path: Path) -> None:
    publish(mosquitto, [("zigbee2mqtt/bridge/state", b"online")], retain=True)
    publish(mosquitto, [("zigbee2mqtt/smoke: 1 &", b'{"smoke":false}')], retain=True)
    out = tmp_path / "config.yaml"
    subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", "scan", "--mqtt",
         f"127.0.0.1:{mosquitto.port}", "--port", "none", "--seconds", "3", "--out", str(out)],
        cwd=tmp_path, check=True, capture_output=True, timeout=40, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    plan = build.plan(out)
    assert [(s.device, s.topic, s.kind) for s in plan.config.sensors.values()] == [
        ("zigbee2mqtt", "zigbee2mqtt/smoke: 1 &", "smoke")
    ]
    log = (mosquitto.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")
    assert "hearthwatch-scan-" in log


def test_nothing_to_hear_is_an_exit_code_and_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    assert run_scan("--mqtt", "127.0.0.1:9", "--port", "none", "--seconds", "1") == 4
    assert run_scan("--mqtt", "nonsense:port", "--port", "none", "--seconds", "1") == 2
    assert run_scan("-c", str(tmp_path / "absent.yaml")) == 2
    mine = tmp_path / "mine.yaml"
    mine.write_text("home: {}\n", encoding="utf-8")
    with PseudoPort() as port:
        assert run_scan("--mqtt", "none", "--port", port.path, "--seconds", "1", "--out", str(mine)) == 2
    assert mine.read_text(encoding="utf-8") == "home: {}\n"


def test_a_silent_device_is_found_only_when_it_may_be_asked() -> None:
    from bench.parse import stream

    answers = stream(DRIVERS["mh_z19b"])[:9]

    def listen(ask: bool) -> tuple[PortEar, bytes]:
        got = b""
        with PseudoPort() as port:
            ear = PortEar(port.path, DRIVERS.values(), SystemClock(), 0.1, ask)
            ear.start()
            try:

                def served() -> bool:
                    nonlocal got
                    got += port.read()
                    if got.endswith(bytes.fromhex("ff0186000000000079")):
                        if speed_of(port) == 9600:
                            port.write(answers)
                        got += b"."
                    return ear.settled or (not ask and len(ear.heard) > 6)

                wait_for(served, 15)
            finally:
                ear.close()
        return ear, got

    quiet, written = listen(ask=False)
    assert quiet.guess is None
    assert written == b""
    asked, _ = listen(ask=True)
    assert asked.guess is not None
    assert "mh_z19b" in (asked.guess.device, *asked.guess.or_else)
    assert asked.guess_baud == 9600


def test_an_unusual_speed_is_written_down_and_the_usual_one_is_preferred() -> None:
    """On a line that hides its speed every speed fits: then the usual one is meant."""

    def scan(home: ScanHome, garbles: bool) -> dict[str, int | None]:
        with Devices(home, garbles) as devices:
            ports = [port.path for port in devices.ports[: len(home.ports)]]
            scan = Scan([], ports, None, SystemClock(), seconds=4)
            scan.run(lambda passed: not all(ear.settled for ear in scan.ports))
            result = scan.result()
            assert devices.written == b""
        links: dict[str, Any] = result.links
        return {f.device: links[f.link].baud for f in result.findings}

    home = ScanHome(ports=["ld2450", "ti_iwr6843", "ld2410c"])
    home.expected = [Found("", port=i, baud=baud) for i, baud in enumerate((256000, 921600, 256000))]
    assert scan(home, garbles=False) == {"ld2450": None, "ti_iwr6843": None, "ld2410c": None}
    odd = ScanHome(ports=["ld2450", "ti_iwrl6432"])
    odd.expected = [Found("", port=0, baud=115200), Found("", port=1, baud=1250000)]
    assert scan(odd, garbles=True) == {"ld2450": 115200, "ti_iwrl6432": 1250000}


def test_a_port_of_an_enrolled_sensor_is_not_opened(tmp_path: Path) -> None:
    with PseudoPort() as port:
        path = tmp_path / "c.yaml"
        path.write_text(
            HOME + f"links: {{radar: {{type: serial, port: {port.path}}}}}\n"
            "sensors: {radar: {device: ld2450, link: radar}}\n",
            encoding="utf-8",
        )
        scan = Scan([], [port.path], load(path)[0], SystemClock(), seconds=1)
        assert scan.ports == []
        assert scan.result().known == ["radar"]


def test_hostile_topics_do_not_grow_it_without_end() -> None:
    from gateway import scan_heard

    heard = Heard("broker")
    for i in range(scan_heard.TOPICS_MOST + 50):
        heard.take(f"t/{i}", b"x", False, i)
    assert len(heard.topics) == scan_heard.TOPICS_MOST
    assert heard.dropped == 50
    for i in range(500):
        heard.take("t/1", b"y" * 200_000, False, i)
    assert sum(len(p.data) for t in heard.topics.values() for _, p in t.messages()) < scan_heard.BYTES_MOST
    kept = heard.last("t/1")
    assert kept == Packet("broker", "t/1", 499, b"y" * 200_000, Mark.DATA)


def test_a_renamed_zigbee_sensor_is_known_by_its_hardware() -> None:
    from core.model import Sensor

    heard = Heard("broker")
    exposes = [{"type": "binary", "property": "smoke"}]
    device = {"ieee_address": "0x00158d0001", "friendly_name": "new", "definition": {"exposes": exposes}}
    heard.take("zigbee2mqtt/bridge/devices", json.dumps([device]).encode(), True, 1)
    (found,) = survey(heard, "broker", {}, []).findings
    assert (found.topic, found.kind, found.options) == ("zigbee2mqtt/new", "smoke", {"ieee": "0x00158d0001"})
    mine = Sensor("s", "zigbee2mqtt", "broker", address="zigbee2mqtt/old", options=found.options)
    again = survey(heard, "broker", {}, [mine])
    assert (again.findings, again.known) == ((), ("s",))


def test_a_broker_that_refuses_us_is_told_with_what_to_do(tmp_path: Path) -> None:
    closed = Broker(tmp_path, kind="auto", extra=["allow_anonymous false"])
    if closed.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    closed.start()
    where = f"127.0.0.1:{closed.port}"
    try:
        for options, word in (([], "scan.broker.refused"), (["--tls"], "scan.broker.tls")):
            arguments = ["scan", "--mqtt", where, "--port", "none", "--seconds", "2", *options]
            said = CliRunner().invoke(app, arguments)
            assert said.exit_code == 4
            assert catalogue(language())[word] in said.stderr
    finally:
        closed.close()
