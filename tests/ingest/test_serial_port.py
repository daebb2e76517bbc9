"""Does a serial source survive what people do to cables? On real pseudo-terminals."""

from __future__ import annotations

import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.config import SerialLinkConfig
from core.contracts import Line
from core.model import Mark, Packet
from ingest.errors import SourceError
from ingest.serial_port import RETRY_MOST_S, SerialSource
from tests.broker import wait_for


class Plug:
    """A pseudo-terminal behind a stable name: unplug closes the far end, plug makes a new device."""

    def __init__(self, folder: Path) -> None:
        self.name = folder / "usb-radar"
        self.master = -1

    def plug(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        device = os.ttyname(slave)
        new = self.name.with_suffix(".new")
        new.symlink_to(device)
        new.replace(self.name)
        self._slave = slave

    def taken(self) -> None:
        """The source has it open now: our own end of the device may go, so that unplugging is one."""
        os.close(self._slave)

    def unplug(self) -> None:
        os.close(self.master)
        self.master = -1
        self.name.unlink()

    def close(self) -> None:
        if self.master >= 0:
            os.close(self.master)


@pytest.fixture
def plug(tmp_path) -> Iterator[Plug]:
    made = Plug(tmp_path)
    yield made
    made.close()


@pytest.fixture
def source(plug) -> Iterator[SerialSource]:
    settings = SerialLinkConfig(type="serial", port=str(plug.name))
    made = SerialSource("radar", settings, Line(115200), SystemClock())
    yield made
    made.close()


def joined(packets: list[Packet]) -> list[bytes]:
    """The bytes between marks, as one piece a life of the link."""
    lives: list[bytes] = []
    for packet in packets:
        if packet.mark is Mark.UP:
            lives.append(b"")
        elif packet.mark is Mark.DATA:
            lives[-1] += packet.data
    return lives


def test_bytes_arrive_whole_and_in_order_and_writes_go_out(plug, source, gathered):
    plug.plug()
    source.start(gathered)
    wait_for(gathered.up)
    sent = bytes(range(256)) * 40
    for at in range(0, len(sent), 1000):
        os.write(plug.master, sent[at : at + 1000])
    wait_for(lambda: sum(map(len, gathered.payloads())) == len(sent))
    assert b"".join(gathered.payloads()) == sent
    source.send(Packet("radar", "", 0, b"\xfd\xfc"))
    source.send(Packet("radar", "", 0, b"\x01"))
    out = b""
    while len(out) < 3:
        out += os.read(plug.master, 10)
    assert out == b"\xfd\xfc\x01"
    assert source.status()["up"]
    assert source.status()["bytes"] == len(sent)


def test_a_frame_comes_as_one_packet(plug, source, gathered):
    plug.plug()
    source.start(gathered)
    wait_for(gathered.up)
    for n in range(5):
        os.write(plug.master, bytes([n]) * 30)
        wait_for(lambda n=n: sum(map(len, gathered.payloads())) == 30 * (n + 1))
    assert len(gathered.payloads()) <= 6


def test_f20_unplugged_in_mid_frame_and_plugged_in_again(plug, source, gathered):
    plug.plug()
    source.start(gathered)
    wait_for(gathered.up)
    plug.taken()
    os.write(plug.master, b"half a fra")
    wait_for(gathered.payloads)
    plug.unplug()
    wait_for(lambda: gathered.marks() == [Mark.UP, Mark.DOWN])
    down = gathered.packets[-1]
    assert str(plug.name).encode() in down.data
    assert not source.status()["up"]
    source.send(Packet("radar", "", 0, b"lost"))
    assert source.status()["send_dropped"] == 1
    plug.plug()
    wait_for(lambda: gathered.marks() == [Mark.UP, Mark.DOWN, Mark.UP], 10)
    os.write(plug.master, b"a new frame")
    wait_for(lambda: joined(gathered.packets) == [b"half a fra", b"a new frame"])
    assert RETRY_MOST_S < 5  # open again at most this long after it returned, however long it was away


def test_a_port_absent_at_start_is_told_once_and_taken_when_it_comes(plug, source, gathered):
    source.start(gathered)
    wait_for(gathered.packets.__len__)
    assert gathered.marks() == [Mark.DOWN]
    text = gathered.packets[0].data.decode()
    assert "plug the adapter in" in text
    assert "/dev/serial/by-id" in text
    plug.plug()
    wait_for(gathered.up, 10)
    assert gathered.marks() == [Mark.DOWN, Mark.UP]


def test_a_port_held_by_another_source_is_told_with_advice(plug, source, gathered):
    plug.plug()
    source.start(gathered)
    wait_for(gathered.up)
    other = type(gathered)()
    second = SerialSource("copy", source.settings, Line(9600), SystemClock())
    try:
        second.start(other)
        wait_for(other.packets.__len__)
        assert other.marks() == [Mark.DOWN]
        assert b"another program" in other.packets[0].data
    finally:
        second.close()


def test_the_far_end_may_be_gone_without_a_word_while_writing(plug, source, gathered):
    plug.plug()
    source.start(gathered)
    wait_for(gathered.up)
    plug.taken()
    plug.unplug()
    source.send(Packet("radar", "", 0, b"x"))
    wait_for(lambda: Mark.DOWN in gathered.marks())


def test_closing_ends_the_thread_lets_go_of_the_port_and_may_be_repeated(plug, source, gathered):
    plug.plug()
    source.start(gathered)
    wait_for(gathered.up)
    source.close()
    source.close()
    assert not source._thread.is_alive()
    again = type(gathered)()
    second = SerialSource("later", source.settings, Line(9600), SystemClock())
    try:
        second.start(again)
        wait_for(again.up)
    finally:
        second.close()


def test_a_put_that_raises_does_not_end_the_thread(plug, source, gathered):
    plug.plug()
    bad = [True]

    def put(packet: Packet) -> bool:
        if packet.mark is Mark.DATA and bad:
            bad.clear()
            raise RuntimeError("injected")
        return gathered(packet)

    source.start(put)
    wait_for(gathered.up)
    os.write(plug.master, b"first")
    wait_for(lambda: gathered.marks() == [Mark.UP, Mark.DOWN, Mark.UP])
    os.write(plug.master, b"second")
    wait_for(gathered.payloads)
    assert b"".join(gathered.payloads()).endswith(b"second")


def test_baud_of_the_settings_wins_and_starting_twice_is_refused(gathered):
    settings = SerialLinkConfig(type="serial", port="/dev/none", baud=9600)
    source = SerialSource("radar", settings, Line(115200), SystemClock())
    assert source.baud == 9600
    source.start(gathered)
    with pytest.raises(SourceError, match="radar"):
        source.start(gathered)
    source.settle(3)
    source.close()
