"""How is the client library set up for a link: version, session, password, TLS, patience?"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from core.config import MqttLinkConfig
from ingest.errors import SourceError
from ingest.mqtt_intake import Intake
from ingest.paho_fast import FastClient

RECONNECT_FIRST_S = 1  # then doubled
RECONNECT_MAX_S = 15  # found again at most this long (plus one connect) after the broker is back
CONNECT_TIMEOUT_S = 5.0
QUEUE_OUT = 1000


def make_client(
    link: str,
    settings: MqttLinkConfig,
    client_id: str,
    intake: Intake,
    max_payload: int,
    fast: bool,
    persistent: bool = True,
    will: tuple[str, bytes] | None = None,
) -> paho.Client:
    """A client that is not connected yet, its messages led to ``intake``. Raises SourceError.

    ``persistent`` False: the broker keeps nothing for it once it is gone. ``will`` (topic, payload) is
    what the broker says, retained, when we are lost.
    """
    more: dict[str, Any] = {
        "client_id": client_id,
        "clean_session": not persistent,
        "protocol": MQTTProtocolVersion.MQTTv311,
        "manual_ack": True,
    }
    client: paho.Client
    if fast:
        client = FastClient(
            CallbackAPIVersion.VERSION2, on_frames=intake.frames, max_payload=max_payload, **more
        )
    else:
        client = paho.Client(CallbackAPIVersion.VERSION2, **more)
    if will is not None:
        client.will_set(will[0], will[1], qos=1, retain=True)
    if settings.username is not None:
        client.username_pw_set(settings.username, password(link, settings))
    if settings.tls:
        client.tls_set_context(tls_context(link, settings))
    client.max_queued_messages_set(QUEUE_OUT)
    client.reconnect_delay_set(RECONNECT_FIRST_S, RECONNECT_MAX_S)
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.on_message = intake.message
    return client


def acknowledger(client: paho.Client) -> Callable[[list[int]], object]:
    """How is this client told to acknowledge messages of QoS 1?"""
    if isinstance(client, FastClient):
        return client.acknowledge

    def one_by_one(mids: list[int]) -> None:
        for mid in mids:
            client.ack(mid, 1)

    return one_by_one


def password(link: str, settings: MqttLinkConfig) -> str | None:
    """The link's password, from its file; None where none is set. Raises SourceError."""
    path = settings.password_file
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"link {link}: password_file {path} cannot be read ({error}); "
            "write the broker password into it, readable by this user only"
        ) from None


def tls_context(link: str, settings: MqttLinkConfig) -> ssl.SSLContext:
    """How the broker's certificate is checked. Raises SourceError for a file that is no use."""
    try:
        ca = settings.ca_file
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(
            f"link {link}: ca_file {settings.ca_file} cannot be used ({error}); "
            "name the PEM file of the authority that signed the broker's certificate"
        ) from None
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
