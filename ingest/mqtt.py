"""How do messages come from an MQTT broker, without losing one that was promised to us?

MQTT 3.1.1 on purpose: every broker speaks it (the embedded demo broker speaks nothing else), and the
client spends less on each message than with version 5, whose properties it would parse every time.

* persistent session under a fixed client id; subscriptions at QoS 1;
* a QoS 1 message is acknowledged only when the gateway says it is durable (``settle``);
* messages are read in batches where the client library allows it (``ingest/paho_fast.py``);
* what the inbox refuses at QoS 1 stays unacknowledged, and once there is room again a reconnect makes
  the broker repeat it, in order: memory stays bounded and nothing is lost;
* the client's network thread dies silently if anything raises in it, so every callback guards itself
  and a watch thread looks after the network thread, the connection and a canary message.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from core.clock import Clock
from core.config import MqttLinkConfig
from core.model import Mark, Packet
from ingest import paho_fast
from ingest.canary import Canary, Verdict
from ingest.errors import SourceError
from ingest.mqtt_frames import Frame
from ingest.paho_fast import FastClient
from ingest.settlement import Settlement
from ingest.topics import needed

MAX_PAYLOAD = 1 << 20
RECONNECT_MAX_S = 15  # found again at most this long (plus one connect) after the broker is back
CONNECT_PATIENCE_S = 10
CANARY_EVERY_S, CANARY_PATIENCE_S = 15.0, 22.0  # at most; together below the promised 45 s
QUEUE_OUT = 1000
FILTERS_A_REQUEST = 100
NAMES_KEPT = 4096


class MqttSource:
    """One broker as a source of packets. ``channel`` is the topic.

    ``tick_s`` is the length of the watch thread's second, for tests only.
    """

    def __init__(
        self,
        link: str,
        settings: MqttLinkConfig,
        topics: Sequence[str],
        clock: Clock,
        client_id: str,
        *,
        max_payload: int = MAX_PAYLOAD,
        tick_s: float = 1.0,
        fast: bool = paho_fast.USABLE,
    ) -> None:
        self.link = link
        self.settings = settings
        self._filters = needed(topics)
        self._clock = clock
        self._client_id = client_id
        self._ping_topic = f"hearthwatch/ping/{client_id}"
        self._ping_nonce = os.urandom(4).hex()  # two gateways with one id do not answer for each other
        self._max_payload = max_payload
        self._tick_s = tick_s
        self._fast = fast
        self._names: dict[bytes, str] = {}  # topics seen, decoded
        every = min(CANARY_EVERY_S, settings.keep_alive_s / 2)
        self._canary = Canary(every, min(CANARY_PATIENCE_S, settings.keep_alive_s * 0.7))
        self._lock = threading.RLock()  # a callback may run inside a call of ours
        self._book = Settlement()
        self._put: Callable[[Packet], object] | None = None
        self._client: paho.Client | None = None
        self._network: threading.Thread | None = None
        self._watch: threading.Thread | None = None
        self._stop = threading.Event()
        self._up: bool | None = None  # None: nothing told yet
        self._since = clock.now()
        self._reason = "not started"
        self._drop_reason = ""
        self._connecting_ticks = 0
        self._ever_up = False
        self._ask_again = False  # a QoS 1 message was refused: the broker must repeat from there
        self._backlog = 0  # packets not settled when that happened
        self._refused_filters: list[str] = []
        self._received = 0
        self._bytes = 0
        self._counts = dict.fromkeys(
            ("known_again", "connects", "drops", "rebuilds", "sessions_lost", "asked_again",
             "callback_errors", "sent", "send_dropped"), 0,
        )  # fmt: skip
        self._refused: dict[str, int] = {}

    # -- the contract

    def start(self, put: Callable[[Packet], object]) -> None:
        """Begin. If ``put`` answers False the packet was not taken.

        Raises SourceError for a password or certificate file that cannot be used.
        """
        if self._client is not None:
            raise SourceError(f"link {self.link} is started already")
        self._put = put
        self._client = self._build()
        self._watch = threading.Thread(target=self._watching, name=f"watch-{self.link}", daemon=True)
        self._client.loop_start()
        self._watch.start()

    def send(self, packet: Packet) -> None:
        """Publish at QoS 1, not retained; dropped and counted while the broker is away."""
        client = self._client
        if client is None or not self._up:
            self._counts["send_dropped"] += 1
            return
        try:
            info = client.publish(packet.channel, packet.data, qos=1)
        except (ValueError, TypeError):
            self._refuse("send_topic_not_allowed")
            return
        key = "sent" if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else "send_dropped"
        self._counts[key] += 1

    def settle(self, count: int) -> None:
        """Acknowledge the QoS 1 messages among the oldest ``count`` packets put and not settled yet."""
        with self._lock:
            self._book.settle(count)

    def status(self) -> Mapping[str, Any]:
        """Is it up, since when (event time, ns), why not, and its counters; as JSON."""
        with self._lock:
            return {
                "link": self.link,
                "type": "mqtt",
                "where": self._where,
                "up": bool(self._up),
                "since": self._since,
                "reason": self._reason,
                "received": self._received,
                "bytes": self._bytes,
                "handed": self._book.handed,
                "unsettled": self._book.handed - self._book.settled,
                "unacknowledged": self._book.outstanding,
                "refused": dict(self._refused),
                "refused_filters": list(self._refused_filters),
                "canary": {
                    "proven": self._canary.proven,
                    "missed": self._canary.missed,
                    "unwanted": self._canary.unwanted,
                },
                **self._counts,
            }

    def close(self) -> None:
        """Say goodbye and stop both threads, within seconds. The session stays at the broker."""
        self._stop.set()
        with self._lock:
            client, self._client = self._client, None
            self._book.closed()
            self._put = None
        watch = self._watch
        if watch is not None and watch is not threading.current_thread():
            watch.join(5)
        if client is not None:
            client.disconnect()
            # loop_stop waits for the network thread without limit; a connect may be under way in it
            stopper = threading.Thread(target=client.loop_stop, daemon=True)
            stopper.start()
            stopper.join(5)

    # -- building the client

    @property
    def _where(self) -> str:
        return f"{self.settings.host}:{self.settings.port}"

    def _build(self) -> paho.Client:
        settings = self.settings
        more: dict[str, Any] = {
            "client_id": self._client_id,
            "clean_session": False,
            "protocol": MQTTProtocolVersion.MQTTv311,
            "manual_ack": True,
        }
        client: paho.Client
        if self._fast:
            client = FastClient(
                CallbackAPIVersion.VERSION2,
                on_frames=self._on_frames,
                max_payload=self._max_payload,
                **more,
            )
        else:
            client = paho.Client(CallbackAPIVersion.VERSION2, **more)
        if settings.username is not None:
            client.username_pw_set(settings.username, self._password())
        if settings.tls:
            client.tls_set_context(self._tls())
        client.max_queued_messages_set(QUEUE_OUT)
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.connect_timeout = 5.0
        client.on_pre_connect = self._on_pre_connect
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_async(settings.host, settings.port, settings.keep_alive_s)
        return client

    def _password(self) -> str | None:
        path = self.settings.password_file
        if path is None:
            return None
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(
                f"link {self.link}: password_file {path} cannot be read ({error}); "
                "write the broker password into it, readable by this user only"
            ) from None

    def _tls(self) -> ssl.SSLContext:
        try:
            ca = self.settings.ca_file
            context = ssl.create_default_context(cafile=str(ca) if ca else None)
        except (OSError, ssl.SSLError) as error:
            raise SourceError(
                f"link {self.link}: ca_file {self.settings.ca_file} cannot be used ({error}); "
                "name the PEM file of the authority that signed the broker's certificate"
            ) from None
        if self.settings.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    # -- callbacks, in the client's network thread; none may raise

    def _on_frames(self, client: paho.Client, frames: Sequence[Frame]) -> None:
        """Messages that came together, from the fast client."""
        at = self._clock.now()
        names = self._names
        with self._lock:
            if self._put is None or client is not self._client:
                return
            for first, name, payload, mid in frames:
                try:
                    self._received += 1
                    topic = names.get(name)
                    if topic is None:
                        topic = self._name(name)
                    if payload is None or topic is None:
                        self._turn_down("topic_not_utf8" if topic is None else "payload_too_large", mid)
                    else:
                        self._take(topic, payload, at, mid, first)
                except Exception:
                    self._counts["callback_errors"] += 1

    def _on_message(self, client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        """One message, from the library's own reading."""
        try:
            at = self._clock.now()
            mid = message.mid if message.qos == 1 else 0
            flags = (8 if message.dup else 0) | (1 if message.retain else 0)
            with self._lock:
                if self._put is None or client is not self._client:
                    return
                self._received += 1
                try:
                    topic = message.topic
                except UnicodeDecodeError:
                    self._turn_down("topic_not_utf8", mid)
                    return
                if len(message.payload) > self._max_payload:
                    self._turn_down("payload_too_large", mid)
                    return
                self._take(topic, bytes(message.payload), at, mid, flags)
        except Exception:
            self._counts["callback_errors"] += 1

    def _name(self, raw: bytes) -> str | None:
        try:
            topic = raw.decode()
        except UnicodeDecodeError:
            return None
        if len(self._names) >= NAMES_KEPT:
            self._names.clear()
        self._names[raw] = topic
        return topic

    def _take(self, topic: str, payload: bytes, at: int, mid: int, flags: int) -> None:
        """Hand one message on, with the lock held. ``mid`` is 0 at QoS 0; flags as on the wire."""
        if topic == self._ping_topic:
            self._on_canary(payload)
            return
        put, book = self._put, self._book
        assert put is not None
        self._bytes += len(payload)
        packet = Packet(self.link, topic, at, payload, Mark.RETAINED if flags & 1 else Mark.DATA)
        if not mid:
            if put(packet) is not False:
                book.handed += 1
            return
        if flags & 8 and book.again(mid, topic, payload):
            self._counts["known_again"] += 1
            return
        # after one refusal everything later must wait too, or states would arrive in wrong order
        if self._ask_again or put(packet) is False:
            if not self._ask_again:
                self._ask_again = True
                self._backlog = book.handed - book.settled
            self._refuse("inbox_full")
            return
        book.owe(mid, topic, payload)

    def _turn_down(self, reason: str, mid: int) -> None:
        """Refuse for good; at QoS 1 it is acknowledged in its turn, or it would come for ever."""
        self._refuse(reason)
        if mid:
            self._book.excuse(mid)

    def _refuse(self, reason: str) -> None:
        self._refused[reason] = self._refused.get(reason, 0) + 1

    def _on_canary(self, payload: bytes) -> None:
        nonce, _, number = payload.partition(b" ")
        if nonce != self._ping_nonce.encode() or not number.isdigit():
            self._refuse("canary_of_somebody_else")
            return
        self._canary.came_back(int(number))

    def _on_pre_connect(self, client: paho.Client, _userdata: Any) -> None:
        with self._lock:
            if client is self._client:
                self._network = threading.current_thread()

    def _on_socket_open(self, client: paho.Client, _userdata: Any, sock: Any) -> None:
        with self._lock:
            self._connecting_ticks = 0
        with contextlib.suppress(OSError, AttributeError):
            # without it an answer behind an acknowledgement waits up to 40 ms
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_socket_close(self, client: paho.Client, _userdata: Any, _sock: Any) -> None:
        # the earliest sign of an end: from here on no number of this connection may be acknowledged
        with self._lock:
            if client is self._client:
                self._book.closed()

    def _on_connect(
        self, client: paho.Client, _userdata: Any, flags: Any, reason_code: Any, _properties: Any
    ) -> None:
        try:
            if reason_code.is_failure:
                advice = "; check username, password_file and the broker's access list"
                self._go_down(client, f"the broker refused us: {reason_code}{advice}")
                return
            self._subscribe(client)
            with self._lock:
                if client is not self._client:
                    return
                self._counts["connects"] += 1
                self._book.opened(_acknowledger(client))
                self._ask_again, self._drop_reason = False, ""
                self._canary.connected()
                resumed = bool(flags.session_present)
                self._tell(True, "session resumed" if resumed else "new session")
                if not resumed:
                    self._book.forget()
                    if self._ever_up:
                        self._counts["sessions_lost"] += 1
                        self._mark(Mark.LOST, "the broker forgot our session; messages may be missing")
                self._ever_up = True
        except Exception:
            self._counts["callback_errors"] += 1

    def _subscribe(self, client: paho.Client) -> None:
        # always, also in a resumed session: filters may have changed, and it brings retained states
        asked: list[tuple[str, int]] = [(self._ping_topic, 0), *((f, 1) for f in self._filters)]
        with self._lock:
            self._refused_filters = []
        for at in range(0, len(asked), FILTERS_A_REQUEST):
            part = asked[at : at + FILTERS_A_REQUEST]
            client.subscribe(part)

    def _on_subscribe(
        self, client: paho.Client, _userdata: Any, _mid: int, codes: Any, _properties: Any
    ) -> None:
        refused = sum(1 for code in codes if code.is_failure)
        if refused:
            with self._lock:
                self._refused_filters.append(f"{refused} of {len(codes)} topic filters")
                self._refuse("subscription")

    def _on_connect_fail(self, client: paho.Client, _userdata: Any) -> None:
        error = sys.exc_info()[1]  # the client calls this while it handles the error
        self._go_down(client, f"cannot reach the broker: {error}" if error else "cannot reach the broker")

    def _on_disconnect(
        self, client: paho.Client, _userdata: Any, _flags: Any, reason_code: Any, _properties: Any
    ) -> None:
        with self._lock:
            reason, self._drop_reason = self._drop_reason or f"connection lost: {reason_code}", ""
        self._go_down(client, reason)

    # -- telling the pipeline

    def _go_down(self, client: paho.Client, reason: str) -> None:
        with self._lock:
            if client is not self._client:
                return
            self._canary.disconnected()
            self._tell(False, reason)

    def _tell(self, up: bool, reason: str) -> None:
        """Note the state; a packet only when it changed, so that an outage is told once."""
        self._reason = reason
        if up == self._up:
            return
        self._up = up
        self._since = self._clock.now()
        self._mark(Mark.UP if up else Mark.DOWN, reason)

    def _mark(self, mark: Mark, text: str) -> None:
        if self._put is not None:
            packet = Packet(self.link, "", self._clock.now(), text.encode(), mark)
            if self._put(packet) is not False:
                self._book.handed += 1

    # -- the watch thread

    def _watching(self) -> None:
        while not self._stop.wait(self._tick_s):
            try:
                self._look()
            except Exception:
                self._counts["callback_errors"] += 1

    def _look(self) -> None:
        with self._lock:
            client, network = self._client, self._network
            if client is None:
                return
            dead = network is not None and not network.is_alive()
        if dead:
            self._rebuild(client)
            return
        with self._lock:
            if not self._up:
                self._connecting_ticks += 1
                stuck = self._connecting_ticks >= CONNECT_PATIENCE_S
                verdict = Verdict.NOTHING
            else:
                stuck = False
                verdict = self._canary.tick(self._received)
            book = self._book
            room = book.outstanding == 0 and 2 * (book.handed - book.settled) <= self._backlog
            ask = bool(self._up) and self._ask_again and room
            number = self._canary.number
        if verdict is Verdict.SEND:
            client.publish(self._ping_topic, f"{self._ping_nonce} {number}".encode(), qos=0)
        elif verdict is Verdict.DEAD:
            self._drop(client, "half-open connection: our own message did not come back")
        elif ask:
            self._counts["asked_again"] += 1
            self._drop(client, "reconnecting to be sent again what there was no room for")
        elif stuck:
            self._connecting_ticks = 0
            self._drop(client, "the broker accepted the connection but did not answer")

    def _drop(self, client: paho.Client, reason: str) -> None:
        """Break the connection under the client, so that its own thread cleans up and reconnects."""
        sock: Any = client.socket()
        if sock is None:
            return
        with self._lock:
            self._drop_reason = reason
            self._counts["drops"] += 1
        with contextlib.suppress(OSError):
            # not sock.shutdown(): of a TLS socket that would pull the state from under the reader
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _rebuild(self, dead: paho.Client) -> None:
        """The network thread is gone: replace the client; the session and the book go on."""
        fresh = self._build()
        with self._lock:
            if self._client is not dead:
                return
            self._book.closed()
            self._counts["rebuilds"] += 1
            self._canary.disconnected()
            self._tell(False, "the client's network thread had died; started anew")
            self._client, self._network = fresh, None
            self._connecting_ticks = 0
        sock = dead.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()
        fresh.loop_start()


def _acknowledger(client: paho.Client) -> Callable[[list[int]], object]:
    """How is this client told to acknowledge?"""
    if isinstance(client, FastClient):
        return client.acknowledge

    def one_by_one(mids: list[int]) -> None:
        for mid in mids:
            client.ack(mid, 1)

    return one_by_one
