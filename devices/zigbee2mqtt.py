"""What does a Zigbee2MQTT broker say about the home's Zigbee sensors?

Data sheet: Zigbee2MQTT 1.x and 2.x, any base topic; friendly names may hold ``/``, blanks and any script.

====================================  ==================================================================
``<base>/<name>``                     JSON of the whole cached state, QoS 0, normally not retained
``<base>/<name>/<attribute>``         the same as plain text, one topic each (attribute output)
``<base>/<name>/action``              an action as plain text (1.x), a second copy of the JSON one
``<base>/<name>/availability``        ``{"state":"online"}`` or the bare word, retained; off by default
``<base>/bridge/state``               the same for the bridge, retained, also its last will
``<base>/bridge/devices``             inventory: names and ``exposes`` with units and on/off values
====================================  ==================================================================

Polarity: ``contact`` true = closed, so ``contact_open`` is its opposite. ``voltage`` is millivolts on
battery devices. Times: every reading is stamped with its arrival. ``last_seen`` (off by default, ISO or
epoch ms, seen hours stale on live devices) serves one purpose: a bridge that restarts sends its cached
states as if they were new; in the minute after its return a state that is stale by ``last_seen`` is flagged
retained and is no sign of life.

A bridge that goes offline makes all its sensors ``available`` 0 (unknown, not quiet); a sensor becomes
available again by its own message only. Devices missing from the inventory (removed) likewise.

A sensor that is renamed is followed by its ``ieee_address``, which is learnt from the inventory while its
name is the enrolled one, or given as ``options: {ieee: "0x..."}``. ``<base>/<name>/ieee`` is a topic of our
own: the gateway reminds the driver there, after a restart, of what an earlier run had learnt.

Call for help: ``action`` emergency, sos, panic, medical, fire, or a ``sos`` field that becomes true. One
press is one reading although it comes as JSON, again as text on ``/action``, and is followed by an empty
or null action. Buttons sold for emergencies that only say ``single`` (Heiman HS1EB) need
``options: {any_press: true}`` or ``sos_actions: [single]``.

Confirmed by captures: contact, smoke, gas, water, occupancy, presence, action, climate, bridge/state. From
the converters' source: carbon monoxide, falls, breathing, self-test, pre-heat, fault fields. Known hole:
Heiman HS1CG-E never reports gas (converter tests another alarm bit); only a commissioning test shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from core.contracts import DriverSpec
from core.model import Health, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.kinds import PRESS_OPTIONS
from devices.mqtt_driver import online
from devices.payload import Refusal
from devices.zigbee2mqtt_device import Device
from devices.zigbee2mqtt_encode import SPANS, encode
from devices.zigbee2mqtt_inventory import Inventory

Q = Quantity

INVENTORY_BYTES = 16 << 20  # an inventory of some hundred devices is several MiB


class Zigbee2Mqtt:
    """Driver of all Zigbee2MQTT sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self._health = Health()
        self.generation = 0  # counts renames that were followed: topics() is another one then
        self._all = [Device(s, self._health) for s in sensors if s.address]
        self._devices: dict[str, Device] = {}
        self._routes: dict[str, Callable[[Packet], list[Reading]]] = {}
        self._bases: dict[str, _Bridge] = {}
        for device in self._all:
            base = device.sensor.options.get("base")
            for prefix in [base] if isinstance(base, str) else _prefixes(device.topic):
                self._bases.setdefault(prefix, _Bridge(prefix, self._health)).devices.append(device)
        self._place()

    def _place(self) -> None:
        """Which topic is whose? Devices whose hardware is known come last: a name is theirs for sure."""
        self._devices = {d.topic: d for d in sorted(self._all, key=lambda d: d.ieee != "")}
        self._routes = {}
        for topic, device in self._devices.items():
            self._routes[topic] = device.state
            self._routes[f"{topic}/availability"] = device.availability
        for device in self._all:
            self._routes[f"{device.sensor.address}/ieee"] = partial(self._remember, device)
        for prefix, bridge in self._bases.items():
            self._routes[f"{prefix}/bridge/state"] = bridge.state
            self._routes[f"{prefix}/bridge/devices"] = partial(self._inventory, bridge)

    def topics(self) -> list[str]:
        """One filter for each device, one for what is below it, two for each possible bridge."""
        below = {f"{address}/+" for address in self._devices}
        covered = {a for a in self._devices if f"{a.rpartition('/')[0]}/+" in below}
        below |= {f"{d.sensor.address}/ieee" for d in self._all if d.topic != d.sensor.address}
        bridges = [f"{p}/bridge/{what}" for p in self._bases for what in ("state", "devices")]
        return [*(a for a in self._devices if a not in covered), *sorted(below), *bridges]

    def moves_on(self) -> list[str]:
        """On which topics may a message change :meth:`topics`?"""
        own = [f"{d.sensor.address}/ieee" for d in self._all]
        return [*(f"{prefix}/bridge/devices" for prefix in self._bases), *own]

    def where(self) -> dict[str, tuple[str, str]]:
        """Where each sensor speaks now ("" if its bridge does not know it any more), and its ieee address."""
        return {d.sensor.id: ("" if d.missing else d.topic, d.ieee) for d in self._all}

    def feed(self, packet: Packet) -> list[Reading]:
        mark = packet.mark
        if mark is not Mark.DATA and mark is not Mark.RETAINED:
            return []
        route = self._routes.get(packet.channel)
        if route is not None:
            return route(packet)
        address, _, attribute = packet.channel.rpartition("/")
        device = self._devices.get(address)
        if device is None:
            return payload.refuse(self._health, packet.data, payload.UNKNOWN_TOPIC)
        return device.attribute(attribute, packet)

    def _inventory(self, bridge: _Bridge, packet: Packet) -> list[Reading]:
        out = bridge.inventory(packet)
        if bridge.moved:
            bridge.moved = False
            self.generation += 1
            self._place()
        return out

    def _remember(self, device: Device, packet: Packet) -> list[Reading]:
        """What an earlier run of the gateway had learnt."""
        payload.accept(self._health, packet.data, packet.at)
        if not device.ieee and len(packet.data) <= 32 and packet.data.isascii():
            device.ieee = packet.data.decode()
        return []

    def due(self, t: int) -> list[Packet]:
        return []

    def health(self) -> Health:
        return self._health


def _prefixes(address: str) -> list[str]:
    """Which base topics may it hang under? Names may hold ``/``, so every parent is possible."""
    parts = address.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


class _Bridge:
    """One possible base topic: is its bridge online, and what hangs on it?"""

    def __init__(self, base: str, health: Health) -> None:
        self.base = base
        self.devices: list[Device] = []
        self._health = health
        self._inventory = Inventory(base)
        self.moved = False  # a device speaks elsewhere than before

    def state(self, packet: Packet) -> list[Reading]:
        x = online(packet)
        if isinstance(x, Refusal):
            return payload.refuse(self._health, packet.data, x)
        payload.accept(self._health, packet.data, packet.at)
        if x is None:
            return []
        flags = int(packet.mark is Mark.RETAINED)
        out: list[Reading] = []
        for device in self.devices:
            if self._speaks_for(device):
                if not x:
                    device.bridge_offline = True
                    out += device.lost(packet.at, flags)
                elif not flags:
                    device.bridge_returned(packet.at)
                else:
                    device.bridge_offline = False
        return out

    def _speaks_for(self, device: Device) -> bool:
        """The longest base whose bridge was heard owns a device, unless an inventory names it."""
        if device.base is None or (not device.base_is_sure and len(device.base) < len(self.base)):
            device.base = self.base
        return device.base == self.base

    def inventory(self, packet: Packet) -> list[Reading]:
        change = self._inventory.read(packet.data, INVENTORY_BYTES)
        if isinstance(change, Refusal):
            return payload.refuse(self._health, packet.data, change)
        payload.accept(self._health, packet.data, packet.at)
        if change is False:
            return []
        out: list[Reading] = []
        for device in self.devices:
            now = self._where(device)
            known = self._inventory.device(now)
            if known is not None:
                device.base, device.base_is_sure = self.base, True
                device.learn(*known)
                device.ieee = self._inventory.ieee(now) or device.ieee
                device.missing = False
                if device.topic != now:
                    device.topic, self.moved = now, True
            elif device.base == self.base and not device.missing:
                device.missing = True
                self._health.refuse("not_in_inventory")
                out += device.lost(packet.at, int(packet.mark is Mark.RETAINED))
        return out

    def _where(self, device: Device) -> str:
        """By its hardware; where that is gone or was never known, by the name it was enrolled with."""
        return self._inventory.topic(device.ieee) or device.sensor.address


SPEC = DriverSpec(
    name="zigbee2mqtt",
    title="Zigbee sensors through Zigbee2MQTT",
    transport="mqtt",
    make=Zigbee2Mqtt,
    encode=encode,
    spans=SPANS,
    evidence=(
        "captures: contact, smoke, gas, water, occupancy, presence, action, climate, bridge/state; "
        "converter source: CO, falls, breathing, test, fault"
    ),
    options={
        **PRESS_OPTIONS,
        "inverted": False,
        "base": None,
        "gas_unit": "",
        "ieee": "",
    },
    example=Sensor("front_door", "zigbee2mqtt", "broker", kind="", address="zigbee2mqtt/hall/front door"),
)
