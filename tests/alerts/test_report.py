from __future__ import annotations

import random

from alerts.book import AlertBook
from alerts.report import months
from core.model import DAY
from tests.alerts.making import HOME, event, s


def test_times_and_causes_by_month() -> None:
    book = AlertBook(HOME)
    out = book.apply([event(100, "fall")])
    out += book.answer(out[0].id, "take", "grid", s(130))
    out += book.answer(out[0].id, "arrived", "grid", s(1000))
    out += book.answer(out[0].id, "false_alarm", "grid", s(1100), "sat down hard")
    out += book.apply([event(2000, "sos")])
    out += book.apply([event(3000, "smoke", test=True)])
    out += book.apply([event(40 * 86_400, "smoke")])
    out += book.apply([event(40 * 86_400 + 5, "smoke", "clear")])
    random.Random(1).shuffle(out)
    january, february = months(out, "Asia/Shanghai")
    assert january.as_dict() == {
        "month": "1970-01", "resident": "wang", "alerts": {"fall": 1, "sos": 1}, "drills": 1, "serious": 2,
        "rung": 2,
        "acknowledged": {"count": 1, "median_s": 30.0, "max_s": 30.0},
        "arrived": {"count": 1, "median_s": 900.0, "max_s": 900.0},
        "at_home": 0, "never_answered": 1, "false_alarms": {"sat down hard": 1},
    }  # fmt: skip
    assert (february.month, february.alerts, february.acknowledged_s) == ("1970-02", {"smoke": 1}, [])
    assert february.never_answered == 1


def test_a_month_is_the_local_one() -> None:
    book = AlertBook(HOME)
    out = book.apply([event(31 * 86_400 - 3600, "fall")])
    assert [m.month for m in months(out, "Asia/Shanghai")] == ["1970-02"]
    assert [m.month for m in months(out, "UTC")] == ["1970-01"]
    assert months([], "UTC") == []
    assert out[0].opened < 31 * DAY
