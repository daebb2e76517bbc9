"""What every test may ask for: a broker, the folder of recordings, a state folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.broker import Broker

ROOT = Path(__file__).resolve().parent.parent

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
# no deadlines: a unit test holds no timing; derandomised so that a failure is one for everybody
settings.register_profile(
    "normal", max_examples=50, deadline=None, derandomize=True, suppress_health_check=_QUIET
)
settings.register_profile("slow", max_examples=2000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real recordings; the test is skipped where there is none."""
    folder = Path(os.environ.get("HEARTHWATCH_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}; set HEARTHWATCH_DATA to the folder that holds them")
    return folder


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """An empty folder for a gateway's databases and snapshots."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A fresh broker of this test's own: Mosquitto where installed, else amqtt."""
    folder = tmp_path / "broker"
    folder.mkdir()
    own = Broker(folder)
    own.start()
    try:
        yield own
    finally:
        own.thaw()
        own.close()


@pytest.fixture
def mosquitto(broker: Broker) -> Broker:
    """The same, for tests of what only Mosquitto does (sessions, queues); skipped without it."""
    if broker.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    return broker
