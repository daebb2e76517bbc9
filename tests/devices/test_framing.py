"""Does the resynchroniser find every whole frame, lose only what is torn, and explain the rest?"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.model import SECOND, Health
from devices.framing import Format, Framer, Refusal, start_pattern


def _measure(buffer: bytes, start: int) -> int | str:
    if len(buffer) - start < 3:
        return 0
    return buffer[start + 2] + 4 if buffer[start + 2] <= 20 else "length"


def _check(frame: bytes) -> str:
    return "" if sum(frame[2:-1]) & 0xFF == frame[-1] else "checksum"


FORM = Format((b"AB", b"AC"), _measure, _check, max_length=24, expire_after_s=0.5)


def frame(body: bytes, head: bytes = b"AB") -> bytes:
    inner = bytes([len(body)]) + body
    return head + inner + bytes([sum(inner) & 0xFF])


def closes(health: Health) -> bool:
    return health.bytes_in == health.bytes_good + health.bytes_discarded + health.bytes_pending


def test_a_good_frame_inside_a_bad_one_is_found() -> None:
    health = Health()
    framer = Framer(FORM, health)
    inner = frame(b"hello")
    torn = b"AB" + bytes([15]) + b"xx" + inner + b"yyyyyyyyyyyyyyyy"
    assert framer.feed(torn, 0) == [inner]
    assert health.refused == {"checksum": 1}
    assert framer.refusals[0] == Refusal(0, 19, "checksum")
    assert health.resyncs == 1
    assert closes(health)


def test_lengths_are_bounded_before_waiting() -> None:
    health = Health()
    framer = Framer(FORM, health)
    assert framer.feed(b"AB\xff" + frame(b"x"), 0) == [frame(b"x")]
    assert health.refused == {"length": 1}


def test_a_piece_of_a_header_at_the_end_waits() -> None:
    health = Health()
    framer = Framer(FORM, health)
    assert framer.feed(b"zzA", 0) == []
    assert (health.bytes_discarded, health.bytes_pending) == (2, 1)
    assert framer.feed(frame(b"q")[1:], 1) == [frame(b"q")]


def test_a_stalled_frame_expires_and_what_is_in_it_comes_out() -> None:
    health = Health()
    framer = Framer(FORM, health)
    whole = frame(b"ok", b"AC")
    assert framer.feed(b"AB" + bytes([20]) + whole, 0) == []
    assert framer.feed(b"", SECOND // 4) == []
    assert framer.feed(b"", SECOND) == [whole]
    assert health.refused["expired"] == 1
    assert health.bytes_pending == 0
    assert closes(health)


def test_half_a_frame_is_not_joined_across_a_reset() -> None:
    health = Health()
    framer = Framer(FORM, health)
    data = frame(b"secret")
    assert framer.feed(data[:4], 0) == []
    framer.reset()
    assert framer.feed(data[4:], 1) == []
    assert health.refused == {"cut_off": 1}
    assert closes(health)


def test_fillers_are_good_bytes_but_no_sign_of_life() -> None:
    health = Health()
    form = Format((b"AB",), _measure, _check, 24, fillers=b"\x00\x06")
    framer = Framer(form, health)
    assert framer.feed(b"\x06\x00" + frame(b"a") + b"\x00", 0) == [frame(b"a")]
    assert list(framer.fillers) == [6, 0, 0]
    assert (health.frames_good, health.bytes_discarded, health.resyncs) == (1, 0, 0)
    assert closes(health)


def test_refusals_kept_for_people_are_bounded() -> None:
    health = Health()
    framer = Framer(FORM, health)
    framer.feed(b"AB\xff" * 5000, 0)
    assert len(framer.refusals) == 32
    assert health.refused["length"] == 5000
    assert framer.refusals[-1].offset == 3 * 4999


def test_start_pattern_takes_the_first_header_or_a_piece_at_the_end() -> None:
    search = start_pattern((b"\xaa\x55", b"\x42")).search
    assert [m.start() if (m := search(data)) else None for data in (b"\x00\x42", b"\xaa", b"\xaa\x01")] == [
        1,
        0,
        None,
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.one_of(st.binary(max_size=9), st.binary(max_size=8).map(frame)), max_size=12),
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
)
def test_offsets_and_counts_do_not_depend_on_the_cut(pieces: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(pieces)
    whole, cut = Framer(FORM, Health()), Framer(FORM, Health())
    expected = whole.feed(stream, 0)
    found, at, i = [], 0, 0
    while at < len(stream):
        size = sizes[i % len(sizes)]
        found += cut.feed(stream[at : at + size], 0)
        at, i = at + size, i + 1
    assert found == expected
    assert (cut.health, cut.pending, list(cut.refusals)) == (
        whole.health,
        whole.pending,
        list(whole.refusals),
    )
