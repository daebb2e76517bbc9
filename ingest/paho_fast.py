"""How is the client library made to read many messages at once?

paho-mqtt keeps everything else: connecting, keep-alive, subscriptions, publishing, the thread. Only its
reading step is replaced, and acknowledgements are sent together. This needs a few of its internal names;
where a version lacks one, :data:`USABLE` is False and the library reads for itself as usual.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode

from ingest.mqtt_frames import Frame, Frames, Malformed

CHUNK = 1 << 16

_NEEDED = ("_sock_recv", "_packet_handle", "_packet_queue", "_loop_rc_handle", "loop_read")
USABLE = all(hasattr(paho.Client, name) for name in _NEEDED) and hasattr(paho, "time_func")

Handler = Callable[["FastClient", Sequence[Frame]], None]


class FastClient(paho.Client):
    """A paho client that hands messages over in batches. MQTT 3.1.1 only.

    ``on_frames`` gets the messages (QoS 0 and 1) that one read brought, in order; it must not raise.
    QoS 2, which nobody subscribes to here, still comes through ``on_message``.
    """

    def __init__(self, *args: Any, on_frames: Handler, max_payload: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self._on_frames = on_frames
        self._max_payload = max_payload
        self._frames = Frames(max_payload)
        self._read_from: Any = None

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read what has come, and handle every packet in it."""
        sock = self._sock
        if sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        if sock is not self._read_from:  # a new connection: nothing of the old one may be joined to it
            self._frames, self._read_from = Frames(self._max_payload), sock
        try:
            chunk = self._sock_recv(CHUNK)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        if not chunk:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = paho.time_func()
        try:
            frames = self._frames.feed(chunk)
        except Malformed:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        return self._handle(sock, frames)

    def _handle(self, sock: Any, frames: list[Frame]) -> MQTTErrorCode:
        first = 0
        for at, frame in enumerate(frames):
            if frame.mid >= 0:
                continue
            if at > first:
                self._on_frames(self, frames[first:at])
            first = at + 1
            result = self._other(frame)
            if result > 0:
                return self._loop_rc_handle(result)
            if self._sock is not sock:  # closed or replaced while it was handled
                return MQTTErrorCode.MQTT_ERR_SUCCESS
        if first < len(frames):
            self._on_frames(self, frames[first:] if first else frames)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _other(self, frame: Frame) -> MQTTErrorCode:
        """Let the library handle a packet that is no message."""
        self._in_packet = {
            "command": frame.first,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(frame.body),
            "packet": bytearray(frame.body),
            "to_process": 0,
            "pos": 0,
        }
        try:
            return self._packet_handle()
        except Exception:  # bytes the library cannot take apart; a raise would end its thread
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def acknowledge(self, mids: Iterable[int]) -> None:
        """Acknowledge these messages of QoS 1, in this order, in one write."""
        packets = [struct.pack("!BBH", 0x40, 2, mid) for mid in mids]
        if packets:
            self._packet_queue(paho.PUBACK, b"".join(packets), 0, 1)
