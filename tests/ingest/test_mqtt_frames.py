"""Are packets cut right whatever the pieces, and is memory bounded whatever is sent?"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mqtt_frames import Frame, Frames, Malformed
from ingest.paho_fast import USABLE

LIMIT = 300


def length(n: int) -> bytes:
    """Remaining length as the standard writes it (3.1.1, section 2.2.3)."""
    out = b""
    while True:
        n, byte = divmod(n, 128)
        out += bytes([byte | (128 if n else 0)])
        if not n:
            return out


def publish(topic: bytes, payload: bytes, qos: int, mid: int, flags: int) -> tuple[bytes, Frame]:
    first = 0x30 | qos << 1 | flags
    body = struct.pack("!H", len(topic)) + topic + (struct.pack("!H", mid) if qos else b"") + payload
    kept = payload if len(payload) <= LIMIT else None
    return bytes([first]) + length(len(body)) + body, Frame(first, topic, kept, mid if qos else 0)


def other(first: int, body: bytes) -> tuple[bytes, Frame]:
    return bytes([first]) + length(len(body)) + body, Frame(first, body, None, -1)


packets = st.one_of(
    st.builds(
        publish,
        st.binary(max_size=20),
        st.one_of(st.binary(max_size=40), st.integers(0, 3).map(lambda n: b"x" * (LIMIT - 1 + n)),
                  st.just(b"y" * 70_000)),
        st.integers(0, 1),
        st.integers(1, 65535),
        st.sampled_from([0, 1, 8, 9]),
    ),
    st.builds(other, st.sampled_from([0x20, 0x40, 0x90, 0xD0, 0x34, 0x3D]), st.binary(max_size=200)),
)  # fmt: skip


@given(st.lists(packets, max_size=8), st.lists(st.integers(0, 2000), max_size=12))
def test_any_cut_gives_the_same_packets_and_holds_little(given_packets, cuts):
    stream = b"".join(raw for raw, _ in given_packets)
    frames = Frames(LIMIT)
    got: list[Frame] = []
    at = 0
    for cut in [*cuts, len(stream)]:
        got += frames.feed(stream[at : at + cut])
        at += cut
        assert len(frames._rest) <= LIMIT + 65535 + 4 + 5
    got += frames.feed(stream[at:])
    assert got == [frame for _, frame in given_packets]
    assert frames._rest == b""


def test_one_byte_at_a_time():
    raw, frame = publish(b"home/door", b"open", 1, 7, 8)
    frames = Frames(LIMIT)
    got = [f for n in range(len(raw)) for f in frames.feed(raw[n : n + 1])]
    assert got == [frame]


def test_a_huge_message_is_thrown_away_as_it_comes_and_the_next_is_read():
    frames = Frames(1000)
    size = 100_000_000
    head = bytes([0x32]) + length(2 + 1 + 2 + size) + struct.pack("!H", 1) + b"t" + struct.pack("!H", 9)
    got = frames.feed(head)
    for _ in range(size // 1_000_000):
        got += frames.feed(b"z" * 1_000_000)
        assert len(frames._rest) < 2000
    got += frames.feed(publish(b"n", b"1", 0, 0, 0)[0])
    assert got == [Frame(0x32, b"t", None, 9), Frame(0x30, b"n", b"1", 0)]


@pytest.mark.parametrize(
    "bad",
    ["30 00", "30 01 00", "30 02 00 05", "32 04 00 01 61 00", "36 05 00 01 61 00 01", "30 ff ff ff ff 01",
     "20 ff ff ff 7f 00"],
)  # fmt: skip
def test_what_no_server_may_send_is_refused(bad):
    with pytest.raises(Malformed):
        Frames(LIMIT).feed(bytes.fromhex(bad))


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_noise_gives_frames_or_malformed_and_nothing_else(chunks):
    frames = Frames(LIMIT)
    try:
        for chunk in chunks:
            for frame in frames.feed(chunk):
                assert frame.payload is None or len(frame.payload) <= LIMIT
    except Malformed:
        pass


def test_the_installed_client_library_can_be_read_in_batches():
    assert USABLE, "this paho-mqtt lacks a name that ingest/paho_fast.py needs: it will be read slowly"
