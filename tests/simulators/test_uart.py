from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulators.uart import received

RATES = st.sampled_from((9600, 19200, 38400, 57600, 115200, 256000, 921600))


@given(st.binary(max_size=200), RATES)
def test_at_the_same_speed_nothing_changes(data: bytes, baud: int) -> None:
    assert received(data, baud, baud) == data


@given(st.binary(max_size=200), RATES, st.floats(-0.02, 0.02))
def test_a_receiver_within_two_percent_reads_every_byte(data: bytes, baud: int, off: float) -> None:
    """What real ports do: crystals differ by less."""
    assert received(data, baud, round(baud * (1 + off))) == data


@given(st.binary(min_size=1, max_size=200), RATES, RATES)
def test_another_speed_gives_other_bytes_of_a_bounded_number(data: bytes, sent: int, read: int) -> None:
    got = received(data, sent, read)
    longest = len(data) * 10 * read / sent  # one byte a falling edge, at most one a received frame
    assert len(got) <= max(len(data) * 5, longest / 10 + 1)
    assert got == received(data, sent, read)
    if read * 3 < sent * 2 and len(data) > 20:
        assert len(got) < len(data)


def test_a_frame_read_at_half_the_speed_is_not_a_frame() -> None:
    frame = bytes.fromhex("AAFF03000E03B186100040010000000000000000000000000000000055CC")
    assert frame[:4] not in received(frame * 3, 256000, 115200)
