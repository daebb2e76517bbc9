"""What people ask to be removed is gone from every file, what remains still verifies, and it is said."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerts.outbox import Outbox
from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, HOUR, SECOND, AlertState, Block, Packet
from core.quantity import Quantity
from gateway.cli import app
from gateway.journal import Journal, read_journal, runtime_dir
from gateway.lock import Lock
from ingest.recording import Header, RecordingReader, write_all
from store.days import DayStore
from store.reader import SampleReader
from store.sqlite import SampleStore
from tests.alerts.making import alert
from tests.gateway.kept import home_at

run = CliRunner().invoke
Q = Quantity
T0 = 20_000 * DAY  # 2024-10-04 08:00 in Shanghai
SECRET = "marmalade-sandwich"  # stands in for what nobody should find afterwards
OLD, NEW = T0 + HOUR + 100 * SECOND, T0 + 30 * HOUR


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "en")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    more = "channels: {log: {type: log}}\n"
    path = home_at(tmp_path, more)
    state = tmp_path / "state"
    box = Outbox(state / "alerts.db")
    for n, t in ((1, OLD), (2, NEW)):
        a = replace(
            alert(n),
            opened=t,
            changed=t,
            state=AlertState.CLEARED,
            evidence={"why": "x", "note": f"{SECRET}-{n}"},
        )
        box.write([a])
        write_all(state / "evidence" / f"{a.id}.jsonl", packets(t, 3))
    box.close()
    store = SampleStore(state / "samples.db", SamplesConfig(thin_s=1), ManualClock(T0 + 40 * HOUR))
    store.keep_raw(T0 - DAY, T0 + 2 * DAY)
    times = [T0 + i * 10 * SECOND for i in range(3600 * 4)]  # 40 hours
    store.write([Block.build("s1", Q.CO_PPM, times, [0.5] * len(times), [0] * len(times))])
    clouds = [T0 + HOUR + i * SECOND for i in range(200)]
    store.write([Block.build("s1", Q.TRACK, clouds, [[1.0] * 10] * 200, [0] * 200)])
    store.close()
    DayStore(state / "days.db").write(
        [{"date": d, "what": SECRET} for d in ("2024-10-03", "2024-10-04", "2024-10-05")]
    )
    for stamp, first in (
        ("20241004T000000", T0),
        ("20241004T010000", T0 + HOUR),
        ("20241005T000000", T0 + DAY),
    ):
        write_all(
            state / "recordings" / f"rec-{stamp}Z-0000.jsonl.zst", packets(first, 400), Header("h", first)
        )
    (state / "state.json").write_text(SECRET)
    (state / "alerts.db.damaged-1").write_text(SECRET)
    (state / "holiday.jpg").write_text("not ours")
    journal = Journal(runtime_dir(state) / "journal")
    journal.append([*packets(OLD, 2), *packets(NEW, 2)])
    journal.close()
    return path


def packets(first: int, count: int) -> list[Packet]:
    return [Packet("broker", "zigbee2mqtt/door", first + i * SECOND, SECRET.encode()) for i in range(count)]


def erased(config: Path, *options: str) -> dict[str, object]:
    said = run(app, ["erase", "-c", str(config), "--yes", "--json", "--by", "son", *options])
    assert said.exit_code == 0, said.output
    found: dict[str, object] = json.loads(said.stdout)
    return found


def whole(config: Path) -> bool:
    return run(app, ["audit", "verify", "-c", str(config)]).exit_code == 0


def samples(config: Path) -> list[int]:
    with SampleReader(config.parent / "state" / "samples.db") as reader:
        return sorted(t for key in reader.series() for b in reader.blocks(key) for t in b.t.tolist())


def test_everything_is_gone_from_every_file(config: Path) -> None:
    state = config.parent / "state"
    found = erased(config, "--all")
    for file in state.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
            assert b"wang" not in file.read_bytes(), file
    assert sorted(p.name for p in state.iterdir() if p.is_file()) == ["alerts.db", "holiday.jpg", "lock"]
    assert not list((state / "evidence").iterdir())
    assert not list((state / "recordings").iterdir())
    assert read_journal(runtime_dir(state) / "journal") == []
    assert any("holiday.jpg" in line for line in found["remains"])  # type: ignore[attr-defined]
    assert whole(config)
    said = run(app, ["audit", "verify", "-c", str(config)]).stdout
    assert "2 revisions were erased on request (everything; by son)" in said


def test_before_an_instant_to_the_nanosecond(config: Path) -> None:
    state = config.parent / "state"
    cut = T0 + HOUR + 105 * SECOND  # 09:01:45 of the day, in the middle of a packed hour and of a shot
    before = samples(config)
    erased(config, "--before", "2024-10-04T09:01:45")
    assert samples(config) == [t for t in before if t >= cut]
    assert len(samples(config)) < len(before)
    box = Outbox(state / "alerts.db")
    assert [a.opened for a in box.history() if a.kind != "erasure"] == [NEW]
    box.close()
    assert whole(config)
    names = sorted(p.name for p in (state / "recordings").iterdir())
    assert names == ["rec-20241004T010000Z-0000.jsonl.zst", "rec-20241005T000000Z-0000.jsonl.zst"]
    kept = [p.at for p in RecordingReader(state / "recordings").packets() if p.data]
    assert min(kept) == cut
    assert len(kept) == 400 - 105 + 400
    assert [p.at for p in read_journal(runtime_dir(state) / "journal")] == [NEW, NEW + SECOND]
    with sqlite3.connect(state / "days.db") as link:
        assert [d for (d,) in link.execute("SELECT date FROM day")] == ["2024-10-05"]
    assert (state / "state.json").exists()
    assert not (state / "alerts.db.damaged-1").exists()
    assert len(list((state / "evidence").iterdir())) == 1


def test_a_head_told_before_an_erasure_is_found_or_known_to_be_gone(config: Path) -> None:
    box = Outbox(config.parent / "state" / "alerts.db")
    box.write([replace(alert(n), changed=OLD + n, state=AlertState.CLEARED) for n in range(3, 6)])
    heads = {seq: chain for seq, _, chain in box.chain()}
    box.close()
    erased(config, "--before", "2024-10-04T12:00")  # rows 1 and 3 to 5 go, row 2 is of the next day

    def verify(head: str) -> int:
        return run(app, ["audit", "verify", "-c", str(config), "--head", head]).exit_code

    assert verify(heads[2]) == 0
    assert verify(f"2:{heads[2][:10]}") == 0
    assert verify(heads[5]) == 0  # the last of a run stays as a value
    assert verify(f"4:{heads[4]}") == 0  # in the middle: gone on request, as the record tells
    assert verify(heads[4]) == 1  # without its row nobody can say
    assert verify("9" * 64) == 1


def test_one_of_two_residents(tmp_path: Path, config: Path) -> None:
    text = config.read_text().replace("residents: {wang: {", "residents: {li: {name: Li}, wang: {")
    config.write_text(text)
    before = samples(config)
    found = erased(config, "--resident", "li")
    assert not [w for w, n in found["removed"].items() if n and w == "alerts.db"]  # type: ignore[attr-defined]
    found = erased(config, "--resident", "wang")
    assert found["removed"]["alerts.db"] == 2  # type: ignore[index]
    assert samples(config) == before
    assert any("cannot be told apart" in line for line in found["remains"])  # type: ignore[attr-defined]
    assert not list((config.parent / "state" / "evidence").iterdir())
    assert whole(config)


def test_of_an_only_resident_everything_goes(config: Path) -> None:
    erased(config, "--resident", "wang")
    assert not (config.parent / "state" / "samples.db").exists()
    assert whole(config)


def test_it_asks_and_nobody_or_a_no_is_a_no(config: Path) -> None:
    for answer in ("", "n\n", "\n"):
        said = run(app, ["erase", "-c", str(config), "--all"], input=answer)
        assert said.exit_code == 2
        assert "revisions of alerts: 2" in said.stdout
        assert "nothing was removed" in said.stderr
    assert len(samples(config)) > 0
    said = run(app, ["erase", "-c", str(config), "--all"], input="y\n")
    assert said.exit_code == 0
    assert "removed from alerts.db: 2" in said.stdout


def test_a_running_gateway_is_left_alone(config: Path) -> None:
    lock = Lock(config.parent / "state")
    said = run(app, ["erase", "-c", str(config), "--all", "--yes"])
    lock.close()
    assert said.exit_code == 5
    assert "Stop the gateway first" in said.stderr
    assert len(samples(config)) > 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 2), (["--all", "--before", "2024-10-04"], 2), (["--resident", "nobody"], 2), (["--before", "soon"], 2),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(config: Path, options: list[str], code: int) -> None:
    assert run(app, ["erase", "-c", str(config), "--yes", *options]).exit_code == code
    assert len(samples(config)) > 0


def test_where_nothing_was_kept_there_is_nothing_to_erase(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    said = run(app, ["erase", "-c", str(home_at(tmp_path / "b")), "--all", "--yes"])
    assert said.exit_code == 4
    assert not (tmp_path / "b" / "state").exists()


def test_a_damaged_file_goes_as_a_whole_or_is_told(config: Path) -> None:
    state = config.parent / "state"
    (state / "samples.db").write_bytes(b"garbage" * 5000)
    said = run(app, ["erase", "-c", str(config), "--before", "2024-10-04T09:01:45", "--yes"])
    assert said.exit_code == 1
    assert "could not clean samples.db" in said.stderr
    erased(config, "--all")
    assert not (state / "samples.db").exists()


def test_the_gateway_goes_on_with_what_is_left(config: Path) -> None:
    erased(config, "--before", "2024-10-05T00:00")
    box = Outbox(config.parent / "state" / "alerts.db")
    box.write([replace(alert(9), changed=T0 + 50 * HOUR)])
    box.close()
    store = SampleStore(config.parent / "state" / "samples.db", SamplesConfig(), ManualClock(T0 + 50 * HOUR))
    block = store.read("s1", Q.CO_PPM, T0, T0 + 50 * HOUR)
    assert len(block)
    assert store.status()["fault"] == ""
    store.close()
    assert whole(config)
