"""Is a detector past the date on its label told, at the right midnight, until it is replaced?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.config import ConfigError
from core.model import DAY, HOUR, SECOND, Alert
from gateway import build, canonical
from gateway.app import Gateway
from gateway.lifetime import last_day, past
from gateway.show import looked_after
from gateway.status import describe
from simulators.broker import free_port

MIDNIGHT = int((date(2031, 4, 1) - date(1970, 1, 1)).days) * DAY - 8 * HOUR  # in Shanghai, end of March


def write(folder: Path, replace_by: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(
        f"home: {{id: h, time_zone: Asia/Shanghai}}\nlinks: {{b: {{type: mqtt, port: {free_port()}}}}}\nsensors:\n"
        "  smoke: {device: zigbee2mqtt, link: b, topic: z/smoke, kind: smoke, "
        f"options: {{replace_by: {replace_by}}}}}\n"
        f"store: {{state_dir: {folder / 'state'}}}\n",
        encoding="utf-8",
    )
    return path


def test_the_trouble_comes_at_midnight_of_the_home_and_ends_with_the_new_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    clock = ManualClock(MIDNIGHT - 5 * 60 * SECOND)
    told: list[Alert] = []

    def run(replace_by: str, minutes: int) -> dict[str, list[str]]:
        made = build.plan(write(tmp_path, replace_by))
        gateway = Gateway(made, lambda start: clock, on_turn=lambda g, p, a: told.extend(a))
        for _ in range(minutes * 6):
            clock.advance(10 * SECOND)
            gateway.turn(0.0)
        shown = looked_after(describe(gateway))
        gateway.close()
        return shown

    def states() -> list[str]:
        return [str(a.state) for a in told if a.kind == "replace_due"]

    assert "status.life" not in run('"2031-03"', 4)
    assert states() == []
    assert run('"2031-03"', 4)["status.life"] == ["smoke"]
    assert states() == ["open"]
    run('"2031-03"', 2)
    assert states() == ["open"], "a restart tells it again"
    run('"2041-03"', 2)
    assert states()[-1] == "cleared"
    assert all(a.kind != "replace_due" for a in canonical.from_packets(told))


@pytest.mark.parametrize("text", ["2031-03-01", '"March 2031"', '"2031-13"', "2031", "true", '"2031-02-30"'])
def test_a_date_that_is_none_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"c\.yaml:4: sensors\.smoke\.options\.replace_by"):
        build.plan(write(tmp_path, text))


def test_the_last_day_still_counts(tmp_path: Path) -> None:
    home = build.plan(write(tmp_path, '"2032-02"')).home
    assert last_day("2032-02") == date(2032, 2, 29)
    assert last_day("2031-12") == date(2031, 12, 31)
    assert past(home, date(2032, 2, 29)) == []
    assert past(home, date(2032, 3, 1)) == ["smoke"]
