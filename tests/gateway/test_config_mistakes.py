"""F29, F30, promise P17: does a wrong configuration never run, and say in one sentence what, where, how?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import ConfigError
from gateway.build import plan

ROOT = Path(__file__).resolve().parent.parent.parent

GOOD = """\
home: {id: test, time_zone: Asia/Shanghai, language: en}
residents: {li: {name: Li, born: 1940}}
rooms:
  hall: {kind: hall}
links:
  broker: {type: mqtt}
  port: {type: serial, port: /dev/ttyUSB0}
sensors:
  door:
    device: zigbee2mqtt
    link: broker
    topic: zigbee2mqtt/door
    room: hall
    kind: door
  radar: {device: ld2410c, link: port, room: hall}
detectors:
  fall: {confirm_after_s: 15}
store: {state_dir: state}
channels:
  log: {type: log}
"""

# what is replaced, by what, and a word the sentence must hold
MISTAKES = [
    ("home: {id: test,", "home: {", "home.id"),
    ("id: test", "id: Test Home", "home.id"),
    ("id: test", "id: ''", "home.id"),
    ("Asia/Shanghai", "Asia/Shangai", "time zone"),
    ("language: en", "language: fr", "language"),
    ("born: 1940", "born: 194", "born"),
    ("born: 1940", "born: later", "born"),
    ("kind: hall", "kind: haul", "rooms.hall.kind"),
    ("type: mqtt", "type: mqt", "links.broker"),
    ("{type: mqtt}", "{host: 127.0.0.1}", "links.broker"),
    ("{type: mqtt}", "{type: mqtt, port: 70000}", "links.broker.port"),
    ("{type: mqtt}", "{type: mqtt, port: '18 83'}", "links.broker.port"),
    ("{type: mqtt}", "{type: mqtt, prot: 1883}", "unknown key"),
    ("{type: mqtt}", "{type: mqtt, host: 192.168.1.5}", "tls"),
    ("{type: mqtt}", "{type: mqtt, keep_alive_s: 0}", "keep_alive_s"),
    ("{type: mqtt}", "{type: mqtt, lateness_s: -1}", "lateness_s"),
    ("port: /dev/ttyUSB0", "port: ''", "links.port.port"),
    ("port: /dev/ttyUSB0", "port: /dev/ttyUSB0, baud: fast", "baud"),
    ("    link: broker\n", "", "link"),
    ("    link: broker\n", "    link: brocker\n", "brocker"),
    ("    link: broker\n", "    link: port\n", "sensors.door"),
    ("    topic: zigbee2mqtt/door\n", "", "topic"),
    ("topic: zigbee2mqtt/door", "topic: zigbee2mqtt/+", "topic"),
    ("room: hall\n", "room: attic\n", "attic"),
    ("device: zigbee2mqtt", "device: zigbee2mqt", "did you mean zigbee2mqtt"),
    ("device: zigbee2mqtt", "device: 5", "device"),
    ("kind: door\n", "kind: dooor\n", "did you mean door"),
    ("kind: door\n", "kind: door\n    mounting: {height_m: -1}\n", "height_m"),
    ("kind: door\n", "kind: door\n    mounting: {height: 2}\n", "unknown key"),
    ("kind: door\n", "kind: door\n    options: {colour: red}\n", "no such option"),
    ("device: ld2410c, link: port", "device: ld2410c, link: broker, topic: a/b", "serial"),
    ("  fall:", "  fal:", "did you mean fall"),
    ("confirm_after_s: 15", "confirm_after_s: soon", "detectors.fall.confirm_after_s"),
    ("confirm_after_s: 15", "confirm_after: 15", "unknown key"),
    ("confirm_after_s: 15", "confirm_after_s: -15", "detectors.fall"),
    ("type: log", "type: logg", "did you mean log"),
    ("type: log", "type: log, from_severity: bad", "from_severity"),
    ("type: log", "type: mqtt, options: {link: nobody}", "nobody"),
    ("type: log", "type: mqtt, options: {lnk: broker}", "channels.log.options"),
    ("store: {state_dir: state}", "store: {state_dir: state, influx: {url: x}}", "bucket"),
    ("store: {state_dir: state}", "store: {samples: {keep_days: 0}}", "keep_days"),
    ("store: {state_dir: state}", "alerts: {alarm_again: [60]}", "alerts"),
    ("store: {state_dir: state}", "stores: {}", "unknown key"),
    ("store: {state_dir: state}", "alerts: {daily: {test_at: '25:00'}}", "test_at"),
    ("store: {state_dir: state}", "alerts: {daily: {tset_at: '10:00'}}", "alerts.daily"),
    ("store: {state_dir: state}", "alerts: {daily: {channels: [nobody]}}", "nobody"),
    ("store: {state_dir: state}", "alerts: {policy: {question: {answered_by: [cat]}}}", "alerts.policy"),
    ("store: {state_dir: state}", "alerts: {policy: {question: {movements: 0}}}", "movements"),
    ("store: {state_dir: state}", "heartbeat: {every_s: 0}", "heartbeat.every_s"),
    ("store: {state_dir: state}", "heartbeat: {url: 'http://far.example/x'}", "heartbeat"),
    ("store: {state_dir: state}", "heartbeat: {method: PUT}", "heartbeat.method"),
    (
        "store: {state_dir: state}",
        "valves: {v: {link: port, topic: a, payload: b, confirm_topic: c, confirm: d}}",
        "valves.v.link",
    ),
    (
        "store: {state_dir: state}",
        "valves: {v: {link: broker, topic: a/+, payload: b, confirm_topic: c, confirm: d}}",
        "valves.v.topic",
    ),
    (
        "store: {state_dir: state}",
        "valves: {v: {link: broker, topic: a, payload: b, confirm_topic: c, confirm: d, kinds: [fall]}}",
        "valves.v.kinds",
    ),
    (
        "store: {state_dir: state}",
        "valves: {v: {link: broker, topic: a, payload: b, confirm_topic: c, confirm: d, sources: [x]}}",
        "no sensor",
    ),
    ("store: {state_dir: state}", "home: {id: again}", "stands twice"),
    ("  radar:", "  door:", "stands twice"),
    ("  radar: {", "  radar: [", "is not YAML"),
    ("  radar:", "  12: {}\n  radar:", "not text"),
    ("born: 1940", "born: 1940, watch: {dementai: true}", "residents.li.watch"),
    ("born: 1940", "born: 1940, watch: {dementia: perhaps}", "residents.li.watch.dementia"),
    ("born: 1940", "born: 1940, watch: {may_go_out: all day}", "may_go_out must be two times of day"),
    ("born: 1940", "born: 1940, watch: {night: '22:00-22:00'}", "night must begin and end"),
    ("born: 1940", "born: 1940, watch: {home_by: '25:00'}", "home_by must be a time of day"),
    ("born: 1940", "born: 1940, watch: {wandering: {rooms: 1}}", "rooms must lie between"),
    ("born: 1940", "born: 1940, watch: {keys: {out: {}}}", "name at least one sensor"),
    ("born: 1940", "born: 1940, watch: {keys: {out: {gone: [nobody]}}}", "no sensor 'nobody'"),
    ("born: 1940", "born: 1940, watch: {keys: {out: {gone: [door], here: [door]}}}", "at once"),
    ("rooms:\n", "rooms: &r\n  loop: *r\n", ""),
    ("born: 1940", "born: 2001-01-01", "date"),
    ("\n  port:", "\n\tport:", "is not YAML"),
]


@pytest.mark.parametrize(("old", "new", "word"), MISTAKES, ids=[f"{i:02d}" for i in range(len(MISTAKES))])
def test_a_mistake_is_told_with_path_and_line(old: str, new: str, word: str, tmp_path: Path) -> None:
    assert old in GOOD
    path = tmp_path / "config.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        plan(path)
    said = str(caught.value)
    assert "\n" not in said, "one sentence"
    assert word in said
    assert re.match(rf"{re.escape(str(path))}:\d+: ", said), f"no line in: {said}"


def test_the_good_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert plan(path).config.home.id == "test"


@pytest.mark.parametrize(
    "text", ["", "- 1\n", "5\n", "home: [\n", "\x00", "a: !!python/object:os.system x\n"]
)
def test_what_is_no_configuration_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        plan(path)


@pytest.mark.parametrize("value", ["22:30", "off", "no", "0x1f", "010", "1_000", "00:11:22:33:44:55", "1e3x"])
def test_yaml_traps_stay_text_or_are_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD.replace("name: Li", f"name: {value}"), encoding="utf-8")
    try:
        made = plan(path)
    except ConfigError:
        return
    assert made.config.residents["li"].name == value


def test_the_command_ends_with_two_and_says_it_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD.replace("type: mqtt", "type: mqtt, prot: 1"), encoding="utf-8")
    for command in (["check"], ["run"], ["status"]):
        done = subprocess.run(
            [sys.executable, "-c", "from gateway.cli import main; main()", *command, "-c", str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.count("links.broker.prot") == 1
        assert "Traceback" not in done.stderr
