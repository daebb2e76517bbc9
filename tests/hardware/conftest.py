"""On what do the bodies run? Emulated devices always; with HEARTHWATCH_BENCH also those on real ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices import DRIVERS
from ingest import serial_port
from simulators.device import example
from tests.hardware.bench_file import Bench, ConfigError, load
from tests.hardware.rig import EmulatedRig, HardwareRig, Rig

SET_UP = {
    "ld2410": {"engineering": True}, "ld2410b": {"engineering": True}, "ld2410c": {"engineering": True},
    "ld2412": {"engineering": True}, "ld6002c": {"sensitivity": 5}, "mr60fda2": {"sensitivity": 5},
    "ti_iwr6843": {"cfg": "sensorStop\nframeCfg 0 1 96 0 55 1 0\nsensorStart", "command_link": "command"},
}  # fmt: skip
"""Options that make a device with nothing to set up need some."""

Open = Callable[..., Rig]


def the_bench() -> Bench | None:
    """The bench file the environment names, if it names one."""
    named = os.environ.get("HEARTHWATCH_BENCH", "")
    if not named:
        return None
    try:
        return load(Path(named))
    except ConfigError as error:
        raise pytest.UsageError(f"the bench cannot be used: {error}") from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "opened" not in metafunc.fixturenames:
        return
    serial = [s.name for s in DRIVERS.values() if s.transport == "serial"]
    cases = [pytest.param(name, id=name) for name in serial]
    bench = the_bench()
    real = list(bench.devices) if bench else []
    cases += [pytest.param(f"bench:{n}", id=f"bench-{n}", marks=pytest.mark.hardware) for n in real]
    metafunc.parametrize("opened", cases, indirect=True)


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """A function that puts the rig up, at a wrong speed if asked; it is taken down at the end."""
    rigs: list[Rig] = []

    def open_rig(wrong_speed: bool = False) -> Rig:
        if request.param.startswith("bench:"):
            name = request.param.removeprefix("bench:")
            bench = the_bench()
            assert bench is not None
            entry = bench.devices[name]
            baud = _wrong(entry.device) if wrong_speed else None
            rig: Rig = HardwareRig(name, entry, _asker(request), baud)
        else:
            # in lock-step nothing is gained by gathering, and an outage need not be waited for
            monkeypatch.setattr(serial_port, "GATHER_S", 0.0)
            monkeypatch.setattr(serial_port, "RETRY_FIRST_S", 0.02)
            name = request.param
            folder = tmp_path / str(len(rigs))
            folder.mkdir()
            baud = _wrong(name) if wrong_speed else None
            rig = EmulatedRig(example(name, **SET_UP.get(name, {})), folder, baud)
        rigs.append(rig)
        rig.start()
        return rig

    yield open_rig
    for rig in rigs:
        rig.close()


def _wrong(device: str) -> int:
    line = DRIVERS[device].line
    return 9600 if line is None or line.baud == 57600 else 57600


def _asker(request: pytest.FixtureRequest) -> Callable[[str], bool]:
    """Ask at the terminal, around what pytest captures. Anything but Enter means: not possible now."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def ask(text: str) -> bool:
        with manager.global_and_fixture_disabled():
            try:
                return input(f"\n  >> please {text}, then press Enter (n = not now): ").strip() == ""
            except (EOFError, OSError):
                return False

    return ask
