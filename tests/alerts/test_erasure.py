"""After any erasures the chain is whole and tells of them; nothing else makes a hole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.archive import Archive
from alerts.audit import Erased, Verdict, digest, verify
from alerts.erasure import Choice, count, erase
from alerts.outbox import Outbox
from core.model import Alert, AlertState
from tests.alerts.making import alert, s

ALL = Choice("everything", everything=True)


def before(seconds: float) -> Choice:
    return Choice("before", before=s(seconds))


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "alerts.db"


def fill(path: Path, alerts: list[Alert]) -> None:
    box = Outbox(path)
    box.register("sink", from_start=True)
    box.write(alerts)
    box.close()


def audit(path: Path) -> Verdict:
    with Archive(path) as archive:
        return verify(archive.chain(), archive.erased())


def kept(path: Path) -> list[tuple[str, int]]:
    with Archive(path) as archive:
        return [(a.id, a.revision) for a in archive.revisions() if a.kind != "erasure"]


def over(n: int, revision: int, changed: float, resident: str = "wang") -> Alert:
    a = alert(n, revision, state=AlertState.CLEARED, changed=changed, evidence={"why": "cleared"})
    return replace(a, resident=resident)


def test_what_is_older_goes_and_the_rest_still_verifies(path: Path) -> None:
    fill(path, [over(n, 1, n) for n in range(1, 11)])
    assert count(path, before(6)) == 5
    removed = erase(path, before(6), "h", s(100), "son")
    assert (removed.rows, removed.record) == (5, 11)
    assert kept(path) == [(over(n, 1, n).id, 1) for n in range(6, 11)]
    verdict = audit(path)
    assert verdict.whole
    assert (verdict.rows, verdict.erased, verdict.records) == (6, 5, (11,))


def test_an_open_alert_stays_whatever_its_age(path: Path) -> None:
    fill(path, [alert(1, 1, changed=1), alert(1, 2, changed=2), over(2, 1, 3)])
    erase(path, before(50), "h", s(100), "son")
    assert kept(path) == [(alert(1).id, 2)]
    assert audit(path).whole


def test_everything(path: Path) -> None:
    fill(path, [alert(n, changed=n) for n in range(1, 6)])
    box = Outbox(path)
    box.put_fact("gate:daughter", {"told": {alert(1).id: 1}, "calls": {"smoke\ns1": [1, 0]}})
    box.close()
    erase(path, ALL, "h", s(100), "son")
    assert kept(path) == []
    assert audit(path).whole
    assert Outbox(path).get_fact("gate:daughter") is None
    assert erase(path, ALL, "h", s(200), "son").rows == 0  # the record of it stays
    assert len(audit(path).records) == 1


def test_one_resident(path: Path) -> None:
    fill(path, [over(n, 1, n, "wang" if n % 2 else "li") for n in range(1, 9)])
    erase(path, Choice("one resident", resident="wang"), "h", s(100), "son")
    assert kept(path) == [(over(n, 1, n).id, 1) for n in (2, 4, 6, 8)]
    verdict = audit(path)
    assert verdict.whole
    assert verdict.erased == 4


def test_nothing_of_what_went_is_left_in_the_file(path: Path) -> None:
    secret = "very particular words"
    fill(
        path,
        [replace(over(n, 1, n), evidence={"why": "cleared", "x": f"{secret} {n}"}) for n in range(1, 200)],
    )
    assert any(secret.encode() in file.read_bytes() for file in path.parent.iterdir())
    erase(path, before(1000), "h", s(2000), "son")
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes(), file


def test_sinks_hear_of_it_and_the_outbox_goes_on(path: Path) -> None:
    fill(path, [over(n, 1, n) for n in range(1, 6)])
    erase(path, before(4), "h", s(100), "son")
    box = Outbox(path)
    waiting = box.pending("sink")
    assert [a.kind for a in waiting] == ["smoke", "smoke", "erasure"]
    assert waiting[-1].evidence["rows"] == 3
    box.write([over(9, 1, 200)])
    box.taken("sink", [(a.id, a.revision) for a in box.pending("sink")])
    assert box.prune(s(150)) > 0
    box.close()
    assert audit(path).whole
    erase(path, before(1000), "h", s(2000), "son")
    assert audit(path).whole


def test_pruning_up_to_a_hole_keeps_the_chain(path: Path) -> None:
    fill(path, [over(n, 1, n, "wang" if n in (3, 4) else "li") for n in range(1, 8)])
    erase(path, Choice("one resident", resident="wang"), "h", s(100), "son")
    box = Outbox(path)
    box.taken("sink", [(a.id, a.revision) for a in box.pending("sink")])
    for upto in (2.5, 3.5, 5.5, 1000):  # before, within and after the hole
        box.prune(s(upto))
        assert audit(path).whole, upto
    box.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM revision WHERE seq = 7",  # a hole nobody tells of
        "DELETE FROM fact WHERE key LIKE 'erased:%'",
        "UPDATE fact SET value = replace(value, '[1, 5', '[1, 6') WHERE key LIKE 'erased:%'",
        "UPDATE revision SET body = replace(body, '\"rows\":5', '\"rows\":4') WHERE seq = 11",
        "DELETE FROM revision WHERE seq = 11",
        "UPDATE revision SET body = replace(body, 'alarm', 'info') WHERE seq = 8",
    ],
)
def test_what_somebody_changes_afterwards_shows(path: Path, sql: str) -> None:
    fill(path, [over(n, 1, n) for n in range(1, 11)])
    erase(path, before(6), "h", s(100), "son")
    db = sqlite3.connect(path)
    assert db.execute(sql).rowcount == 1
    db.commit()
    db.close()
    assert not audit(path).whole


def test_widening_an_erasure_by_its_tombstone_shows(path: Path) -> None:
    """Remove one more row and let the tombstone cover it, chain value and all: the digest does not fit."""
    fill(path, [over(n, 1, n) for n in range(1, 11)])
    erase(path, before(6), "h", s(100), "son")
    db = sqlite3.connect(path)
    (chain,) = db.execute("SELECT chain FROM revision WHERE seq = 6").fetchone()
    db.execute("DELETE FROM revision WHERE seq = 6")
    db.execute("UPDATE fact SET value = ? WHERE key = 'erased:11'", (f'[[1, 6, "{chain}"]]',))
    db.commit()
    db.close()
    verdict = audit(path)
    assert not verdict.whole
    assert "vouch" in verdict.why


def test_digest_is_of_the_set(path: Path) -> None:
    a, b = Erased(1, 2, "aa", 9), Erased(4, 4, "bb", 9)
    assert digest([a, b]) == digest([b, a]) != digest([a])


lives = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["wang", "li"]), st.booleans()), max_size=25)
steps = st.lists(
    st.one_of(
        st.integers(0, 30).map(lambda t: before(t + 0.5)),
        st.sampled_from(["wang", "li"]).map(lambda r: Choice("one resident", resident=r)),
        st.just(ALL),
        lives,
        st.integers(0, 30),
    ),
    max_size=6,
)


@given(first=lives, then=steps)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_law_any_erasures_writes_and_prunings_leave_a_whole_chain(
    first: list[tuple[int, str, bool]], then: list[object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("law") / "alerts.db"
    revisions: dict[int, int] = {}
    clock = 0

    def more(rows: list[tuple[int, str, bool]]) -> None:
        nonlocal clock
        made = []
        for n, resident, closed in rows:
            clock += 1
            revisions[n] = revisions.get(n, 0) + 1
            state = AlertState.CLEARED if closed else AlertState.OPEN
            made.append(replace(alert(n, revisions[n], state=state, changed=clock), resident=resident))
        fill(path, made)

    more(first)
    for step in then:
        clock += 1
        if isinstance(step, Choice):
            wanted = count(path, step)
            assert erase(path, step, "h", s(clock), "x").rows == wanted
            assert count(path, step) == 0 or step.before is not None
        elif isinstance(step, int):
            box = Outbox(path)
            box.taken("sink", [(a.id, a.revision) for a in box.pending("sink", 1000)])
            box.prune(s(step))
            box.close()
        else:
            more(step)
        verdict = audit(path)
        assert verdict.whole, (step, verdict)
    box = Outbox(path)
    for a in box.latest(open_only=True):
        assert a.state is not AlertState.CLEARED
    box.close()
