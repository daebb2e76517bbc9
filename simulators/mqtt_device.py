"""How does any one MQTT sensor behave on a broker? Birth, state, presses, and the last will.

An :class:`EmulatedSender` says what a device of a convention would publish, made by the driver's own
``encode``: which topics are retained and who announces life and death follows the convention's documents
(see the driver's file). :class:`MqttLine` is its connection to a real broker, which can be cut so that the
broker itself tells of it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from core.model import Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from simulators.around import Around, rows

FLUSH_S = 10.0


class Message(NamedTuple):
    """One message to publish."""

    topic: str
    data: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Convention:
    """What a convention does around its states: ``life`` gives topic, birth and death."""

    life: Callable[[str], tuple[str, bytes, bytes]] | None
    life_retained: bool = True
    retained: bool = False  # are states kept by the broker?
    qos: int = 0
    says_goodbye: bool = False  # publishes its death at an orderly shutdown too


def _base(address: str, levels: int) -> str:
    return "/".join(address.split("/")[:levels])


def _words(suffix: str, birth: bytes, death: bytes) -> Callable[[str], tuple[str, bytes, bytes]]:
    return lambda address: (f"{address}/{suffix}", birth, death)


_UP, _DOWN = b'{"state":"online"}', b'{"state":"offline"}'

CONVENTIONS: Mapping[str, Convention] = {
    "zigbee2mqtt": Convention(
        lambda a: (f"{_base(a, 1)}/bridge/state", _UP, _DOWN), qos=1, says_goodbye=True
    ),
    "ha_discovery": Convention(_words("availability", b"online", b"offline")),
    "ha_statestream": Convention(None, retained=True, qos=1),  # Home Assistant's own will is elsewhere
    "esphome": Convention(_words("status", b"online", b"offline"), retained=True, says_goodbye=True),
    "tasmota": Convention(lambda a: (f"{_base(a, 2)}/LWT", b"Online", b"Offline"), says_goodbye=True),
    "shelly_gen1": Convention(_words("online", b"true", b"false"), life_retained=False),
    "shelly_gen2": Convention(_words("online", b"true", b"false")),
    "rtl_433": Convention(lambda a: (f"{_base(a, 2)}/availability", b"online", b"offline")),
    "theengs": Convention(lambda a: (f"{_base(a, 2)}/LWT", b"online", b"offline")),
    "zwave_js_ui": Convention(
        lambda a: (f"{_base(a, 1)}/_CLIENTS/ZWAVE_GATEWAY-sim/status", b'{"value":true}', b'{"value":false}')
    ),
    "homie": Convention(_words("$state", b"ready", b"lost"), retained=True, qos=1),
}
"""One line a convention: what is retained, and who says that the device lives."""


class EmulatedSender:
    """One sensor of one MQTT convention. ``around`` is what it measures, to be changed at will.

    ``quantities``: what it says; left out, the first group its driver can carry (one entity of Home
    Assistant's statestream: the first quantity it knows).
    """

    def __init__(
        self, sensor: Sensor, around: Around | None = None, quantities: tuple[Q, ...] | None = None
    ) -> None:
        self.sensor, self.around = sensor, around or Around()
        self.spec = DRIVERS[sensor.device]
        self.convention = CONVENTIONS[sensor.device]
        self.quantities = quantities or tuple(span.quantity for span in self.spec.spans[0])

    @property
    def will(self) -> Message | None:
        """What should the broker say when the device is gone?"""
        return self._life(2)

    def birth(self, t: int = 0) -> list[Message]:
        """What it publishes when it has connected: itself, that it lives, and its state."""
        life = self._life(1)
        out = [life] if life else []
        if self.sensor.device == "zigbee2mqtt":
            out.append(self._inventory())
        if self.sensor.device in ("zigbee2mqtt", "zwave_js_ui"):
            out += self._encode([(Q.AVAILABLE, 1.0)], t, kept=True)  # the node, behind its bridge
        return [*out, *self.state(t)]

    def state(self, t: int = 0) -> list[Message]:
        """Its whole state now."""
        return self._encode(rows(self.around, self.quantities), t)

    def press(self, t: int = 0) -> list[Message]:
        """A call button behind the same address; [] if the convention has none."""
        carried = {span.quantity for group in self.spec.spans for span in group}
        return self._encode([(Q.SOS, 1.0)], t) if Q.SOS in carried else []

    def goodbye(self) -> Message | None:
        """What it says itself before an orderly end."""
        return self.will if self.convention.says_goodbye else None

    def _life(self, which: int) -> Message | None:
        life = self.convention.life
        if life is None:
            return None
        told = life(self.sensor.address)
        data = told[1] if which == 1 else told[2]
        return Message(told[0], data, 1, self.convention.life_retained)

    def _encode(self, said: list[tuple[Q, object]], t: int, kept: bool = False) -> list[Message]:
        readings = [Reading(self.sensor.id, q, t, v) for q, v in said]  # type: ignore[arg-type]
        packets: list[Packet] = self.spec.encode(self.sensor, readings)
        keep = kept or self.convention.retained
        qos = self.convention.qos
        return [Message(p.channel, p.data, qos, keep or p.mark is Mark.RETAINED) for p in packets]

    def _inventory(self) -> Message:
        """What Zigbee2MQTT lists of the device, with the polarity of its flags."""
        name = self.sensor.address.split("/", 1)[1]
        flags = ("contact", False, True), ("smoke", True, False), ("water_leak", True, False)
        exposes = [
            {"type": "binary", "name": n, "property": n, "access": 1, "value_on": on, "value_off": off}
            for n, on, off in flags
        ]
        definition = {"model": "SIM-1", "vendor": "hearthwatch-sim", "exposes": exposes}
        listed: dict[str, object] = {
            "ieee_address": "0x00124b0000000001",
            "friendly_name": name,
            "type": "EndDevice",
        }
        listed |= {"power_source": "Battery", "interview_completed": True, "disabled": False}
        inventory = json.dumps([listed | {"definition": definition}]).encode()
        return Message(f"{_base(self.sensor.address, 1)}/bridge/devices", inventory, 1, True)


class MqttLine:
    """The connection of one emulated sender to a broker. Use as a context.

    :meth:`cut` ends it as a power cut does: without a word, so that the broker publishes the will.
    """

    def __init__(self, device: EmulatedSender, host: str, port: int) -> None:
        self.device, self._host, self._port = device, host, port
        self._client: mqtt.Client | None = None

    def open(self) -> None:
        """Connect, and publish the birth. Raises OSError if there is no broker."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"sim-{self.device.sensor.id}")
        will = self.device.will
        if will is not None:
            client.will_set(will.topic, will.data, will.qos, will.retain)
        up = threading.Event()
        client.on_connect = lambda *_: up.set()
        client.connect(self._host, self._port)
        client.loop_start()
        if not up.wait(FLUSH_S):
            client.loop_stop()
            raise OSError(f"the broker at {self._host}:{self._port} does not answer")
        self._client = client
        self.publish(self.device.birth())

    def publish(self, messages: list[Message]) -> None:
        """Publish these, and wait until they are out."""
        client = self._client
        if client is None:
            return
        for info in [client.publish(m.topic, m.data, m.qos, m.retain) for m in messages]:
            info.wait_for_publish(FLUSH_S)

    def say(self) -> None:
        """Publish the state as it is now."""
        self.publish(self.device.state())

    def press(self) -> None:
        """Press its button."""
        self.publish(self.device.press())

    def cut(self) -> None:
        """Gone without a word: the broker tells the others."""
        client, self._client = self._client, None
        if client is None:
            return
        line = client.socket()
        client.on_disconnect = None
        client.loop_stop()
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def close(self) -> None:
        """An orderly end: the broker says nothing, the device itself what its convention says. Safe twice."""
        goodbye = self.device.goodbye()
        if self._client is not None and goodbye is not None:
            self.publish([goodbye])
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def __enter__(self) -> MqttLine:
        self.open()
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
