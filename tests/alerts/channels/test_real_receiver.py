"""The alarm-centre channel against a receiver that others wrote and run (pysiaalarm), on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import ChannelContext
from alerts.channels.centre_codes import CODES
from alerts.channels.sia_dc09 import SiaDc09Channel, SiaDc09Params
from core.clock import ManualClock
from core.contracts import Refused
from core.model import SECOND, Alert, AlertState
from tests.alerts.making import HOME, alert, key
from tests.broker import free_port, wait_for

receiver = pytest.importorskip("pysiaalarm", reason="the receiver pysiaalarm is not installed")
from pysiaalarm.sync.client import SIAClient  # noqa: E402
from pysiaalarm.utils import CommunicationsProtocol  # noqa: E402

KEYS = ["", "AAAABBBBCCCCDDDD", "AAAABBBBCCCCDDDDEEEEFFFF", "AAAABBBBCCCCDDDDEEEEFFFF00001111"]
CID_UNKNOWN_THERE = {"inactivity", "water", "battery_low", "tamper"}
"""Contact ID events this receiver acknowledges without having a SIA code for them."""


class Centre:
    """A running receiver; ``events`` is what it told its operator."""

    def __init__(self, transport: str = "tcp", key: str = "", account: str = "12AB") -> None:
        self.events: list[Any] = []
        port = free_port()
        self.where = f"127.0.0.1:{port}"
        made = receiver.SIAAccount(account, key or None)
        kind = CommunicationsProtocol.TCP if transport == "tcp" else CommunicationsProtocol.UDP
        self._server = SIAClient("127.0.0.1", port, [made], self.events.append, protocol=kind)
        self._server.start(poll_interval=0.02)

    @property
    def counts(self) -> Any:
        return self._server.counts

    def __enter__(self) -> Centre:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


@contextmanager
def sender(
    tmp_path: Path, *centres: str, aes: str = "", clock: ManualClock | None = None, **options: Any
) -> Iterator[SiaDc09Channel]:
    file = tmp_path / "key"
    file.write_text(f"text:{aes}")
    file.chmod(0o600)
    params = SiaDc09Params(
        centres, "12AB", **{"timeout_s": 2.0, "key_file": file if aes else None, **options}
    )
    made = SiaDc09Channel(params, ChannelContext(HOME, clock=clock or now()))
    try:
        yield made
    finally:
        made.close()


def now(shift_s: float = 0.0) -> ManualClock:
    return ManualClock(round((time.time() + shift_s) * SECOND))


def over(a: Alert) -> Alert:
    return replace(a, revision=2, state=AlertState.CLEARED, evidence={"why": "cleared"})


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("aes", KEYS, ids=["plain", "aes128", "aes192", "aes256"])
@pytest.mark.parametrize("form", ["ADM-CID", "SIA-DCS"])
def test_every_kind_and_its_end_is_understood(transport: str, aes: str, form: str, tmp_path: Path) -> None:
    with Centre(transport, aes) as centre:
        with sender(tmp_path, centre.where, aes=aes, transport=transport, format=form) as made:
            sent = [a for n, k in enumerate(CODES, 1) for a in (alert(n, kind=k), over(alert(n, kind=k)))]
            assert made.deliver(sent) == [key(a) for a in sent]
        expected = []
        for kind, code in CODES.items():
            lost = form == "ADM-CID" and kind in CID_UNKNOWN_THERE
            letters = (x for x in (code.sia, code.sia_restore) if x)
            expected += ["YN" if lost else x for x in letters]
        wait_for(lambda: len(centre.events) == len(expected))
        seen = [e.code for e in centre.events]
        assert seen == expected if transport == "tcp" else sorted(seen) == sorted(expected)
        assert {bool(e.encrypted_content) for e in centre.events} == {bool(aes)}


def test_zone_words_and_account_arrive(tmp_path: Path) -> None:
    with Centre() as centre, sender(tmp_path, centre.where, format="SIA-DCS", zones={"s2": 42}) as made:
        made.deliver([alert(1, kind="fall", source="s2")])
        wait_for(lambda: centre.events)
        (event,) = centre.events
        assert (event.account, event.code, event.ri, event.message) == ("12AB", "MA", "1", "042*FALL KITCHEN")


def test_nak_corrects_the_clock_and_then_it_is_taken(tmp_path: Path) -> None:
    with Centre(key=KEYS[1]) as centre:
        with sender(tmp_path, centre.where, aes=KEYS[1], clock=now(-7200)) as made:
            assert made.deliver([alert()])
            assert made.deliver([alert(2)])
            assert abs(made._offset_s - 7200) <= 2
        wait_for(lambda: len(centre.events) == 2)
        assert centre.counts.error_timestamp == 1


def test_supervision_is_answered(tmp_path: Path) -> None:
    for aes in KEYS[:2]:
        with Centre(key=aes) as centre, sender(tmp_path, centre.where, aes=aes, supervise_s=1.0) as made:
            wait_for(lambda centre=centre: centre.events)
            assert centre.events[0].message_type.value.strip("*") == "NULL"
            assert made.fault() == ""


def test_a_foreign_account_or_key_is_no_delivery(tmp_path: Path) -> None:
    with (
        Centre(account="FFFF") as centre,
        sender(tmp_path, centre.where) as made,
        pytest.raises(OSError, match="an answer that is none"),
    ):
        made.deliver([alert()])
    assert centre.events == []
    with Centre(key=KEYS[1]) as centre, sender(tmp_path, centre.where, aes="X" * 16) as made:
        with pytest.raises((OSError, Refused)):
            made.deliver([alert()])
        assert centre.events == []


def test_a_code_it_does_not_know_is_refused_by_both(tmp_path: Path) -> None:
    codes = {"smoke": "111/QQ"}
    with (
        Centre() as first,
        Centre() as second,
        sender(tmp_path, first.where, second.where, format="SIA-DCS", codes=codes) as made,
    ):
        with pytest.raises(Refused, match="cannot process"):
            made.deliver([alert()])
        assert made.deliver([alert(2, kind="fall")])


def test_the_second_receiver_takes_over(tmp_path: Path) -> None:
    first = Centre()
    with Centre() as second, sender(tmp_path, first.where, second.where, timeout_s=0.5) as made:
        made.deliver([alert(1)])
        wait_for(lambda: (len(first.events), len(second.events)) == (1, 0))
        first.__exit__()
        made._lines[0].close()  # the kept connection is still served by a thread of the old one
        assert made.deliver([alert(2)])
        wait_for(lambda: (len(first.events), len(second.events)) == (1, 1))
