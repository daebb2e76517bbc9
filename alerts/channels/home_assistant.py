"""How does Home Assistant show the home's alerts? As one device, announced by MQTT device discovery.

========================================  ========  ===================================================
topic                                     retained  content
========================================  ========  ===================================================
homeassistant/device/<id>/config          yes       what there is: see :func:`discovery`
hearthwatch/<home>/ha/status              yes       ``online``, ``offline`` at our loss
hearthwatch/<home>/ha/state               yes       one JSON with the state of every entity
hearthwatch/<home>/ha/event               no        news for the event entity
hearthwatch/<home>/ha/acknowledge         no        in: the button; a retained press is ignored
========================================  ========  ===================================================

States are repeated every ``heartbeat_s``; an entity that misses three becomes unavailable instead of
staying green. When Home Assistant starts (``homeassistant/status`` = online) everything is announced
again, spread over 10 s by the home's id. What is not known is null, shown as unknown, never as off. A
drill is an event and the latest alert, never a state: it must not set off anybody's automations.
Rules from the Home Assistant documentation of MQTT discovery, checked against the schema of 2026.2.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec
from alerts.channels.chat import TOLD
from alerts.channels.mqtt_client import REFUSING, MqttPublisher
from alerts.channels.payload import as_dict
from alerts.outbox import OutboxError
from alerts.revision import RINGING, rings
from alerts.severity import RULES
from alerts.text.message import catalogue
from core.config import MqttLinkConfig
from core.contracts import Refused
from core.model import Alert, AlertState, Severity

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "fire": ("smoke", ("smoke", "heat")),
    "gas": ("gas", ("gas",)),
    "co": ("carbon_monoxide", ("co",)),
    "water": ("moisture", ("water",)),
    "fall": ("safety", ("fall",)),
    "sos": ("safety", ("sos",)),
    "inactivity": ("problem", ("inactivity",)),
    "door": ("problem", ("door_open",)),
}
"""Entity -> (device class, alert kinds). What is in none goes to ``other`` or ``trouble`` by severity."""

EVENT_TYPES = sorted({*RULES, "other", *(TOLD - RINGING)})
_LATEST_MAX = 250  # a state longer than 255 characters is refused


@dataclass(frozen=True, slots=True)
class HomeAssistantParams:
    """Which broker (a link of config.yaml), and which topics?"""

    link: str
    prefix: str = "hearthwatch"
    discovery_prefix: str = "homeassistant"
    heartbeat_s: float = 60.0
    timeout_s: float = 10.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        for name in ("prefix", "discovery_prefix"):
            topic = getattr(self, name)
            if not topic or any(c in topic for c in "+#\0") or topic.strip("/") != topic:
                raise ValueError(f"{name} must be a topic without +, # and outer slashes")
        if not 1 <= self.heartbeat_s <= 3600:
            raise ValueError("heartbeat_s must be between 1 and 3600 seconds")
        if not 0.1 <= self.timeout_s <= 60:
            raise ValueError("timeout_s must be between 0.1 and 60 seconds")


def group_of(alert: Alert) -> str:
    """Which entity shows this alert?"""
    for group, (_, kinds) in GROUPS.items():
        if alert.kind in kinds:
            return group
    return "trouble" if alert.severity in (Severity.TROUBLE, Severity.INFO) else "other"


def discovery(home: str, name: str, root: str, heartbeat_s: float, language: str) -> dict[str, Any]:
    """What is announced: one device with all its entities."""
    words: Mapping[str, str] = catalogue(language)["home_assistant"]
    device = f"hearthwatch_{home}"
    expire = round(3 * heartbeat_s)

    def entity(key: str, platform: str, **more: Any) -> dict[str, Any]:
        plain = f"{device}_{key}".replace("-", "_")
        return {
            "p": platform,
            "unique_id": f"{device}_{key}",
            "default_entity_id": f"{platform}.{plain}",
            "name": words[key],
            **more,
        }

    def flag(key: str, device_class: str, **more: Any) -> dict[str, Any]:
        template = f"{{{{ value_json.{key} }}}}"
        return entity(
            key, "binary_sensor", device_class=device_class, value_template=template,
            expire_after=expire, **more,
        )  # fmt: skip

    cmps = {key: flag(key, device_class) for key, (device_class, _) in GROUPS.items()}
    cmps["other"] = flag("other", "problem")
    cmps["trouble"] = flag("trouble", "problem", entity_category="diagnostic")
    cmps["alarm"] = flag("alarm", "safety")
    cmps["open"] = entity(
        "open",
        "sensor",
        value_template="{{ value_json.open }}",
        state_class="measurement",
        expire_after=expire,
    )
    cmps["latest"] = entity(
        "latest", "sensor", value_template="{{ value_json.latest }}", expire_after=expire,
        json_attributes_topic=f"{root}/ha/state",
        json_attributes_template="{{ value_json.alerts | tojson }}",
    )  # fmt: skip
    cmps["event"] = entity("event", "event", state_topic=f"{root}/ha/event", event_types=EVENT_TYPES)
    cmps["acknowledge"] = entity(
        "acknowledge", "button", command_topic=f"{root}/ha/acknowledge", payload_press="PRESS"
    )
    return {
        "dev": {"ids": [device], "name": name or home, "mf": "hearthwatch", "mdl": "gateway"},
        "o": {"name": "hearthwatch"},
        "cmps": cmps,
        "state_topic": f"{root}/ha/state",
        "availability_topic": f"{root}/ha/status",
        "qos": 1,
    }


class HomeAssistantChannel:
    """Alerts as entities of one Home Assistant device."""

    def __init__(self, params: HomeAssistantParams, context: ChannelContext) -> None:
        link = context.links.get(params.link)
        if not isinstance(link, MqttLinkConfig):
            raise ValueError(f"there is no broker called {params.link!r} under links")
        self._params, self._context = params, context
        home = context.home.id
        self._root = f"{params.prefix}/{home}"
        self._lock = threading.Lock()
        self._open: dict[str, Alert] = {}
        self._known: set[str] = set()  # entities whose state is known
        self._loaded = False
        self._latest = ""
        self._spread_s = hashlib.blake2b(home.encode(), digest_size=2).digest()[0] / 256 * 10
        self._announce_in: float | None = None
        self._wake, self._stop = threading.Event(), threading.Event()
        self._publisher = MqttPublisher(
            link,
            f"hearthwatch-{home}-{context.name or 'home-assistant'}",
            f"{self._root}/ha/status",
            params.timeout_s,
            topics=[f"{params.discovery_prefix}/status", f"{self._root}/ha/acknowledge"],
            on_message=self._heard,
            on_up=lambda: self._announce_after(0.0),
        )
        self._beat = threading.Thread(target=self._run, name="alerts-home-assistant-beat", daemon=True)
        self._beat.start()

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Publish the news and the state they lead to; taken once the broker has acknowledged it."""
        self._load()
        messages: list[tuple[str, bytes, bool]] = []
        for alert in alerts:
            self._learn(alert)
            if alert.evidence.get("why") in TOLD:
                messages.append((f"{self._root}/ha/event", _json(self._news(alert)), False))
        messages.append((f"{self._root}/ha/state", self._state(), True))
        worst = max(self._publisher.publish(messages))
        if worst in REFUSING:
            raise Refused(f"the broker refuses topics under {self._root}/ha (MQTT reason 0x{worst:02x})")
        return [(a.id, a.revision) for a in alerts] if worst == 0 else []

    def fault(self) -> str:
        """Why is the broker away? "" while it is there."""
        return self._publisher.fault()

    def close(self) -> None:
        """Say goodbye: the entities become unavailable."""
        self._stop.set()
        self._wake.set()
        self._beat.join(2.0)
        self._publisher.close()

    # -- what is shown

    def _load(self) -> None:
        """Ask once what is open; afterwards the deliveries tell."""
        if self._loaded or self._context.open_alerts is None:
            return
        try:
            found = self._context.open_alerts()
        except OutboxError:
            return  # asked again at the next beat; until then it is unknown
        with self._lock:
            for alert in found:
                kept = self._open.get(alert.id)
                if kept is None or kept.revision < alert.revision:
                    self._open[alert.id] = alert
            self._known.update((*GROUPS, "other", "trouble", "alarm", "open"))
            self._loaded = True

    def _learn(self, alert: Alert) -> None:
        with self._lock:
            if alert.state is AlertState.CLEARED:
                self._open.pop(alert.id, None)
            else:
                self._open[alert.id] = alert
            self._known.add(group_of(alert))
            if alert.severity is Severity.ALARM:
                self._known.add("alarm")
            if rings(alert):
                self._latest = str(self._news(alert)["title"])[:_LATEST_MAX]

    def _state(self) -> bytes:
        with self._lock:
            real = [a for a in self._open.values() if a.evidence.get("test") is not True]
            on = {group_of(a) for a in real}
            if any(a.severity is Severity.ALARM for a in real):
                on.add("alarm")
            state: dict[str, Any] = {
                key: ("ON" if key in on else "OFF") if key in self._known else None
                for key in (*GROUPS, "other", "trouble", "alarm")
            }
            state["open"] = len(real) if "open" in self._known else None
            state["latest"] = self._latest
            worst = sorted(self._open.values(), key=lambda a: (a.severity.rank, a.opened))[:20]
        keys = ("kind", "severity", "state", "room", "source", "opened_at", "title")
        listed = [as_dict(a, self._context, discreet=True) for a in worst]
        state["alerts"] = {a["id"]: {k: a[k] for k in keys} for a in listed}
        return _json(state)

    def _news(self, alert: Alert) -> dict[str, Any]:
        kind = alert.kind if alert.kind in RULES else "other"
        news = as_dict(alert, self._context, discreet=True)
        news.pop("evidence")
        return {
            "event_type": kind if rings(alert) else alert.evidence.get("why"),
            "at": news["changed_at"],
            **news,
        }

    # -- the conversation

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == f"{self._params.discovery_prefix}/status":
            if payload == b"online" and not retained:
                self._announce_after(self._spread_s)
        elif not retained and self._context.acknowledge is not None:
            with self._lock:
                ringing = [a.id for a in self._open.values() if a.state is AlertState.OPEN]
            for alert_id in ringing:
                self._context.acknowledge(alert_id, "Home Assistant")

    def _announce_after(self, seconds: float) -> None:
        self._announce_in = seconds
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._params.heartbeat_s)
            self._wake.clear()
            wait_s, self._announce_in = self._announce_in, None
            if wait_s is not None and not self._stop.wait(wait_s):
                self._publisher.tell(self._config_topic(), _json(self._config()), True)
            if not self._stop.is_set():
                self._load()
                self._publisher.tell(f"{self._root}/ha/state", self._state(), True)

    def _config_topic(self) -> str:
        return f"{self._params.discovery_prefix}/device/hearthwatch_{self._context.home.id}/config"

    def _config(self) -> dict[str, Any]:
        home = self._context.home
        return discovery(home.id, "", self._root, self._params.heartbeat_s, self._context.language)


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


SPEC = ChannelSpec(
    name="home_assistant",
    title="Home Assistant through MQTT discovery",
    params=HomeAssistantParams,
    make=HomeAssistantChannel,
    batch=50,
    people=False,
)
