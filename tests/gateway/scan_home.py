"""A home with ten mixed sensors for a scan to find: what its broker holds, what its ports say.

``draw(seed)`` chooses among everything the drivers' own encoders can imitate; beside the ten there are
things a scan must leave alone: lamps, plugs, groups, phones, a neighbour's radio, other programs' topics.
"""

from __future__ import annotations

import fcntl
import json
import random
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.parse import stream
from core.model import Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import DRIVERS
from simulators.faults import wrong_baud
from simulators.prng import Prng
from simulators.pty import PseudoPort

Q = Quantity
Message = tuple[str, bytes, bool]  # topic, payload, retained

SPEAKS = [
    "ld2410c",
    "ld2410s",
    "ld2412",
    "ld2450",
    "ld6002",
    "ld6002c",
    "mr24hpc1",
    "ti_iwr6843",
    "ti_iwrl6432",
    "ze07_co",
    "ze08_ch2o",
    "mh_z9041a",
    "bm22s2021",
    "bm22s3021",
    "bm22s3031",
    "bm22s3221",
    "r60abd1",
    "mr60fda1",
]


@dataclass
class Found:
    """What a scan should propose: device and topic, or device and port with its speed."""

    device: str
    topic: str = ""
    kind: str = ""
    port: int = -1
    baud: int = 0


@dataclass
class ScanHome:
    """Messages on the broker, and the devices on ports in order."""

    messages: list[Message] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    expected: list[Found] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)

    def say(self, topic: str, what: Any, retained: bool = False) -> None:
        data = what if isinstance(what, bytes) else json.dumps(what, ensure_ascii=False).encode()
        self.messages.append((topic, data, retained))

    def sensor(self, device: str, topic: str, said: dict[Quantity, Any], kind: str, **options: Any) -> None:
        """One sensor as its own encoder imitates it."""
        sensor = Sensor("s", device, "broker", kind=kind, address=topic, options=options)
        readings = [Reading("s", q, 1_000_000_000, x) for q, x in said.items()]
        for packet in DRIVERS[device].encode(sensor, readings):
            self.messages.append((packet.channel, packet.data, packet.mark is Mark.RETAINED))
        self.expected.append(Found(device, topic, kind))


# -- Zigbee2MQTT: kind -> (property, off value, on value), and a description that says what it is

_ZIGBEE: dict[str, tuple[str, Any, str]] = {
    "door": ("contact", True, "Door and window sensor"),
    "motion": ("occupancy", False, "Motion sensor"),
    "smoke": ("smoke", False, "Smoke detector"),
    "water": ("water_leak", False, "Water leakage sensor"),
    "gas": ("gas", False, "Gas detector"),
    "co": ("carbon_monoxide", False, "Carbon monoxide detector"),
    "presence": ("presence", False, "Human presence sensor"),
    "vibration": ("vibration", False, "Vibration sensor"),
    "climate": ("temperature", 21.5, "Climate sensor"),
}
_NAMES = ("hall/front {}", "{} 2", "upstairs {}", "0x00158d00{}", "{}传感器")


def _listed(
    name: str, leaves: list[dict[str, Any]], description: str, kind: str = "EndDevice"
) -> dict[str, Any]:
    return {
        "ieee_address": "0x" + name.encode().hex()[:16].ljust(16, "0"),
        "friendly_name": name,
        "type": kind,
        "definition": {"vendor": "V", "model": "M1", "description": description, "exposes": leaves},
    }


def _zigbee(home: ScanHome, dice: random.Random, count: int) -> None:
    base = dice.choice(["zigbee2mqtt", "zb", "home/zigbee"])
    devices = [_listed("Coordinator", [], "", "Coordinator")]
    devices.append(
        _listed("lamp", [{"type": "light", "features": [
            {"type": "binary", "property": "state", "value_on": "ON", "value_off": "OFF"},
            {"type": "numeric", "property": "brightness"}]}], "Bulb", "Router")
    )  # fmt: skip
    power = {"type": "numeric", "property": "power", "unit": "W"}
    devices.append(
        _listed("kettle plug", [power, {"type": "binary", "property": "state"}], "Smart plug", "Router")
    )
    home.say(f"{base}/lamp", {"state": "ON", "brightness": 200, "linkquality": 80})
    home.say(f"{base}/kettle plug", {"state": "ON", "power": 3.5, "linkquality": 80})
    home.say(f"{base}/all lamps", {"state": "ON"})  # a group
    home.say(f"{base}/gone sensor", {"contact": True, "linkquality": 3}, retained=True)  # removed long ago
    inventory = dice.random() < 0.8
    for kind in dice.sample(sorted(_ZIGBEE), count):
        name = dice.choice(_NAMES).format(kind if inventory or dice.random() < 2 else "")
        prop, off, description = _ZIGBEE[kind]
        leaf = {"type": "binary" if isinstance(off, bool) else "numeric", "property": prop, "name": prop}
        if leaf["type"] == "numeric":
            leaf["unit"] = "°C"
        devices.append(_listed(name, [leaf, {"type": "numeric", "property": "linkquality"}], description))
        if not inventory or dice.random() < 0.6:
            home.say(f"{base}/{name}", {prop: off, "linkquality": 100, "battery": 90})
        if inventory and dice.random() < 0.5:  # with Home Assistant's integration on
            where = "sensor" if kind == "climate" else "binary_sensor"
            home.say(
                f"homeassistant/{where}/0x{dice.randrange(1 << 40):x}/{prop}/config",
                {
                    "state_topic": f"{base}/{name}", "value_template": f"{{{{ value_json.{prop} }}}}",
                    "device_class": "temperature" if kind == "climate" else "moisture", "payload_on": True,
                    "payload_off": False, "unit_of_measurement": "°C" if kind == "climate" else None,
                    "device": {"identifiers": [f"zigbee2mqtt_{name}"], "name": name},
                },
                retained=True,
            )  # fmt: skip
        home.expected.append(Found("zigbee2mqtt", f"{base}/{name}", kind))
    home.say(f"{base}/bridge/state", {"state": "online"}, retained=True)
    home.say(f"{base}/bridge/info", {"version": "2.1.0"}, retained=True)
    if inventory:
        home.say(f"{base}/bridge/devices", devices, retained=True)
    else:  # without it a lamp and a group cannot be told from a sensor by their names: nor need they
        home.messages = [m for m in home.messages if not m[0].endswith("/gone sensor")]


def _tasmota(home: ScanHome, dice: random.Random) -> None:
    home.say("tele/hallnode/LWT", b"Online", retained=True)
    home.say("tele/hallnode/STATE", {"Uptime": "1T", "Wifi": {"RSSI": 70, "Signal": -60}})
    home.say(
        "tele/hallnode/SENSOR",
        {"Time": "x", "BME280": {"Temperature": 20.1, "Humidity": 40}, "TempUnit": "C"},
    )
    home.say("tele/plug7/LWT", b"Online", retained=True)
    home.say("tele/plug7/SENSOR", {"Time": "x", "ENERGY": {"Power": 12, "Voltage": 230}})
    home.say("stat/plug7/POWER", b"ON")
    home.expected.append(Found("tasmota", "tele/hallnode", "climate"))


def _tasmota_zigbee(home: ScanHome, dice: random.Random) -> None:
    home.say("tele/zbridge/LWT", b"Online", retained=True)
    said = {
        "Device": "0x662E",
        "Name": "back door",
        "Contact": dice.randrange(2),
        "Endpoint": 1,
        "LinkQuality": 90,
    }
    home.say("tele/zbridge/SENSOR", {"ZbReceived": {"0x662E": said}})
    home.expected.append(Found("tasmota", "tele/zbridge/SENSOR/back door", "door"))


def _shelly1(home: ScanHome, dice: random.Random) -> None:
    home.sensor("shelly_gen1", "shellies/shellyflood-9A8B7C", {Q.WATER: 0.0, Q.BATTERY_PCT: 80.0}, "water")
    home.say("shellies/shelly1-AAAAAA/relay/0", b"on")
    home.say("shellies/announce", {"id": "shellyflood-9A8B7C"})


def _shelly2(home: ScanHome, dice: random.Random) -> None:
    said = {Q.SMOKE: 0.0, Q.BATTERY_PCT: 70.0}
    home.sensor("shelly_gen2", "shellyplussmoke-80646fd1aabb", said, "smoke")
    params = {"ts": 1.0, "switch:0": {"id": 0, "apower": 9.1, "output": True}}
    home.say("plug-wall/events/rpc", {"src": "shellyplugsg3-1", "method": "NotifyStatus", "params": params})


def _esphome(home: ScanHome, dice: random.Random) -> None:
    announced = dice.random() < 0.5
    for entity, state in (("binary_sensor/has_target", b"OFF"), ("sensor/still_distance", b"120")):
        home.say(f"bath-radar/{entity}/state", state, retained=True)
    home.say("bath-radar/status", b"online", retained=True)
    home.say("bath-radar/debug", b"[D][sensor] nothing")
    if announced:
        home.say(
            "homeassistant/binary_sensor/bath-radar/has_target/config",
            {"name": "Has target", "dev_cla": "occupancy", "stat_t": "bath-radar/binary_sensor/has_target/state",
             "avty_t": "bath-radar/status", "uniq_id": "x1", "dev": {"ids": "aabb", "name": "bath-radar"}},
            retained=True,
        )  # fmt: skip
        home.expected.append(Found("ha_discovery", "bath-radar/binary_sensor/has_target/state", "presence"))
    else:
        home.expected.append(Found("esphome", "bath-radar", "presence"))


def _bluetooth(home: ScanHome, dice: random.Random) -> None:
    topic = "home/gw1/BTtoMQTT/A4C138AABBCC"
    home.sensor("theengs", topic, {Q.TEMPERATURE_C: 22.0, Q.HUMIDITY_PCT: 50.0}, "climate")
    home.messages.append(("home/gw2/BTtoMQTT/A4C138AABBCC", home.messages[-1][1], False))  # heard twice
    home.say("home/gw1/LWT", b"online", retained=True)
    home.say(
        "home/gw1/BTtoMQTT/112233445566", {"id": "11:22:33:44:55:66", "rssi": -80, "type": "UNIQ"}
    )  # a phone
    home.say(
        "homeassistant/sensor/A4C138AABBCC-tempc/config",
        {"stat_t": "+/+/BTtoMQTT/A4C138AABBCC", "val_tpl": "{{ value_json.tempc | is_defined }}",
         "dev_cla": "temperature", "unit_of_meas": "°C", "uniq_id": "A4C138AABBCC-tempc",
         "dev": {"ids": ["A4C138AABBCC"], "name": "LYWSD03"}},
        retained=True,
    )  # fmt: skip


def _zwave(home: ScanHome, dice: random.Random) -> None:
    home.sensor("zwave_js_ui", "zwave/Cellar/Detector", {Q.SMOKE: 0.0}, "smoke")
    home.say("zwave/Cellar/Detector/status", {"value": True, "status": "Alive"}, retained=True)
    home.say("zwave/_CLIENTS/ZWAVE_GATEWAY-x/status", {"value": True}, retained=True)


def _homie(home: ScanHome, dice: random.Random) -> None:
    home.sensor("homie", "homie/5/shed", {Q.TEMPERATURE_C: 12.0, Q.HUMIDITY_PCT: 60.0}, "climate")


def _ring(home: ScanHome, dice: random.Random) -> None:
    device = {"ids": ["abc"], "name": "Ring back door", "mf": "Ring", "mdl": "Contact"}
    config = {"stat_t": "ring/1/alarm/abc/contact/state", "dev_cla": "door", "uniq_id": "abc1", "dev": device}
    home.say("homeassistant/binary_sensor/1/abc/config", config, retained=True)
    battery = {"stat_t": "ring/1/alarm/abc/battery/state", "dev_cla": "battery", "unit_of_meas": "%"}
    home.say("homeassistant/sensor/1/abc_battery/config", battery | {"uniq_id": "abc2", "dev": device}, True)
    home.say("ring/1/alarm/abc/contact/state", b"OFF", retained=dice.random() < 0.5)
    home.say(
        "homeassistant/switch/1/plug/config", {"stat_t": "x/y", "cmd_t": "x/z", "dev": {"ids": "p"}}, True
    )
    home.expected.append(Found("ha_discovery", "ring/1/alarm/abc", "door"))


def _stream(home: ScanHome, dice: random.Random) -> None:
    home.sensor("ha_statestream", "ha/binary_sensor/fp2_presence", {Q.PRESENCE: 1.0}, "presence")
    home.say("ha/sensor/fp2_illuminance/state", b"30", retained=True)
    home.say("ha/sensor/fp2_illuminance/device_class", b'"illuminance"', retained=True)
    home.say("ha/sensor/fp2_illuminance/unit_of_measurement", b'"lx"', retained=True)
    home.say("ha/sun/sun/state", b"above_horizon", retained=True)
    home.say("ha/person/wang/state", b"home", retained=True)
    home.say("ha/light/lamp/state", b"on", retained=True)
    home.say("ha/sensor/processor_temperature/state", b"51", retained=True)
    home.say("ha/sensor/processor_temperature/device_class", b'"temperature"', retained=True)
    home.say("ha/sensor/processor_temperature/unit_of_measurement", '"°C"'.encode(), retained=True)


OTHERS: tuple[Callable[[ScanHome, random.Random], None], ...] = (
    _tasmota, _tasmota_zigbee, _shelly1, _shelly2, _esphome, _bluetooth, _zwave, _homie, _ring, _stream,
)  # fmt: skip


def draw(seed: int, serial: int = 4) -> ScanHome:
    """A home of ten sensors: ``serial`` on ports, some behind Zigbee2MQTT, the rest mixed."""
    dice = random.Random(seed)
    home = ScanHome()
    for i, device in enumerate(dice.sample(SPEAKS, serial)):
        home.ports.append(device)
        line = DRIVERS[device].line
        home.expected.append(Found(device, port=i, baud=line.baud if line else 0))
    zigbee = dice.randint(2, 4)
    _zigbee(home, dice, zigbee)
    for add in dice.sample(OTHERS, 10 - serial - zigbee):
        add(home, dice)
    _distractors(home, dice)
    return home


def _distractors(home: ScanHome, dice: random.Random) -> None:
    home.say("hearthwatch/other/alert", {"kind": "fall"}, retained=True)
    home.say("homeassistant/status", b"online", retained=True)
    home.say("frigate/events", {"type": "new", "label": "person"})
    home.say("weather/outdoor", {"temperature": 3.5, "humidity": 70})
    home.say("octoprint/progress", b"12")
    home.say("spam/blob", dice.randbytes(300))
    event = {"time": "@0.1s", "model": "Kerui-Security", "id": dice.randrange(1 << 20), "state": "open"}
    home.say("rtl_433/hub/events", event)
    home.doubtful.add(f"rtl_433/hub/devices/Kerui-Security/{event['id']}")


# -- the ports


def speed_of(port: PseudoPort) -> int:
    """At which speed has somebody set our pseudo-terminal? Speeds of any number, as ``BOTHER`` gives them."""
    raw = fcntl.ioctl(port.fileno(), 0x802C542A, bytes(44))
    return int(struct.unpack_from("<I", raw, 40)[0])


class Devices:
    """Each device talking on a pseudo-terminal of its own; at another speed than its own it is garbled.

    After the devices come a silent port and one that sends noise. ``written`` are bytes anybody sent.
    """

    def __init__(self, home: ScanHome, garbles: bool = True) -> None:
        self._garbles = garbles
        self.ports = [PseudoPort() for _ in (*home.ports, "silent", "noise")]
        self.written = b""
        self._streams = [stream(DRIVERS[name]) for name in home.ports]
        self._speeds = [f.baud for f in home.expected if f.port >= 0]
        self._chance = Prng(7)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def _talk(self) -> None:
        at, noise = 3, random.Random(5)
        while not self._stop.wait(0.01):
            for port, data, speed in zip(self.ports, self._streams, self._speeds, strict=False):
                piece = data[at % (len(data) - 200) :][:100]
                now = speed_of(port)
                if now == speed or not self._garbles:
                    port.write(piece)
                else:
                    for packet in wrong_baud([Packet("p", "", 0, piece)], self._chance, now / speed):
                        port.write(packet.data)
            self.ports[-1].write(noise.randbytes(60))
            at += 100
            self.written += b"".join(port.read() for port in self.ports)

    def __enter__(self) -> Devices:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for port in self.ports:
            port.close()
