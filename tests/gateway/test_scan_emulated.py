"""Does a scan name every device our emulators imitate, at its real pace, with and without somebody there?"""

from __future__ import annotations

from datetime import date
from itertools import takewhile
from pathlib import Path

import pytest

from core.config import load
from core.model import SECOND, Mark
from devices import DRIVERS
from devices.recognise import QUESTIONS, recognise
from gateway.scan_heard import Heard
from gateway.scan_survey import survey
from simulators import home, scenario
from simulators.around import Around
from simulators.device import EmulatedDevice, example
from simulators.mqtt_device import CONVENTIONS, EmulatedSender

ROOT = Path(__file__).resolve().parent.parent.parent
DAY = date(2026, 3, 2)
SERIAL = [s.name for s in DRIVERS.values() if s.transport == "serial"]
ASKED = ("mh_z19b", "mh_440d", "mh_441d", "zc05", "gira_dual")  # speak only when asked


def named(name: str, data: bytes, baud: int) -> bool:
    best = next(iter(recognise(data, baud, DRIVERS.values())), None)
    return best is not None and name in (best.device, *best.or_else)


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("name", [n for n in SERIAL if n not in (*ASKED, "modbus_rtu")])
def test_what_a_device_says_in_twenty_seconds_names_it(name: str, present: bool) -> None:
    device = EmulatedDevice(example(name), Around(present=present))
    said = b"".join(b"".join(device.says(tenth * SECOND // 10)) for tenth in range(200))
    assert named(name, said, device.baud)


@pytest.mark.parametrize("name", ASKED)
def test_a_device_that_waits_to_be_asked_is_named_by_its_answer(name: str) -> None:
    silent = EmulatedDevice(example(name), Around())
    assert b"".join(b"".join(silent.says(t * SECOND)) for t in range(20)) == b""
    answers = []
    for device, question in QUESTIONS.items():
        line = DRIVERS[device].line
        asked = EmulatedDevice(example(name), Around())
        if line is not None and line.baud == asked.baud:
            answers.append(asked.hear(question, 0) + asked.hear(question, SECOND))
    assert any(named(name, answer, silent.baud) for answer in answers)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_sensor_of_each_convention_is_proposed_once(name: str) -> None:
    sensor = DRIVERS[name].example
    assert sensor is not None
    sender, heard = EmulatedSender(sensor), Heard("broker")
    for at, message in enumerate([*sender.birth(), *sender.state(SECOND)], 1):
        heard.take(message.topic, message.data, message.retain, at)
    found = survey(heard, "broker", {}, [])
    (one,) = found.findings
    assert one.device == name
    assert sensor.address == one.topic or sensor.address.startswith(f"{one.topic}/")
    assert one.yours == (name != "rtl_433")
    assert found.unclear == ()
    again = Heard("broker")  # somebody else's broker is all of it there: enrolled once, nothing is left
    for message in sender.birth():
        again.take(message.topic, message.data, message.retain, 1)
    assert survey(again, "broker", {}, [sensor]).findings == ()


def test_every_sensor_of_the_example_home_is_found_in_its_first_minutes() -> None:
    """Sixteen sensors as the home simulator plays them: quiet ones are known by their bridge alone."""
    config, _ = load(ROOT / "config.yaml")
    played = scenario.load("quiet_day")
    start = scenario.start_of(played, config.home.time_zone, DAY)
    heard, ports = Heard("broker"), dict.fromkeys(config.links, b"")
    for packet in takewhile(lambda p: p.at < start + 300 * SECOND, home.packets(played, config, start)):
        if packet.channel:
            heard.take(packet.channel, packet.data, packet.mark is Mark.RETAINED, packet.at)
        else:
            ports[packet.link] += packet.data
    sensors = config.as_home().sensors
    found = survey(heard, "broker", config.as_home().rooms, [])
    assert {f.topic: f.kind for f in found.findings} == {
        s.address: s.kind for s in sensors.values() if s.address
    }
    assert all(f.room == sensors[f.id].room for f in found.findings)
    for sensor in sensors.values():
        line = DRIVERS[sensor.device].line
        if line is not None:
            assert named(sensor.device, ports[sensor.link], line.baud), sensor.id
