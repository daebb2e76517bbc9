"""What does a Home Assistant discovery message announce? Pure reading of its JSON, no templates run.

Single component: ``<prefix>/<component>/[<node>/]<object>/config`` holds one entity. Device:
``<prefix>/device/<id>/config`` holds ``cmps``, each with its platform ``p``. Keys may be abbreviated,
``~`` stands for a base topic, ``payload_on`` may be text, number or boolean, an empty payload deletes.

Of value templates only a path is understood, ``{{ value_json.a.b }}``, ``{{ value_json['a'] }}``,
``{{ value }}``, with the filters ``is_defined``, ``float`` and ``int`` ignored; all else is refused,
because running Jinja from a broker would be running a stranger's program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from devices import payload
from devices.payload import Refusal

_LONG: Final = {
    "stat_t": "state_topic", "val_tpl": "value_template", "stat_val_tpl": "state_value_template",
    "dev_cla": "device_class", "unit_of_meas": "unit_of_measurement", "pl_on": "payload_on",
    "pl_off": "payload_off", "avty": "availability", "avty_t": "availability_topic", "t": "topic",
    "avty_tpl": "availability_template", "pl_avail": "payload_available", "dev": "device",
    "pl_not_avail": "payload_not_available", "ent_cat": "entity_category", "uniq_id": "unique_id",
    "cmps": "components", "p": "platform", "evt_typ": "event_types", "obj_id": "object_id",
    "def_ent_id": "default_entity_id", "mdl": "model", "mf": "manufacturer", "ids": "identifiers",
    "avty_mode": "availability_mode", "pl": "payload", "atype": "automation_type",
}  # fmt: skip
_PATH: Final = re.compile(
    r"""^\{\{-?\s*(?:value_json(?P<path>(?:\.[A-Za-z_]\w*|\[\s*(?:'[^']*'|"[^"]*"|\d+)\s*\])*)|value)"""
    r"""\s*(?:\|\s*(?:is_defined|float|int)\s*(?:\(\s*0?\s*\))?\s*)*-?\}\}$"""
)
_STEP: Final = re.compile(r"""\.([A-Za-z_]\w*)|\[\s*(?:'([^']*)'|"([^"]*)"|(\d+))\s*\]""")
TEMPLATE: Final = Refusal("template")
MAX_COMPONENTS: Final = 200

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Availability:
    """One topic that tells whether an entity can be heard."""

    topic: str
    path: Path | None
    yes: str = "online"
    no: str = "offline"


@dataclass(frozen=True, slots=True)
class Entity:
    """One announced entity. ``path`` None means the bare payload."""

    key: tuple[str, str]  # the config topic, and the component's key in it
    component: str
    name: str
    device_class: str
    unit: str
    state_topic: str
    path: Path | None
    on: str
    off: str
    diagnostic: bool
    model: str
    availability: tuple[Availability, ...]
    press: str = ""  # a device trigger's payload


def template_path(template: Any) -> Path | Refusal | None:
    """Which path into the JSON does a template name? None for the bare payload.

    >>> template_path("{{ value_json.a['b c'][0] | is_defined }}"), template_path("{{ value }}")
    (('a', 'b c', 0), None)
    >>> template_path("{{ 'ON' if value_json.x else 'OFF' }}")
    'template'
    """
    if template is None or template == "":
        return None
    match = _PATH.match(template.strip()) if type(template) is str and len(template) < 500 else None
    if match is None:
        return TEMPLATE
    if match["path"] is None:
        return None
    return tuple(
        int(index) if index else dot or single or double
        for dot, single, double, index in _STEP.findall(match["path"])
    )


def follow(value: Any, path: Path) -> Any:
    """What stands at this path? None where it does not lead.

    >>> follow({"a": [1, {"b": 2}]}, ("a", 1, "b")), follow({}, ("x",))
    (2, None)
    """
    for step in path:
        if type(value) is dict and type(step) is str:
            value = value.get(step)
        elif type(value) is list and type(step) is int and step < len(value):
            value = value[step]
        else:
            return None
    return value


def rendered(value: Any) -> str:
    """A JSON value as the text it is compared as: booleans in lower case, whole numbers plain.

    >>> rendered(True), rendered("True"), rendered(2.0), rendered("2")
    ('true', 'true', '2', '2')
    """
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    word = str(value).strip()
    return word.lower() if word in ("True", "False") else word


def entities(topic: str, data: bytes) -> list[Entity] | Refusal:
    """Which entities does this config message announce? [] if it deletes them."""
    parts = topic.split("/")
    if not data.strip():
        return []
    config = payload.json_object(data)
    if isinstance(config, Refusal):
        return config
    config = _longer(config)
    if len(parts) >= 4 and parts[-3] == "device" and type(config.get("components")) is dict:
        found = [
            (key, _longer(part))
            for key, part in list(config["components"].items())[:MAX_COMPONENTS]
            if type(part) is dict
        ]
        shared = {k: v for k, v in config.items() if k != "components"}
        pairs = [(str(key), str(part.get("platform", "")), {**shared, **part}) for key, part in found]
    else:
        known = ("binary_sensor", "sensor", "event", "device_automation", "device_tracker", "switch")
        component = next((p for p in (parts[-4:-3] + parts[-3:-2]) if p in known), "")
        pairs = [("", component, config)]
    out: list[Entity] = []
    refused: Refusal | None = None
    for key, component, part in pairs:
        entity = _entity((topic, key), component, part)
        if isinstance(entity, Refusal):
            refused = entity
        elif entity is not None:
            out.append(entity)
    return refused if refused is not None and not out else out


def _longer(config: dict[str, Any]) -> dict[str, Any]:
    return {_LONG.get(k, k): v for k, v in config.items()}


def _entity(key: tuple[str, str], component: str, part: dict[str, Any]) -> Entity | Refusal | None:
    if component not in ("binary_sensor", "sensor", "event", "device_automation"):
        return None
    trigger = component == "device_automation"
    topic = _topic(part, part.get("topic") if trigger else part.get("state_topic"))
    if topic is None:
        return Refusal("no_state_topic")
    path = template_path(part.get("value_template"))
    if isinstance(path, Refusal):
        return path
    device = part.get("device")
    device = _longer(device) if type(device) is dict else {}
    name = " ".join(
        str(part[k])
        for k in ("name", "object_id", "default_entity_id", "unique_id")
        if type(part.get(k)) is str
    )
    return Entity(
        key=key,
        component=component,
        name=f"{key[1]} {name}".strip()[:200],
        device_class=_text(part.get("device_class")),
        unit=_text(part.get("unit_of_measurement")),
        state_topic=topic,
        path=path,
        on=rendered(part.get("payload_on", "ON")),
        off=rendered(part.get("payload_off", "OFF")),
        diagnostic=part.get("entity_category") == "diagnostic",
        model=_text(device.get("model")),
        availability=tuple(_availability(part)),
        press=_text(part.get("payload")) if trigger else "",
    )


def _text(value: Any) -> str:
    return value.strip()[:200] if type(value) is str else ""


def _topic(part: dict[str, Any], topic: Any) -> str | None:
    if type(topic) is not str or not topic:
        return None
    base = part.get("~")
    if type(base) is str:
        topic = base + topic[1:] if topic.startswith("~") else topic
        topic = topic[:-1] + base if topic.endswith("~") else topic
    return str(topic)


def _availability(part: dict[str, Any]) -> Iterator[Availability]:
    listed = part.get("availability")
    if type(listed) is dict:
        listed = [listed]
    if type(listed) is not list:
        listed = [
            {
                "topic": part.get("availability_topic"),
                "value_template": part.get("availability_template"),
                "payload_available": part.get("payload_available"),
                "payload_not_available": part.get("payload_not_available"),
            }
        ]
    for item in listed[:8]:
        item = _longer(item) if type(item) is dict else {}
        topic = _topic(part, item.get("topic"))
        path = template_path(item.get("value_template"))
        if topic is not None and not isinstance(path, Refusal):
            yes, no = item.get("payload_available"), item.get("payload_not_available")
            yield Availability(
                topic,
                path,
                rendered("online" if yes is None else yes),
                rendered("offline" if no is None else no),
            )
