"""Does the bench of the alert chain measure what it says, to every channel kind?"""

from __future__ import annotations

import math
from typing import Any

import pytest

from alerts.channels import CHANNELS
from bench import alerts
from bench.far_ends import FarEnds
from simulators.broker import find_mosquitto


def test_every_channel_kind_has_a_far_end(tmp_path: Any) -> None:
    far = FarEnds(tmp_path)
    try:
        assert set(far.kinds()) >= set(CHANNELS) - {"log", "apprise"}
        assert [line.split(":")[0].strip() for line in far.channels().splitlines()[1:]] != []
    finally:
        far.close()


def test_a_short_run_reaches_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    monkeypatch.setattr(alerts, "RESTARTS", 1)
    found = alerts.figures(alerts.run(4, False), "")
    for key in (
        "durable_p50_ms",
        "durable_p99_ms",
        "delivered_p99_ms",
        "echo_p99_ms",
        "restart_delivered_max_ms",
    ):
        assert math.isfinite(found[key]), key
        assert found[key] > 0, key
    assert found["not_delivered"] == 0
