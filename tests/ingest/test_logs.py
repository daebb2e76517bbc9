"""Are foreign logs read as what they mean, and what is damaged counted by name?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Mark, Packet
from ingest.errors import LogError
from ingest.formats import open_log, recognise
from ingest.mosquitto_log import MosquittoLog
from ingest.recording import write_all
from ingest.rtl433_log import Rtl433Log
from ingest.uart_log import UartLog
from ingest.when import instant, zone

T0 = 1_795_404_157_769_470_000


def written(tmp_path, name, *rows):
    path = tmp_path / name
    path.write_bytes(b"\n".join(r if isinstance(r, bytes) else r.encode() for r in rows) + b"\n")
    return path


# -- time


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("2026-11-23T03:22:37Z", 1795404157),
        ("2026-11-23T03:22:37.5Z", 1795404157.5),
        ("2026-11-23T03:22:37+0000", 1795404157),
        ("2026-11-23T03:22:37Z+0000", 1795404157),
        ("2026-11-23T11:22:37+08:00", 1795404157),
        ("2026-11-22T23:52:37-0330", 1795404157),
        ("2026-11-23 11:22:37", 1795404157),
        ("2026-11-23 11:22:37,25", 1795404157.25),
        (1795404157, 1795404157),
        ("1795404157.25", 1795404157.25),
        ("@0.25s", 0.25),
        ("@7s", 7),
        ("2016-12-31T23:59:60Z", 1483228800),
    ],
)
def test_forms_of_time(told, seconds):
    assert instant(told, zone("Asia/Shanghai")) == int(Decimal(str(seconds)) * SECOND)


@pytest.mark.parametrize(
    "told",
    [None, True, "", "soon", "2026-13-01T00:00:00Z", "2026-02-30 00:00:00", "1e400", "-5", "Infinity", [1],
     "2026-01-01T00:00:00+99:00", "1969-12-31T23:59:59Z"],
)  # fmt: skip
def test_what_is_no_time(told):
    assert instant(told) is None


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)), st.integers(0, 999))
def test_every_instant_is_read_exactly(when, nanos):
    text = when.replace(tzinfo=UTC).isoformat(timespec="microseconds").replace("+00:00", f"{nanos:03}Z")
    whole = when.replace(microsecond=0, tzinfo=UTC)
    assert instant(text) == int(whole.timestamp()) * SECOND + when.microsecond * 1000 + nanos


def test_unknown_zones_are_told():
    with pytest.raises(LogError, match="Asia/Shanghai"):
        zone("Mars/Olympus")


# -- mosquitto_sub -F %j


def test_mosquitto_lines_as_the_program_writes_them(tmp_path):
    path = written(
        tmp_path,
        "sub.log",
        '{"tst":"2026-11-23T03:22:37.769470Z+0000","topic":"r/1","qos":0,"retain":1,"payloadlen":7,"payload":"{\\"a\\":1}"}',
        '{"tst":"2026-11-23T03:22:38.094005Z+0000","topic":"x/你 b","qos":1,"retain":0,"payloadlen":3,"mid":1,"payload":"文"}',
        b'{"tst":"2026-11-23T03:22:38.098682Z+0000","topic":"x/bin","qos":0,"retain":0,"payloadlen":2,"payload":"\xff\xfe"}',
        b'{"tst":"2026-11-23T03:22:38.098682Z+0000","topic":"x/cut","qos":0,"retain":0,"payloadlen":3,"payload":"\xff"}',
        '{"tst":"2026-11-23T03:22:38.141513Z+0000","topic":"x/e","qos":0,"retain":0,"payloadlen":0,"payload":null}',
        '{"tst":"2026-11-23T03:22:37.000000Z+0000","topic":"x/late","payload":"1"}',
        '{"topic":"x/untimed","payload":"2"}',
        '{"tst":"2026-11-23T03:22:39Z","topic":"x/j","payloadlen":21,"payload":{"temp":1,"n":null}}',
        "Client error",
        '{"tst":"never","topic":"x","payload":""}',
        '{"payload":"x"}',
        '{"topic":"x"',
    )
    log = MosquittoLog(path, link="b")
    late = T0 + 372_043_000
    assert list(log.packets()) == [
        Packet("b", "r/1", T0, b'{"a":1}', Mark.RETAINED),
        Packet("b", "x/你 b", T0 + 324_535_000, "文".encode()),
        Packet("b", "x/bin", T0 + 329_212_000, b"\xff\xfe"),
        Packet("b", "x/e", late, b""),
        Packet("b", "x/late", late, b"1"),
        Packet("b", "x/untimed", late, b"2"),
        Packet("b", "x/j", T0 + 1_230_530_000, b'{"temp":1,"n":null}'),
    ]
    assert log.counts.refused == {"payload_cut": 1, "not_json": 2, "time": 1, "not_a_message": 1}
    assert log.counts.moved == 1
    assert recognise(path) == "mosquitto"


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=20)), max_size=8))
def test_any_text_payload_survives_mosquitto_json(tmp_path_factory, messages):
    path = tmp_path_factory.mktemp("m") / "x.log"
    rows = [
        json.dumps(
            {"tst": f"2026-01-01T00:00:{n:02}Z", "topic": t, "payloadlen": len(p.encode()), "payload": p}
        )
        for n, (t, p) in enumerate(messages)
    ]
    path.write_text("".join(r + "\n" for r in rows))
    got = [(p.channel, p.data.decode()) for p in MosquittoLog(path).packets()]
    assert got == messages


# -- rtl_433 -F json


def test_rtl_433_lines_with_all_their_times(tmp_path):
    path = written(
        tmp_path,
        "rtl.json",
        '{"time":"@0.5s","model":"Door","id":1}',
        '{"time":"2026-11-23 11:22:37","model":"Door","id":1}',
        '{"time":"2026-11-23T11:22:38.5+0800","model":"Door","id":1}',
        '{"time":"1795404160.25","model":"Door","id":"a1"}',
        '{"model":"Door","id":2}',
        '{"time":"x","model":"Door"}',
        '{"time":"@1s"}',
        "noise",
    )
    log = Rtl433Log(path, time_zone="Asia/Shanghai", start_ns=5 * SECOND)
    packets = list(log.packets())
    assert [p.at for p in packets] == [
        5_500_000_000,
        1_795_404_157 * SECOND,
        1_795_404_158_500_000_000,
        1_795_404_160_250_000_000,
        1_795_404_160_250_000_000,
    ]
    assert packets[0].data == b'{"time":"@0.5s","model":"Door","id":1}'
    assert {p.channel for p in packets} == {"rtl_433/log/events"}
    assert log.counts.refused == {"time": 1, "not_an_event": 1, "not_json": 1}
    assert recognise(path) == "rtl433"


def test_real_rtl_433_files(data_folder):
    files = sorted((data_folder / "home/mqtt-captures/rtl_433").glob("*.json"))
    if not files:
        pytest.skip("no rtl_433 recordings there")
    for path in files:
        log = open_log(path)
        assert isinstance(log, Rtl433Log)
        packets = list(log.packets())
        assert len(packets) == len(path.read_text().split("\n{"))
        assert log.counts.refused == {}


# -- raw bytes


@given(st.binary(max_size=500), st.integers(1, 80), st.sampled_from([9600, 115200, 921600]))
def test_raw_bytes_come_whole_at_the_pace_of_the_line(tmp_path_factory, data, piece, baud):
    path = tmp_path_factory.mktemp("u") / "x.bin"
    path.write_bytes(data)
    packets = list(UartLog(path, baud=baud, piece=piece, start_ns=7).packets())
    assert b"".join(p.data for p in packets) == data
    seen = 0
    for packet in packets:
        seen += len(packet.data)
        assert packet.at == 7 + int(seen / (baud / 10) * SECOND)


def test_raw_bytes_need_a_rate(tmp_path):
    path = written(tmp_path, "x.bin", b"\x00\x01\xff")
    for wrong in ({}, {"baud": 0}, {"bytes_per_s": -1.0}):
        with pytest.raises(LogError, match="baud"):
            UartLog(path, **wrong)
    with pytest.raises(LogError, match="format uart"):
        open_log(path)
    assert len(list(open_log(path, baud=9600).packets())) == 1
    assert len(list(open_log(path, "uart", bytes_per_s=1e3, piece=1).packets())) == 4


# -- which is which


def test_recordings_are_recognised_and_unknown_things_told(tmp_path):
    packets = [Packet("l", "t", 5, b"x")]
    for name in ("a.jsonl", "b.jsonl.zst"):
        write_all(tmp_path / name, packets)
        assert recognise(tmp_path / name) == "recording"
        assert next(iter(open_log(tmp_path / name).packets())) == packets[0]
    assert recognise(tmp_path) == "recording"
    for content in (b"", b"hello\n", b"\x00" * 100, b"{}\n", b"[1]\n"):
        path = tmp_path / "odd"
        path.write_bytes(content)
        with pytest.raises(LogError, match="no known kind of log"):
            recognise(path)
    with pytest.raises(LogError, match="no such file"):
        recognise(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LogError, match="without recordings"):
        recognise(tmp_path / "empty")
    with pytest.raises(LogError, match="no format is called"):
        open_log(path, "tape")
    with pytest.raises(LogError, match="does not belong"):
        open_log(tmp_path / "a.jsonl", baud_rate=3)
