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
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode

from core.clock import Clock
from core.config import MqttLinkConfig
from core.model import Mark, Packet
from ingest import paho_fast
from ingest.canary import Canary, Verdict
from ingest.errors import SourceError
from ingest.mqtt_client import acknowledger, make_client
from ingest.mqtt_intake import Intake
from ingest.topics import needed

MAX_PAYLOAD = 1 << 20
CONNECT_PATIENCE_S = 10
CANARY_EVERY_S, CANARY_PATIENCE_S = 15.0, 22.0  # at most; together below the promised 45 s
FILTERS_A_REQUEST = 100


class MqttSource:
    """One broker as a source of packets. ``channel`` is the topic.

    ``fast`` False leaves reading to the client library. ``tick_s`` is the length of the watch thread's
    second, for tests only. ``persistent`` False: the broker keeps no session (a recording takes what
    comes and leaves nothing behind). ``status_topic``: where ``beat`` is retained and the broker says
    ``lost`` when we are gone.
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
        persistent: bool = True,
        status_topic: str = "",
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
        self._persistent = persistent
        self._status_topic = status_topic
        self._beat = _state("alive")
        every = min(CANARY_EVERY_S, settings.keep_alive_s / 2)
        self._canary = Canary(every, min(CANARY_PATIENCE_S, settings.keep_alive_s * 0.7))
        self._intake = Intake(link, clock, self._ping_topic, self._came_back, max_payload)
        self._lock = self._intake.lock
        self._network: threading.Thread | None = None
        self._watch: threading.Thread | None = None
        self._stop = threading.Event()
        self._up: bool | None = None  # None: nothing told yet
        self._since = clock.now()
        self._reason = "not started"
        self._drop_reason = ""
        self._connecting_ticks = 0
        self._ever_up = False
        self._refused_filters: list[str] = []
        self._counts = dict.fromkeys(
            ("connects", "drops", "rebuilds", "sessions_lost", "asked_again", "sent", "send_dropped"), 0
        )

    # -- the contract

    def start(self, put: Callable[[Packet], object]) -> None:
        """Begin. If ``put`` answers False the packet was not taken.

        Raises SourceError for a password or certificate file that cannot be used.
        """
        if self._client is not None:
            raise SourceError(f"link {self.link} is started already")
        client = self._build()
        self._intake.put, self._intake.current = put, client
        self._watch = threading.Thread(target=self._watching, name=f"watch-{self.link}", daemon=True)
        client.loop_start()
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
            self._intake.refuse("send_topic_not_allowed")
            return
        key = "sent" if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else "send_dropped"
        self._counts[key] += 1

    def beat(self, payload: bytes) -> None:
        """Show on the status topic that we live; repeated by itself after each connect."""
        self._beat = payload
        client = self._client
        if client is not None and self._up and self._status_topic:
            client.publish(self._status_topic, payload, qos=1, retain=True)

    def follow(self, topics: Sequence[str]) -> None:
        """Listen to these topics from now on; what is no longer wanted ends with the next connection."""
        fresh = needed(topics)
        with self._lock:
            new = [f for f in fresh if f not in self._filters]
            self._filters = fresh
            client = self._client if self._up else None
        if client is not None and new:
            for at in range(0, len(new), FILTERS_A_REQUEST):
                client.subscribe([(f, 1) for f in new[at : at + FILTERS_A_REQUEST]])

    def settle(self, count: int) -> None:
        """Acknowledge the QoS 1 messages among the oldest ``count`` packets put and not settled yet."""
        with self._lock:
            self._intake.book.settle(count)

    def status(self) -> Mapping[str, Any]:
        """Is it up, since when (event time, ns), why not, and its counters; as JSON."""
        with self._lock:
            return {
                "link": self.link,
                "type": "mqtt",
                "where": f"{self.settings.host}:{self.settings.port}",
                "up": bool(self._up),
                "since": self._since,
                "reason": self._reason,
                "batched": self._fast,
                "refused_filters": list(self._refused_filters),
                "callback_errors": self._intake.errors,
                "canary": {
                    "proven": self._canary.proven,
                    "missed": self._canary.missed,
                    "unwanted": self._canary.unwanted,
                },
                **self._intake.counts(),
                **self._counts,
            }

    def close(self) -> None:
        """Say goodbye and stop both threads, within seconds. The session stays at the broker."""
        self._stop.set()
        with self._lock:
            client, self._intake.current = self._client, None
            self._intake.book.closed()
            self._intake.put = None
        watch = self._watch
        if watch is not None and watch is not threading.current_thread():
            watch.join(5)
        if client is not None:
            if self._up and self._status_topic:  # before the goodbye, which would take the will with it
                goodbye = client.publish(self._status_topic, _state("stopped"), qos=1, retain=True)
                with contextlib.suppress(ValueError, RuntimeError):
                    goodbye.wait_for_publish(1.0)
            client.disconnect()
            # loop_stop waits for the network thread without limit; a connect may be under way in it
            stopper = threading.Thread(target=client.loop_stop, daemon=True)
            stopper.start()
            stopper.join(5)

    # -- callbacks, in the client's network thread; none may raise

    @property
    def _client(self) -> paho.Client | None:
        return self._intake.current

    def _build(self) -> paho.Client:
        settings = self.settings
        will = (self._status_topic, _state("lost")) if self._status_topic else None
        client = make_client(
            self.link, settings, self._client_id, self._intake, self._max_payload, self._fast,
            self._persistent, will,
        )  # fmt: skip
        client.on_pre_connect = self._on_pre_connect
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.connect_async(settings.host, settings.port, settings.keep_alive_s)
        return client

    def _came_back(self, payload: bytes) -> bool:
        nonce, _, number = payload.partition(b" ")
        if nonce != self._ping_nonce.encode() or not number.isdigit():
            return False
        self._canary.came_back(int(number))
        return True

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
                self._intake.book.closed()

    def _on_connect(
        self, client: paho.Client, _userdata: Any, flags: Any, reason_code: Any, _properties: Any
    ) -> None:
        try:
            if reason_code.is_failure:
                advice = "; check username, password_file and the broker's access list"
                self._go_down(client, f"the broker refused us: {reason_code}{advice}")
                return
            self._subscribe(client)
            if self._status_topic:  # the broker may have said "lost"
                client.publish(self._status_topic, self._beat, qos=1, retain=True)
            with self._lock:
                if client is self._client:
                    self._greeted(client, bool(flags.session_present))
        except Exception:
            self._intake.errors += 1

    def _greeted(self, client: paho.Client, resumed: bool) -> None:
        """The broker took us in, with or without our old session."""
        self._counts["connects"] += 1
        self._drop_reason = ""
        self._intake.connected(acknowledger(client))
        self._canary.connected()
        self._tell(True, "session resumed" if resumed else "new session")
        if not resumed:
            self._intake.book.forget()
            if self._ever_up:
                self._counts["sessions_lost"] += 1
                self._intake.mark(Mark.LOST, "the broker forgot our session; messages may be missing")
        self._ever_up = True

    def _subscribe(self, client: paho.Client) -> None:
        # always, also in a resumed session: filters may have changed, and it brings retained states
        asked: list[tuple[str, int]] = [(self._ping_topic, 0), *((f, 1) for f in self._filters)]
        with self._lock:
            self._refused_filters = []
        for at in range(0, len(asked), FILTERS_A_REQUEST):
            client.subscribe(asked[at : at + FILTERS_A_REQUEST])

    def _on_subscribe(
        self, client: paho.Client, _userdata: Any, _mid: int, codes: Any, _properties: Any
    ) -> None:
        refused = sum(1 for code in codes if code.is_failure)
        if refused:
            with self._lock:
                self._refused_filters.append(f"{refused} of {len(codes)} topic filters")
                self._intake.refuse("subscription")

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
            if client is self._client:
                self._canary.disconnected()
                self._tell(False, reason)

    def _tell(self, up: bool, reason: str) -> None:
        """Note the state; a packet only when it changed, so that an outage is told once."""
        self._reason = reason
        if up == self._up:
            return
        self._up = up
        self._since = self._clock.now()
        self._intake.mark(Mark.UP if up else Mark.DOWN, reason)

    # -- the watch thread

    def _watching(self) -> None:
        while not self._stop.wait(self._tick_s):
            try:
                self._look()
            except Exception:
                self._intake.errors += 1

    def _look(self) -> None:
        with self._lock:
            client, network = self._client, self._network
            if client is None:
                return
            dead = network is not None and not network.is_alive()
            verdict, stuck, ask = Verdict.NOTHING, False, False
            if self._up:
                verdict = self._canary.tick(self._intake.received)
                ask = self._intake.wants_repeat
            else:
                self._connecting_ticks += 1
                stuck = self._connecting_ticks >= CONNECT_PATIENCE_S
            number = self._canary.number
        if dead:
            self._rebuild(client)
        elif verdict is Verdict.SEND:
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
            self._intake.book.closed()
            self._counts["rebuilds"] += 1
            self._canary.disconnected()
            self._tell(False, "the client's network thread had died; started anew")
            self._intake.current, self._network = fresh, None
            self._connecting_ticks = 0
        sock = dead.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()
        fresh.loop_start()


def _state(word: str) -> bytes:
    return b'{"state":"' + word.encode() + b'"}'
