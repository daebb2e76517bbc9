"""What Home Assistant's published schema of MQTT device discovery demands, as far as our entities go.

Facts from the schemas of the mqtt integration (device, origin, components, and the platforms
binary_sensor, sensor, event and button) and from the device classes of its documentation. Unknown keys at
the top, in the device or in the origin make it refuse the whole announcement.
"""

from __future__ import annotations

import re
from typing import Any

LONG = {
    "dev": "device", "o": "origin", "cmps": "components", "p": "platform", "ids": "identifiers",
    "mf": "manufacturer", "mdl": "model", "sw": "sw_version",
}  # fmt: skip
TOP = {
    "device", "origin", "components", "state_topic", "command_topic", "qos", "encoding", "availability",
    "availability_topic", "availability_mode", "availability_template", "payload_available",
    "payload_not_available",
}  # fmt: skip
DEVICE = {
    "identifiers", "connections", "name", "manufacturer", "model", "model_id", "hw_version", "sw_version",
    "serial_number", "suggested_area", "configuration_url", "via_device",
}  # fmt: skip
ORIGIN = {"name", "sw_version", "support_url"}
COMMON = {
    "platform", "unique_id", "default_entity_id", "name", "icon", "entity_category", "enabled_by_default",
    "json_attributes_topic", "json_attributes_template", "qos", "encoding", "availability_topic",
}  # fmt: skip
PLATFORM = {
    "binary_sensor": {
        "state_topic", "value_template", "device_class", "expire_after", "force_update", "off_delay",
        "payload_on", "payload_off",
    },
    "sensor": {
        "state_topic", "value_template", "device_class", "state_class", "expire_after", "force_update",
        "unit_of_measurement", "options", "suggested_display_precision", "last_reset_value_template",
    },
    "event": {"state_topic", "value_template", "device_class", "event_types"},
    "button": {"command_topic", "command_template", "payload_press", "device_class", "retain"},
}  # fmt: skip
BINARY_CLASSES = {
    "battery", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door", "garage_door", "gas",
    "heat", "light", "lock", "moisture", "motion", "moving", "occupancy", "opening", "plug", "power",
    "presence", "problem", "running", "safety", "smoke", "sound", "tamper", "update", "vibration", "window",
}  # fmt: skip
EVENT_CLASSES = {"button", "doorbell", "motion"}
STATE_CLASSES = {"measurement", "total", "total_increasing", "measurement_angle"}
TEMPLATE = re.compile(r"\{\{ value_json\.([a-z_]+)( \| tojson)? \}\}")


def long(data: dict[str, Any]) -> dict[str, Any]:
    """The same with the abbreviations spelt out."""
    return {LONG.get(k, k): v for k, v in data.items()}


def topic_ok(topic: Any, publish: bool = False) -> bool:
    """May it be subscribed to (or published on)?"""
    if not isinstance(topic, str) or not topic or "\0" in topic or len(topic.encode()) > 65535:
        return False
    return not (publish and set("+#") & set(topic))


def problems(topic: str, payload: bytes, prefix: str = "homeassistant") -> list[str]:
    """Why would Home Assistant not take this announcement? Empty = it would."""
    import json

    found: list[str] = []
    if not re.fullmatch(rf"{prefix}/device/([a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config", topic):
        found.append(f"topic {topic}")
    config = long(json.loads(payload))
    device, origin = long(config.get("device", {})), long(config.get("origin", {}))
    for what, keys, known in (("top", config, TOP), ("device", device, DEVICE), ("origin", origin, ORIGIN)):
        found += [f"{what}: unknown {k}" for k in keys if k not in known]
    if not device.get("identifiers") and not device.get("connections"):
        found.append("device: nothing to know it by")
    if not isinstance(origin.get("name"), str) or not origin["name"]:
        found.append("origin: no name")
    if config.get("qos", 0) not in (0, 1, 2):
        found.append("qos")
    if "availability" in config and "availability_topic" in config:
        found.append("availability twice")
    components = config.get("components")
    if not isinstance(components, dict) or not components:
        return [*found, "no components"]
    ids = []
    for key, short in components.items():
        entity = long(short)
        found += [f"{key}: {p}" for p in _entity(key, entity, config)]
        ids.append((entity.get("platform"), entity.get("unique_id")))
    if len(ids) != len(set(ids)):
        found.append("a unique_id stands twice")
    return found


def _entity(key: str, entity: dict[str, Any], config: dict[str, Any]) -> list[str]:
    platform = entity.get("platform")
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", key):
        return ["a key may hold letters, digits, _ and - only"]
    if platform not in PLATFORM:
        return [f"platform {platform}"]
    found = [f"unknown {k}" for k in entity if k not in COMMON | PLATFORM[platform]]
    if not isinstance(entity.get("unique_id"), str) or not entity["unique_id"]:
        found.append("no unique_id")
    wanted = entity.get("default_entity_id")
    if wanted is not None and not re.fullmatch(rf"{platform}\.[a-z0-9_]+", wanted):
        found.append(f"default_entity_id {wanted}")
    if entity.get("entity_category") not in (None, "config", "diagnostic"):
        found.append("entity_category")
    if platform in ("binary_sensor", "sensor") and entity.get("entity_category") == "config":
        found.append("a sensor configures nothing")
    if platform == "button":
        if not topic_ok(entity.get("command_topic", config.get("command_topic")), publish=True):
            found.append("command_topic")
    elif not topic_ok(entity.get("state_topic", config.get("state_topic"))):
        found.append("state_topic")
    expire = entity.get("expire_after", 0)
    if isinstance(expire, bool) or not isinstance(expire, int) or expire < 0:
        found.append("expire_after")
    classes = {"binary_sensor": BINARY_CLASSES, "event": EVENT_CLASSES}.get(platform)
    if classes is not None and entity.get("device_class") not in (None, *classes):
        found.append(f"device_class {entity['device_class']}")
    if entity.get("state_class") not in (None, *STATE_CLASSES):
        found.append("state_class")
    if platform == "event":
        types = entity.get("event_types")
        if not isinstance(types, list) or not types or not all(isinstance(t, str) and t for t in types):
            found.append("event_types")
    template = entity.get("value_template")
    if template is not None and not TEMPLATE.fullmatch(template):
        found.append(f"value_template {template}")
    return found


def rendered(entity: dict[str, Any], state: dict[str, Any]) -> str:
    """What would its template give for this state? null is rendered as None, which means unknown."""
    match = TEMPLATE.fullmatch(entity["value_template"])
    assert match is not None
    value = state[match.group(1)]
    return "None" if value is None else str(value)


def state_ok(entity: dict[str, Any], text: str) -> bool:
    """Would this state be taken?"""
    if entity["platform"] == "binary_sensor":
        return text in ("ON", "OFF", "None")
    if entity.get("state_class") and text != "None":
        return text.replace(".", "", 1).lstrip("-").isdigit()
    return len(text) <= 255
