"""Which ways out are there? One file per channel, one line here."""

from __future__ import annotations

from alerts.channels import (
    apprise,
    bark,
    dingtalk,
    email,
    feishu,
    home_assistant,
    in_home,
    log,
    mqtt,
    serverchan,
    sia_dc09,
    webhook,
    wecom,
)  # fmt: skip
from alerts.channels.base import ChannelContext, ChannelSpec

CHANNELS: dict[str, ChannelSpec] = {
    spec.name: spec
    for spec in (
        # one line per channel
        log.SPEC,
        mqtt.SPEC,
        home_assistant.SPEC,
        in_home.SPEC,
        webhook.SPEC,
        wecom.SPEC,
        dingtalk.SPEC,
        feishu.SPEC,
        serverchan.SPEC,
        bark.SPEC,
        sia_dc09.SPEC,
        email.SPEC,
        apprise.SPEC,
    )
}

__all__ = ["CHANNELS", "ChannelContext", "ChannelSpec"]
