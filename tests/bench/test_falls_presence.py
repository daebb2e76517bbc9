"""Does the cost of a rule without height count what it says?"""

import json

import pytest

from bench import falls_presence

HEAD = "time,sensor,kind,room,value\n"


def home(tmp_path, *rows):
    lines = "".join(f"2020-01-01 {t}.000,{s},{kind},{room},{v}\n" for t, s, kind, room, v in rows)
    (tmp_path / "h.csv").write_text(HEAD + lines, encoding="utf-8")
    return falls_presence.measure(tmp_path)["homes"]["h"]["asked"]


def motion(t, room, v=1):
    return t, f"m_{room}", "motion", room, v


END = (motion("12:00:00", "Living"), motion("12:00:01", "Living", 0))


@pytest.mark.parametrize(
    ("between", "count"),
    [
        ((), 1),
        ((motion("09:20:00", "Living"),), 0),
        ((("09:05:00", "front_door", "contact", "Entrance", 1),), 0),
        ((("08:58:00", "front_door", "contact", "Entrance", 1),), 0),
        ((("08:30:00", "bed", "pressure", "Bedroom", 1), ("11:00:00", "bed", "pressure", "Bedroom", 0)), 0),
    ],
    ids=["nothing", "moved on", "went out", "door just before", "in bed"],
)
def test_silence_in_a_bathroom_counts_unless_something_excuses_it(tmp_path, between, count):
    rows = [motion("08:00:00", "Living"), *between, motion("09:00:00", "Bathroom"), *END]
    assert home(tmp_path, *sorted(rows))["bathroom"][30] == count


def test_a_night_walk_that_ends_in_the_hall(tmp_path):
    asked = home(tmp_path, motion("02:59:00", "Bedroom"), motion("03:00:00", "Hall"), *END)
    assert asked["hall at night"] == asked["hall"] == {15: 1, 30: 1, 60: 1, 120: 1}


def test_report_and_table(tmp_path, capsys):
    home(tmp_path, motion("09:00:00", "Bathroom"), motion("09:40:00", "Living"), *END)
    assert falls_presence.main(["--data", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["homes"]["h"]["asked"]["bathroom"]["30"] == 1
    assert falls_presence.main(["--data", str(tmp_path)]) == 0
    assert "1, 1, 0, 0" in capsys.readouterr().out
    assert falls_presence.main(["--data", str(tmp_path / "none")]) == 2
