"""Does the MQTT source keep its promises on a real broker?"""

from __future__ import annotations

import random
import shutil
import subprocess
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from core.clock import SystemClock
from core.config import MqttLinkConfig
from core.model import Mark, Packet
from ingest.canary import MAX_STRIKES
from ingest.errors import SourceError
from ingest.mqtt import MqttSource
from ingest.mqtt_client import CONNECT_TIMEOUT_S, RECONNECT_MAX_S
from ingest.mqtt_frames import Frame
from tests.broker import Broker, Listener, free_port, publish, wait_for


def numbered(count: int, start: int = 0, topic: str = "home/door") -> list[tuple[str, bytes]]:
    return [(topic, b"%d" % n) for n in range(start, start + count)]


def acknowledged(source: MqttSource, broker: Broker) -> None:
    """Wait until what was settled has reached the broker: a later message has made the round trip."""
    with Listener(broker, "echo") as listener:
        source.send(Packet("broker", "echo", 0, b"x"))
        wait_for(lambda: listener.messages)


both_readers = pytest.mark.parametrize("fast", [True, False], ids=["batched", "library"])


@both_readers
def test_messages_arrive_with_topic_payload_and_retained_mark(broker, gathered, source_on, fast):
    publish(broker, [("home/old", b"kept")], retain=True)
    source = source_on(broker.port, fast=fast)
    source.start(gathered)
    wait_for(lambda: gathered.data())
    publish(broker, [("home/门/前", "开".encode()), ("home/raw", b"\x00\xff"), ("other/x", b"no")])
    wait_for(lambda: len(gathered.data()) == 3)
    assert gathered.data() == [
        ("home/old", b"kept"),
        ("home/门/前", "开".encode()),
        ("home/raw", b"\x00\xff"),
    ]
    by_topic = {p.channel: p.mark for p in gathered.packets}
    assert by_topic["home/old"] is Mark.RETAINED
    assert by_topic["home/raw"] is Mark.DATA
    assert gathered.packets[0].mark is Mark.UP
    assert gathered.packets[0].data == b"new session"
    assert all(a.at <= b.at for a, b in zip(gathered.packets, gathered.packets[1:], strict=False))
    assert source.status()["up"] is True
    assert source.status()["callback_errors"] == 0


def test_unsettled_messages_come_again_in_a_later_life_and_settled_ones_do_not(
    mosquitto, gathered, source_on
):
    first = source_on(mosquitto.port)
    first.start(gathered)
    wait_for(gathered.up)
    publish(mosquitto, numbered(30))
    wait_for(lambda: len(gathered.data()) == 30)
    ups = len(gathered.marks())
    first.settle(ups + 12)
    acknowledged(first, mosquitto)
    first.close()
    later = type(gathered)()
    second = source_on(mosquitto.port)
    second.start(later)
    wait_for(lambda: len(later.data()) >= 18)
    assert later.payloads() == [b"%d" % n for n in range(12, 30)]
    assert later.packets[0].data == b"session resumed"


@both_readers
def test_a_dropped_connection_does_not_hand_the_same_message_on_twice(mosquitto, gathered, source_on, fast):
    source = source_on(mosquitto.port, fast=fast)
    source.start(gathered)
    wait_for(gathered.up)
    publish(mosquitto, numbered(20))
    wait_for(lambda: len(gathered.data()) == 20)
    source._drop(source._client, "test")
    wait_for(lambda: gathered.marks().count(Mark.UP) == 2)
    publish(mosquitto, numbered(1, start=20))
    wait_for(lambda: len(gathered.data()) >= 21)
    assert gathered.payloads() == [b"%d" % n for n in range(21)]
    assert source.status()["known_again"] == 20
    # all can be settled now, and the broker has nothing left to repeat
    source.settle(len(gathered.packets))
    assert source.status()["unacknowledged"] == 0
    acknowledged(source, mosquitto)
    source._drop(source._client, "test")
    wait_for(lambda: gathered.marks().count(Mark.UP) == 3)
    publish(mosquitto, numbered(1, start=21))
    wait_for(lambda: len(gathered.data()) >= 22)
    assert gathered.payloads()[-1] == b"21"
    assert len(gathered.payloads()) == 22


def test_qos_1_refused_by_a_full_inbox_comes_later_in_order_and_qos_0_is_shed(mosquitto, gathered, source_on):
    source = source_on(mosquitto.port, tick_s=0.02)
    source.start(gathered)
    wait_for(gathered.up)
    gathered.full = True
    publish(mosquitto, numbered(5), qos=1)
    publish(mosquitto, [("home/t", b"lost")], qos=0)
    wait_for(lambda: source.status()["received"] >= 6)
    assert gathered.data() == []
    gathered.full = False
    source.settle(len(gathered.packets))
    wait_for(lambda: len(gathered.data()) >= 5)
    assert gathered.payloads() == [b"%d" % n for n in range(5)]
    assert source.status()["asked_again"] >= 1
    assert source.status()["refused"]["inbox_full"] >= 5


@both_readers
def test_too_large_payloads_are_refused_by_name_and_do_not_block_the_session(
    mosquitto, gathered, source_on, fast
):
    source = source_on(mosquitto.port, max_payload=1000, fast=fast)
    source.start(gathered)
    wait_for(gathered.up)
    huge = [("home/big", b"x" * 1001), ("home/huge", b"x" * 10_000_000), ("home/ok", b"x" * 1000)]
    publish(mosquitto, huge)
    wait_for(lambda: gathered.data())
    assert gathered.data() == [("home/ok", b"x" * 1000)]
    assert source.status()["refused"] == {"payload_too_large": 2}
    source.settle(len(gathered.packets))
    assert source.status()["unacknowledged"] == 0


def test_sends_while_connected_and_counts_what_it_drops(broker, gathered, source_on):
    source = source_on(broker.port)
    source.send(Packet("broker", "cmd", 0, b"early"))
    with Listener(broker, "cmd") as listener:
        source.start(gathered)
        wait_for(gathered.up)
        source.send(Packet("broker", "cmd", 0, b"now"))
        source.send(Packet("broker", "not/+/allowed", 0, b"now"))
        wait_for(lambda: listener.messages)
        assert [m[1] for m in listener.messages] == [b"now"]
    counts = source.status()
    assert (counts["sent"], counts["send_dropped"]) == (1, 1)
    assert counts["refused"] == {"send_topic_not_allowed": 1}


def test_a_callback_that_raises_is_counted_and_the_next_message_arrives(broker, gathered, source_on):
    source = source_on(broker.port)
    failing = threading.Event()

    def put(packet: Packet) -> bool:
        if packet.data == b"bad":
            failing.set()
            raise RuntimeError("injected")
        return gathered(packet)

    source.start(put)
    wait_for(gathered.up)
    publish(broker, [("home/a", b"bad"), ("home/a", b"good")])
    wait_for(lambda: gathered.data())
    assert failing.is_set()
    assert gathered.payloads() == [b"good"]
    assert source.status()["callback_errors"] == 1
    assert source.status()["up"] is True


def test_closing_is_quick_quiet_and_may_be_repeated(broker, gathered, source_on):
    source = source_on(broker.port)
    source.start(gathered)
    wait_for(gathered.up)
    source.close()
    source.close()
    before = len(gathered.packets)
    publish(broker, [("home/a", b"late")])
    assert len(gathered.packets) == before
    assert not [t for t in threading.enumerate() if "broker" in t.name or "hearthwatch-test" in t.name]
    source.settle(0)


def test_f19_a_topic_that_is_no_text_is_refused_by_name_and_acknowledged(gathered, source_on):
    """Mosquitto does not let such a topic pass; another broker might."""
    source = source_on(1)
    client = object()
    source._intake.put, source._intake.current = gathered, client
    acknowledged: list[int] = []
    source._intake.connected(acknowledged.extend)
    frames = [
        Frame(0x32, b"home/\xff", b"x", 5),
        Frame(0x32, b"home/a", b"y", 6),
        Frame(0x30, b"\xc0", b"", 0),
    ]
    source._intake.frames(client, frames)
    assert gathered.data() == [("home/a", b"y")]
    assert source.status()["refused"] == {"topic_not_utf8": 2}
    source.settle(1)
    assert acknowledged == [5, 6]
    source._intake.current = None


@pytest.fixture
def tls_broker(tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    folder = tmp_path / "tls"
    folder.mkdir()
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    broker = Broker(folder, extra=[f"listener {port} 127.0.0.1", f"certfile {certificate}", f"keyfile {key}"])
    if broker.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    broker.start()
    yield broker, port, certificate
    broker.close()


def test_tls_with_and_without_a_certificate_we_trust(tls_broker, gathered, source_on):
    broker, port, certificate = tls_broker
    stranger = type(gathered)()
    source_on(port, settings={"tls": True}, client_id="stranger").start(stranger)
    wait_for(stranger.packets.__len__)
    assert stranger.marks() == [Mark.DOWN]
    assert b"certificate" in stranger.packets[0].data.lower()
    for name, settings in (("trusting", {"ca_file": certificate}), ("blind", {"insecure": True})):
        own = type(gathered)()
        source = source_on(port, settings={"tls": True, **settings}, client_id=name)
        source.start(own)
        wait_for(own.up)
        many = [*numbered(100), ("home/long", b"x" * 200_000)]
        publish(broker, many)
        wait_for(lambda own=own, many=many: len(own.data()) == len(many))
        assert own.data() == many
        source._drop(source._client, "test")  # also under TLS the reader's thread must survive it
        wait_for(lambda own=own: own.marks().count(Mark.UP) == 2)
        assert source.status()["rebuilds"] == 0
        source.close()


def test_starting_twice_or_with_unreadable_secrets_is_refused_in_a_sentence(gathered, tmp_path):
    missing = tmp_path / "absent"
    for settings in (
        MqttLinkConfig(type="mqtt", username="u", password_file=missing),
        MqttLinkConfig(type="mqtt", tls=True, ca_file=missing),
    ):
        source = MqttSource("cellar", settings, (), SystemClock(), "x")
        with pytest.raises(SourceError, match=r"cellar.*absent"):
            source.start(gathered)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_network_thread_is_noticed_and_replaced(mosquitto, gathered, source_on, monkeypatch):
    source = source_on(mosquitto.port, tick_s=0.05)
    source.start(gathered)
    wait_for(gathered.up)
    publish(mosquitto, numbered(3))
    wait_for(lambda: len(gathered.data()) == 3)

    def break_down() -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(source._client, "loop_read", break_down)
    publish(mosquitto, numbered(1, start=3))
    wait_for(lambda: source.status()["rebuilds"] == 1)
    wait_for(lambda: len(gathered.data()) >= 4)
    assert gathered.marks() == [Mark.UP, Mark.DOWN, Mark.UP]
    assert gathered.payloads() == [b"0", b"1", b"2", b"3"]
    assert source.status()["known_again"] == 3


@pytest.mark.slow
@both_readers
def test_nothing_is_lost_while_connections_break_and_batches_are_settled(tmp_path, gathered, source_on, fast):
    """All of it comes, and in the end the broker waits for nothing.

    Not tested: order. Mosquitto 2.0.11 itself sends new messages before those it queued for a client that
    has just come back.
    """
    folder = tmp_path / "patient"
    folder.mkdir()
    # saving at every change, it would spend the test's time on its own file
    with Broker(folder, extra=["autosave_interval 1000"]) as mosquitto:
        if mosquitto.kind != "mosquitto":
            pytest.skip("mosquitto is not installed")
        break_and_settle(mosquitto, gathered, source_on, fast)


def break_and_settle(mosquitto, gathered, source_on, fast):
    chance = random.Random(5)
    source = source_on(mosquitto.port, fast=fast, tick_s=0.05)
    source.start(gathered)
    wait_for(gathered.up)
    total = 1500
    feeder = threading.Thread(target=lambda: publish(mosquitto, numbered(total), timeout_s=60))
    feeder.start()
    settled, drops = 0, 0
    while len(set(gathered.payloads())) < total or settled < len(gathered.packets):
        waiting = len(gathered.packets) - settled
        if waiting:
            count = chance.randint(1, waiting)
            source.settle(count)
            settled += count
        gathered.full = source.status()["asked_again"] < 4 and chance.random() < 0.05
        if drops < 4 and chance.random() < 0.01 and source.status()["up"]:
            drops += 1
            source._drop(source._client, "test")
        threading.Event().wait(0.002)
    feeder.join()
    assert set(gathered.payloads()) == {b"%d" % n for n in range(total)}
    gathered.full = False
    wait_for(lambda: source.status()["up"] and not source._intake._held_back, 30)
    source.settle(len(gathered.packets) - settled)
    acknowledged(source, mosquitto)
    assert source.status()["unacknowledged"] == 0
    source.close()
    later = type(gathered)()
    again = source_on(mosquitto.port, fast=fast)
    again.start(later)
    wait_for(later.up)
    publish(mosquitto, numbered(1, start=total))
    wait_for(later.data)
    assert later.payloads() == [b"%d" % total]
    again.close()


# -- named faults


def test_f14_broker_absent_at_start_and_later_away(mosquitto, gathered, source_on):
    publish(mosquitto, [("home/smoke", b"on")], retain=True)
    mosquitto.stop()
    source = source_on(mosquitto.port)
    source.start(gathered)
    wait_for(lambda: gathered.marks() == [Mark.DOWN])
    assert b"refused" in gathered.packets[0].data.lower()
    mosquitto.restart()
    wait_for(lambda: len(gathered.data()) == 1, 30)
    mosquitto.stop()
    wait_for(lambda: gathered.marks().count(Mark.DOWN) == 2)
    mosquitto.restart()
    wait_for(lambda: gathered.marks().count(Mark.UP) == 2, 30)
    wait_for(lambda: len(gathered.data()) == 2)
    # the broker's memory is marked as such each time, so nobody takes it for a new alarm
    assert [p.mark for p in gathered.packets if p.channel] == [Mark.RETAINED] * 2
    assert gathered.marks() == [Mark.DOWN, Mark.UP, Mark.DOWN, Mark.UP]
    assert RECONNECT_MAX_S + CONNECT_TIMEOUT_S <= 30  # however long it was away


def test_f15_a_broker_that_forgot_the_session_is_told(tmp_path, gathered, source_on):
    folder = tmp_path / "forgetful"
    folder.mkdir()
    broker = Broker(folder, extra=["autosave_on_changes false", "autosave_interval 1800"])
    if broker.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    broker.start()
    try:
        source = source_on(broker.port)
        source.start(gathered)
        wait_for(gathered.up)
        publish(broker, numbered(3))
        wait_for(lambda: len(gathered.data()) == 3)
        broker.kill()
        wait_for(lambda: Mark.DOWN in gathered.marks())
        broker.restart()
        wait_for(lambda: Mark.LOST in gathered.marks(), 30)
        publish(broker, numbered(1, start=3))
        wait_for(lambda: len(gathered.data()) == 4)
        # numbers of the forgotten session are never used on the new one
        source.settle(len(gathered.packets))
        publish(broker, numbered(1, start=4))
        wait_for(lambda: len(gathered.data()) == 5)
        assert source.status()["sessions_lost"] == 1
        assert source.status()["up"]
    finally:
        broker.close()


def test_f16_a_half_open_connection_is_noticed(mosquitto, gathered, source_on):
    ticks = 0.02
    source = source_on(mosquitto.port, tick_s=ticks)
    source.start(gathered)
    wait_for(lambda: source.status()["canary"]["proven"])
    mosquitto.freeze()
    wait_for(lambda: Mark.DOWN in gathered.marks())
    down = next(p for p in gathered.packets if p.mark is Mark.DOWN)
    assert b"half-open" in down.data
    assert source._canary.every + source._canary.patience + 2 <= 45  # seconds when a tick is one
    mosquitto.thaw()
    wait_for(lambda: gathered.marks().count(Mark.UP) == 2, 30)


def test_a_broker_that_forbids_our_canary_is_soon_left_in_peace(tmp_path, gathered, source_on):
    folder = tmp_path / "strict"
    folder.mkdir()
    access = folder / "access"
    access.write_text("topic read home/#\ntopic write home/#\n")
    access.chmod(0o600)
    broker = Broker(folder, extra=[f"acl_file {access}"])
    if broker.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    broker.start()
    try:
        source = source_on(broker.port, tick_s=0.002)
        source.start(gathered)
        wait_for(
            lambda: source.status()["canary"]["unwanted"] or source.status()["canary"]["missed"] >= 3, 20
        )
        wait_for(gathered.up)
        told = len(gathered.marks())
        publish(broker, numbered(1))
        wait_for(gathered.data)
        assert told <= 2 * MAX_STRIKES + 1
        assert len(gathered.marks()) == told
        assert source.status()["drops"] == 0
    finally:
        broker.close()


def test_a_refused_login_is_told_once_with_advice(tmp_path, gathered, source_on):
    folder = tmp_path / "locked"
    folder.mkdir()
    broker = Broker(folder, extra=["allow_anonymous false"])
    if broker.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    broker.start()
    try:
        source = source_on(broker.port)
        source.start(gathered)
        wait_for(lambda: gathered.packets)
        assert gathered.marks() == [Mark.DOWN]
        assert b"password_file" in gathered.packets[0].data
    finally:
        broker.close()


def test_it_works_on_the_demonstration_broker(tmp_path, gathered, source_on):
    pytest.importorskip("amqtt", reason="amqtt is not installed")
    broker = Broker(tmp_path, kind="amqtt")
    broker.start()
    try:
        source = source_on(broker.port)
        source.start(gathered)
        wait_for(gathered.up)
        publish(broker, numbered(10))
        wait_for(lambda: len(gathered.data()) == 10)
        source.settle(len(gathered.packets))
        assert source.status()["unacknowledged"] == 0
        assert gathered.payloads() == [b"%d" % n for n in range(10)]
        source.close()
    finally:
        broker.close()


def test_port_nobody_listens_on_gives_one_down(gathered, source_on):
    source = source_on(free_port())
    source.start(gathered)
    wait_for(lambda: gathered.packets)
    assert gathered.marks() == [Mark.DOWN]


def session_kept(broker: Broker, client_id: str) -> bool:
    """Does the broker hold a session for this client? (Asking takes it over.)"""
    answer: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
    client.on_connect = lambda _c, _u, flags, *_: answer.append(bool(flags.session_present))
    client.connect(broker.host, broker.port)
    client.loop_start()
    wait_for(lambda: answer)
    client.disconnect()
    client.loop_stop()
    return answer[0]


@pytest.mark.parametrize("persistent", [True, False])
def test_a_recording_leaves_no_session_behind(mosquitto, gathered, persistent):
    settings = MqttLinkConfig(type="mqtt", host=mosquitto.host, port=mosquitto.port)
    source = MqttSource("b", settings, ["home/#"], SystemClock(), "rec", persistent=persistent)
    source.start(gathered)
    wait_for(gathered.up)
    source.close()
    assert session_kept(mosquitto, "rec") is persistent


def test_the_beat_is_retained_and_the_broker_says_when_we_are_gone(mosquitto, gathered):
    settings = MqttLinkConfig(type="mqtt", host=mosquitto.host, port=mosquitto.port)
    source = MqttSource("b", settings, ["home/#"], SystemClock(), "beating", status_topic="state")
    with Listener(mosquitto, "state") as ear:
        source.start(gathered)
        wait_for(lambda: ear.messages)
        source.beat(b'{"state":"alive","n":7}')
        wait_for(lambda: ear.messages[-1][1] == b'{"state":"alive","n":7}')
        source._drop(source._client, "as if the line were cut")
        wait_for(
            lambda: [p for _, p, _ in ear.messages][-2:] == [b'{"state":"lost"}', b'{"state":"alive","n":7}']
        )
        source.close()
        wait_for(lambda: ear.messages[-1][1] == b'{"state":"stopped"}')
