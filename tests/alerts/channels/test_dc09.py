"""Frames against ones a receiver implementation accepted; the sender against a receiver of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from alerts.channels import CHANNELS, ChannelContext
from alerts.channels.centre_codes import CODES
from alerts.channels.cipher import Cipher
from alerts.channels.dc09 import Frame, FrameError, crc16, decode, encode
from alerts.channels.sia_dc09 import SiaDc09Channel, SiaDc09Params, address, parse_code
from alerts.delivery import Delivery
from alerts.outbox import Outbox
from alerts.route import Route, RouteSettings
from core.clock import ManualClock
from core.contracts import Refused
from core.model import SECOND, Alert, AlertState, Phase, Severity
from tests.alerts.channels.centre import Centre
from tests.alerts.making import HOME, alert, key
from tests.broker import wait_for

AT = 1_795_311_000  # 2026-11-22 01:30:00 UTC
KEY = b"AAAABBBBCCCCDDDD"

PLAIN = [
    (Frame("ADM-CID", 1, "1234", "#1234|1100 00 001"), '6CE9003D"ADM-CID"0001R0L0#1234[#1234|1100 00 001]'),
    (Frame("ADM-CID", 2, "1234", "#1234|1101 00 002"), '0F2D003D"ADM-CID"0002R0L0#1234[#1234|1101 00 002]'),
    (Frame("ADM-CID", 3, "1234", "#1234|3111 01 007"), '6A6C003D"ADM-CID"0003R0L0#1234[#1234|3111 01 007]'),
    (Frame("ADM-CID", 4, "1234", "#1234|1602 00 000"), 'F9D1003D"ADM-CID"0004R0L0#1234[#1234|1602 00 000]'),
    (
        Frame("SIA-DCS", 5, "1234", "#1234|Nri1/MA001*FALL BEDROOM"),
        '327D0049"SIA-DCS"0005R0L0#1234[#1234|Nri1/MA001*FALL BEDROOM]',
    ),
    (Frame("SIA-DCS", 6, "1234", "#1234|Nri1/WA009"), '86C8003C"SIA-DCS"0006R0L0#1234[#1234|Nri1/WA009]'),
    (Frame("SIA-DCS", 7, "1234", "#1234|Nri1/NA001"), 'B28A003C"SIA-DCS"0007R0L0#1234[#1234|Nri1/NA001]'),
    (Frame("SIA-DCS", 8, "1234", "#1234|Nri1/XT004"), '52AF003C"SIA-DCS"0008R0L0#1234[#1234|Nri1/XT004]'),
    (Frame("NULL", 0, "1234"), '4EF30029"NULL"0000R0L0#1234[]'),
]
CIPHERED = [
    (
        Frame("ADM-CID", 9, "ABCD", "#ABCD|1101 00 003"),
        '2A350078"*ADM-CID"0009R0L0#ABCD[699C9D295E632A14CA4E8E6D4C98B60D89D5DA533AA5B380B48D13C2BAD02FF3'
        "2821FA94418B52496F6CD47FE76967D5",
    ),
    (
        Frame("SIA-DCS", 10, "ABCD"),
        'F3AA0078"*SIA-DCS"0010R0L0#ABCD[DBD51041C6D8298185C6A04B7F0683FAFD48D1CD6B6A0DD75291E73E2DD323D7'
        "F342D5BB6DF132F42B4BBF090BC5559D",
    ),
    (
        Frame("NULL", 0, "ABCD"),
        '4B190055"*NULL"0000R0L0#ABCD[F6D4FB060A156790BD75ACAF842F18484225678566C1E1C9F0FFF449CBD0EFEF',
    ),
]


def wrapped(text: str) -> bytes:
    return b"\n" + text.encode() + b"\r"


@pytest.mark.parametrize(("frame", "text"), PLAIN)
def test_plain_frames_a_receiver_accepted(frame: Frame, text: str) -> None:
    whole = wrapped(text + "_01:30:00,11-22-2026")
    assert encode(replace(frame, time=AT)) == whole
    assert decode(whole) == replace(frame, time=AT, receiver="0", prefix="0")


@pytest.mark.parametrize(("frame", "text"), CIPHERED)
def test_enciphered_frames_a_receiver_accepted(frame: Frame, text: str) -> None:
    found = decode(wrapped(text), Cipher(KEY))
    assert (found.token, found.seq, found.account, found.time) == (frame.token, frame.seq, "ABCD", AT)
    assert found.enciphered
    if frame.data:
        assert found.data == frame.data
        assert encode(replace(found, enciphered=False), Cipher(KEY), lambda n: "PADpadPAD"[:n]) == wrapped(
            text
        )


def test_the_answer_a_receiver_gave() -> None:
    assert decode(wrapped('DBE70014"ACK"0001R0L0#1234[]')) == Frame(
        "ACK", 1, "1234", receiver="0", prefix="0"
    )


safe = st.text(st.sampled_from("ABCDEFabc0189 #|/.*-"), max_size=40)
frames = st.builds(
    Frame,
    token=st.sampled_from(["ADM-CID", "SIA-DCS", "NULL", "ACK"]),
    seq=st.integers(0, 9999),
    account=st.text(st.sampled_from("0123456789ABCDEF"), min_size=3, max_size=16),
    data=safe,
    xdata=st.sampled_from(["", "[X121.47]", "[V1]"]),
    receiver=st.sampled_from(["0", "1", "12"]),
    prefix=st.just("0"),
    time=st.none() | st.integers(0, 4_000_000_000),
)


@given(frames, st.none() | st.sampled_from([16, 24, 32]))
def test_law_decode_inverts_encode(frame: Frame, size: int | None) -> None:
    aes = Cipher(bytes(range(size))) if size else None
    assert decode(encode(frame, aes), aes) == replace(frame, enciphered=aes is not None)


@given(frames, st.integers(0, 10_000), st.integers(1, 255))
def test_law_one_wrong_byte_is_never_taken_for_another_frame(frame: Frame, where: int, change: int) -> None:
    data = bytearray(encode(frame))
    where %= len(data)
    data[where] ^= change
    try:
        found = decode(bytes(data))
    except FrameError:
        return
    assert found == frame  # only the letter case of the check number can have changed


@given(st.binary(max_size=200))
def test_law_any_bytes_are_a_frame_or_a_frame_error(data: bytes) -> None:
    for aes in (None, Cipher(KEY)):
        try:
            found = decode(b"\n0000" + data, aes)
        except FrameError:
            continue
        assert crc16(b"") == 0
        assert found.token


# -- the sender


@pytest.fixture
def centre() -> Iterator[Centre]:
    with Centre(clock=lambda: AT) as made:
        yield made


def channel(*receivers: str, clock: ManualClock | None = None, **options: Any) -> SiaDc09Channel:
    params = SiaDc09Params(receivers, "1234", **{"timeout_s": 0.5, **options})
    return SiaDc09Channel(params, ChannelContext(HOME, clock=clock or ManualClock(AT * SECOND)))


def test_contact_id_new_and_restored(centre: Centre) -> None:
    made = channel(centre.where)
    fall = alert(1, kind="fall", source="s2")
    over = replace(fall, revision=2, state=AlertState.CLEARED, evidence={"why": "cleared"})
    assert made.deliver([fall, over]) == [key(fall), key(over)]
    assert [f.data for f in centre.seen] == ["#1234|1100 00 002", "#1234|3100 00 002"]
    assert [f.seq for f in centre.seen] == [1, 2]
    assert centre.seen[0].time == AT
    assert centre.connections == 1
    made.close()


def test_sia_with_words(centre: Centre) -> None:
    made = channel(centre.where, format="SIA-DCS", zones={"s1": 7})
    made.deliver(
        [alert(1, kind="sos"), alert(2, kind="test"), alert(2, 2, kind="test", evidence={"why": "cleared"})]
    )
    assert [f.data for f in centre.seen] == ["#1234|Nri1/QA007*SOS KITCHEN", "#1234|Nri1/RP007*TEST KITCHEN"]
    made.close()


def test_a_centre_hears_only_what_it_acts_on(centre: Centre) -> None:
    made = channel(centre.where)
    whys = ("news", "again", "better", "acknowledged", "reopened", "reminder", "answered")
    quiet = [alert(1, r, evidence={"why": why}) for r, why in enumerate(whys, 2)]
    assert len(made.deliver(quiet)) == len(whys)
    assert centre.seen == []
    made.close()


def test_a_drill_is_a_drill_for_the_centre(centre: Centre) -> None:
    made = channel(centre.where)
    made.deliver([alert(1, kind="smoke", evidence={"test": True})])
    assert centre.seen[0].data == "#1234|1602 00 001"
    made.close()


def test_an_unknown_kind_is_told_and_codes_can_be_changed(centre: Centre) -> None:
    made = channel(centre.where, codes={"smoke": "110/FA/FH"})
    unknown = alert(2, kind="new", source="nobody")
    made.deliver([alert(1), unknown, replace(unknown, id="x", severity=Severity.TROUBLE)])
    assert [f.data for f in centre.seen] == ["#1234|1110 00 001", "#1234|1100 00 000", "#1234|1300 00 000"]
    made.close()


@pytest.mark.parametrize("text", ["AAAABBBBCCCCDDDD", KEY.hex(), "ab" * 24, "ab" * 32, "text:" + "ab" * 16])
def test_enciphered(text: str, tmp_path: Path) -> None:
    plain = text.removeprefix("text:")
    aes = Cipher(plain.encode() if plain != text or len(text) == 16 else bytes.fromhex(text))
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with Centre(aes=aes, clock=lambda: AT) as centre:
        made = channel(centre.where, key_file=file)
        assert made.deliver([alert()])
        assert centre.seen[0].enciphered
        assert centre.seen[0].data == "#1234|1111 00 001"
        made.close()


def test_a_plain_ack_does_not_satisfy_who_holds_a_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.decode())
    file.chmod(0o600)
    with Centre(aes=Cipher(KEY)) as centre:
        centre.behaviour = lambda frame, n: encode(Frame("ACK", frame.seq, frame.account))
        made = channel(centre.where, key_file=file)
        with pytest.raises(OSError, match="something else"):
            made.deliver([alert()])
        made.close()


def test_nak_tells_the_time_and_it_is_used_from_then_on(centre: Centre) -> None:
    centre.behaviour = lambda frame, n: "ACK" if frame.time == AT else "NAK"
    made = channel(centre.where, clock=ManualClock((AT - 7200) * SECOND))
    assert made.deliver([alert()])
    assert [(f.time, f.seq) for f in centre.seen] == [(AT - 7200, 1), (AT, 1)]
    assert made.deliver([alert(2)])
    assert len(centre.seen) == 3
    made.close()


def test_nak_again_and_again_means_later(centre: Centre) -> None:
    centre.behaviour = lambda frame, n: "NAK"
    made = channel(centre.where)
    with pytest.raises(OSError, match="NAK"):
        made.deliver([alert()])
    assert 2 <= len(centre.seen) <= 3
    made.close()


def test_duh_goes_to_the_other_receiver_and_from_both_it_is_a_refusal(centre: Centre) -> None:
    centre.behaviour = lambda frame, n: "DUH"
    with Centre(clock=lambda: AT) as second:
        made = channel(centre.where, second.where)
        assert made.deliver([alert()])
        assert (len(centre.seen), len(second.seen)) == (1, 1)  # not repeated to who did not understand
        second.behaviour = lambda frame, n: "DUH"
        with pytest.raises(Refused, match="cannot process"):
            made.deliver([alert(2)])
        made.close()


WRONG: list[Callable[[Frame, int], str | bytes | None]] = [
    lambda frame, n: None,
    lambda frame, n: b"hang up",
    lambda frame, n: b"\n\r",
    lambda frame, n: b'"NAK"\r',
    lambda frame, n: b"x" * 5000,
    lambda frame, n: encode(Frame("ACK", frame.seq + 1, frame.account)),
    lambda frame, n: encode(Frame("ACK", frame.seq, "9999")),
    lambda frame, n: encode(Frame("ACK", frame.seq, frame.account)).replace(b"ACK", b"AKK"),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_no_real_answer_tries_again_with_the_same_number_then_the_other(
    centre: Centre, wrong: Callable[[Frame, int], Any]
) -> None:
    centre.behaviour = wrong
    with Centre(clock=lambda: AT) as second:
        made = channel(centre.where, second.where, timeout_s=0.15)
        assert made.deliver([alert()])
        assert {f.seq for f in (*centre.seen, *second.seen)} == {1}
        assert len(second.seen) == 1
        before = len(centre.seen)
        assert made.deliver([alert(2)])
        assert len(centre.seen) == before  # for a while the other one is asked first
        made.close()


def test_after_a_while_the_first_receiver_is_first_again(centre: Centre) -> None:
    centre.behaviour = lambda frame, n: None if n <= 2 else "ACK"
    clock = ManualClock(AT * SECOND)
    with Centre(clock=lambda: AT) as second:
        made = channel(centre.where, second.where, clock=clock, timeout_s=0.15)
        made.deliver([alert()])
        clock.advance(301 * SECOND)
        made.deliver([alert(2)])
        assert (len(centre.seen), len(second.seen)) == (3, 1)
        made.close()


def test_both_silent_means_later(centre: Centre) -> None:
    centre.behaviour = lambda frame, n: None
    made = channel(centre.where, "127.0.0.1:1", timeout_s=0.1)
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1"):
        made.deliver([alert()])
    made.close()


def test_a_connection_that_died_in_between_is_made_again(centre: Centre) -> None:
    made = channel(centre.where)
    made.deliver([alert()])
    centre.behaviour = lambda frame, n: b"hang up" if n == 2 else "ACK"
    assert made.deliver([alert(2)])
    assert centre.connections == 2
    made.close()


def test_udp() -> None:
    with Centre("udp", clock=lambda: AT) as centre:
        centre.behaviour = lambda frame, n: None if n == 1 else "ACK"
        made = channel(centre.where, transport="udp", timeout_s=0.2)
        assert made.deliver([alert()])
        assert [f.seq for f in centre.seen] == [1, 1]
        made.close()


def test_supervision_and_a_dead_line_without_any_alarm(centre: Centre, tmp_path: Path) -> None:
    made = channel(centre.where, supervise_s=1.0, timeout_s=0.1)
    outbox, clock = Outbox(tmp_path / "alerts.db"), ManualClock()
    route = Route("centre", made, outbox, clock, settings=RouteSettings(fault_after_s=0))
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    wait_for(lambda: centre.seen)
    assert (centre.seen[0].token, centre.seen[0].seq) == ("NULL", 0)
    assert delivery.check() == []
    centre.behaviour = lambda frame, n: None
    wait_for(lambda: made.fault())
    assert [(e.kind, e.phase) for e in delivery.check()] == [("channel_fault", Phase.ONSET)]
    centre.behaviour = lambda frame, n: "ACK"
    wait_for(lambda: not made.fault())
    assert [(e.kind, e.phase) for e in delivery.check()] == [("channel_fault", Phase.CLEAR)]
    made.close()
    outbox.close()


def test_numbers_go_round_and_never_are_zero(centre: Centre) -> None:
    made = channel(centre.where)
    made._seq = 9998
    made.deliver([alert(n) for n in (1, 2, 3)])
    assert [f.seq for f in centre.seen] == [9999, 1, 2]
    made.close()


def test_codes_are_well_formed() -> None:
    for kind, code in CODES.items():
        text = "/".join(x for x in (code.cid, code.sia, code.sia_restore) if x)
        assert parse_code(kind, text) == code


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"receivers": []}, "one or two"),
        ({"receivers": ["centre"]}, "host:port"),
        ({"receivers": ["a:70000"]}, "host:port"),
        ({"receivers": ["centre.example:5000"]}, "plain text"),
        ({"account": "12"}, "hex digits"),
        ({"account": "xyz1"}, "hex digits"),
        ({"zones": {"a": 0}}, "zone"),
        ({"codes": {"fall": "1000"}}, "100/MA/MH"),
        ({"supervise_s": 0.1}, "supervise_s"),
        ({"format": "CONTACT"}, "ADM-CID"),
        ({"recievers": 1}, "recievers"),
    ],
)
def test_impossible_options_are_refused(bad: dict[str, Any], word: str) -> None:
    options = {"receivers": ["127.0.0.1:5000"], "account": "1234", **bad}
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(CHANNELS["sia_dc09"].params).validate_python(options)


def test_addresses() -> None:
    assert address("10.0.0.1:80") == ("10.0.0.1", 80)


def test_a_key_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("too short")
    file.chmod(0o600)
    with pytest.raises(ValueError, match="16, 24 or 32"):
        channel("127.0.0.1:1", key_file=file)


def everything() -> list[Alert]:
    return [alert(1, kind=k) for k in CODES]


def test_every_code_is_acknowledged_in_both_formats(centre: Centre) -> None:
    for name in ("ADM-CID", "SIA-DCS"):
        made = channel(centre.where, format=name)
        assert len(made.deliver(everything())) == len(CODES)
        made.close()
