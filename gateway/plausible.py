"""What would keep a channel from working, as far as can be known without opening a port?

Options are checked with the configuration; this looks at what they name: secret files that are missing,
empty or open to others, certificates that are not there, and what a channel itself can say.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from alerts.channels import CHANNELS
from alerts.channels.base import read_secret
from core.config import MqttLinkConfig
from gateway.words import word


def complaints(plan: Any) -> list[str]:
    """One sentence for each thing that is wrong; empty when nothing is."""
    found: list[str] = []
    for channel in plan.channels:
        spec = CHANNELS[channel.type]
        wrong = _files(channel.params)
        if not wrong and spec.check is not None:
            wrong = _said(spec.check, channel.params)
        link = plan.config.links.get(getattr(channel.params, "link", None) or "")
        if isinstance(link, MqttLinkConfig):
            wrong += _link(link)
        found += [word("check.channel").format(name=channel.name, what=what) for what in wrong]
    return found


def _files(params: Any) -> list[str]:
    """What is wrong with the files its options name?"""
    wrong = []
    for option in fields(params) if is_dataclass(params) else ():
        value = getattr(params, option.name)
        if not isinstance(value, Path):
            continue
        if option.name == "ca_file":
            wrong += [] if value.is_file() else [word("check.no_file").format(path=value)]
        elif option.name.endswith("_file"):
            wrong += _said(read_secret, value)
    return wrong


def _link(link: MqttLinkConfig) -> list[str]:
    wrong = _said(read_secret, link.password_file) if link.password_file is not None else []
    if link.ca_file is not None and not link.ca_file.is_file():
        wrong.append(word("check.no_file").format(path=link.ca_file))
    return wrong


def _said(ask: Any, about: Any) -> list[str]:
    try:
        ask(about)
    except (ValueError, OSError) as error:
        return [str(error)]
    return []
