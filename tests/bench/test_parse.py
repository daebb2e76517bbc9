"""Does the parsing bench measure every serial driver on bytes that the driver accepts?"""

from __future__ import annotations

import json

import pytest

from bench import parse
from core.model import Packet
from devices import DRIVERS

SERIAL = [s for s in DRIVERS.values() if s.transport == "serial"]


@pytest.mark.parametrize("spec", SERIAL, ids=lambda s: s.name)
def test_the_stream_is_wholly_good(spec: object) -> None:
    data = parse.stream(spec)[:30_000]  # type: ignore[arg-type]
    driver = spec.make([spec.example])  # type: ignore[attr-defined]
    assert driver.feed(Packet("port", "", 0, data))
    health = driver.health()
    assert health.bytes_discarded == 0
    assert set(health.refused) <= {"packets_missed"}


def test_the_table_names_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse.main(["--json", "--seconds", "0", "--only", "ld2410s"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["drivers"]
    assert row["frames"] > 1000
    assert row["ns_per_byte"] > 0
    assert row["bare_ns_per_byte"] > 0
