"""How is the person at home asked? A message on an MQTT topic of a speaker, a display or Home Assistant.

The message is not retained: whoever connects later must not ask about what is over. As JSON::

    {"say": "Are you all right? ...", "question": true, "over": false, "alert": "<id>", "title": "...",
     "language": "en", "answer_topic": "hearthwatch/<home>/command",
     "yes": {"answer": "<id>", "word": "all_right", "by": "home"},
     "no":  {"answer": "<id>", "word": "help", "by": "home"}}

``yes`` or ``no`` published as it stands on ``answer_topic`` is the answer. With ``format: text`` only what is
to be said is sent, for text-to-speech. What is not a question (fire, gas: leave the home) is said as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec
from alerts.channels.mqtt_client import REFUSING, MqttPublisher
from alerts.revision import RINGING
from alerts.text import render
from alerts.text.message import catalogue
from core.config import MqttLinkConfig
from core.contracts import Refused
from core.model import Alert, AlertState

_END = ("acknowledged", "answered", "cleared")


@dataclass(frozen=True, slots=True)
class InHomeParams:
    """Which broker (a link of config.yaml), which topic, and does it want JSON or just the words?"""

    link: str
    topic: str
    format: Literal["json", "text"] = "json"
    timeout_s: float = 10.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not self.topic or any(c in self.topic for c in "+#\0"):
            raise ValueError("topic must name one topic, without + or #")
        if not 0.1 <= self.timeout_s <= 60:
            raise ValueError("timeout_s must be between 0.1 and 60 seconds")


class InHomeChannel:
    """Questions and warnings said in the home."""

    def __init__(self, params: InHomeParams, context: ChannelContext) -> None:
        link = context.links.get(params.link)
        if not isinstance(link, MqttLinkConfig):
            raise ValueError(f"there is no broker called {params.link!r} under links")
        self._params, self._context = params, context
        home, name = context.home.id, context.name or "in-home"
        status = f"hearthwatch/{home}/in_home/{name}/status"
        self._publisher = MqttPublisher(link, f"hearthwatch-{home}-{name}", status, params.timeout_s)

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Say them; those the broker has acknowledged, or that need no words."""
        taken = []
        for alert in alerts:
            said = self.message(alert)
            if said is not None:
                text = said["say"] if self._params.format == "text" else json.dumps(said, ensure_ascii=False)
                code = self._publisher.publish([(self._params.topic, text.encode(), False)])[0]
                if code in REFUSING:
                    raise Refused(f"the broker refuses {self._params.topic} (MQTT reason 0x{code:02x})")
                if code:
                    break
            taken.append((alert.id, alert.revision))
        return taken

    def message(self, alert: Alert) -> dict[str, Any] | None:
        """What is to be said, or None where this revision is no news in the home."""
        why, context = alert.evidence.get("why"), self._context
        if why not in RINGING and why not in _END:
            return None
        rendered = render(alert, context.home, context.language, context.clock.wall_offset())
        words = catalogue(context.language)["question"]
        asks = context.asks(alert) if context.asks is not None else False
        over = alert.state is not AlertState.OPEN
        if asks:
            say = words["ask_plain"]
        elif over:
            say = words["thanks"] if last_word(alert) == "all_right" else rendered.title
        else:
            say = f"{rendered.title}. {rendered.advice}"
        return {
            "say": say,
            "question": asks,
            "over": over,
            "alert": alert.id,
            "kind": alert.kind,
            "title": rendered.title,
            "language": context.language,
            "answer_topic": f"hearthwatch/{context.home.id}/command",
            "yes": {"answer": alert.id, "word": "all_right", "by": "home"},
            "no": {"answer": alert.id, "word": "help", "by": "home"},
        }

    def fault(self) -> str:
        """Why is the broker away? "" while it is there."""
        return self._publisher.fault()

    def close(self) -> None:
        """Say goodbye to the broker."""
        self._publisher.close()


def last_word(alert: Alert) -> str:
    """What was answered last? "" if nothing was."""
    answers = alert.evidence.get("answers")
    last = answers[-1] if isinstance(answers, list) and answers else None
    return str(last.get("word", "")) if isinstance(last, dict) else ""


SPEC = ChannelSpec(
    name="in_home", title="a question in the home, over MQTT", params=InHomeParams, make=InHomeChannel
)
