"""Is every line one point with the names it was given, however hostile?"""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.model import Alert, AlertState, Block, Severity
from core.quantity import Quantity
from store.line_protocol import ALERT, alert_line, block_lines, head, key, line, measurement, number

hostile = st.one_of(
    st.text(max_size=20), st.text(alphabet=" ,=\\\n\r\t\"'\0#\x7f\u2028", max_size=12), st.just("a,b=c d\\")
)


def parse(text: str) -> tuple[str, dict[str, str], dict[str, float], int]:
    """A reader of the protocol by its description: a backslash makes the next , = or blank a plain one."""

    def cut(part: str, at: str) -> list[str]:
        out, i = [""], 0
        while i < len(part):
            if part[i] == "\\" and i + 1 < len(part) and part[i + 1] in ",= ":
                out[-1] += part[i : i + 2]
                i += 2
                continue
            if part[i] == at:
                out.append("")
            else:
                out[-1] += part[i]
            i += 1
        return out

    def plain(part: str) -> str:
        return part.replace("\\,", ",").replace("\\=", "=").replace("\\ ", " ")

    assert "\n" not in text
    front, values, t = cut(text, " ")
    name, *tags = cut(front, ",")
    read_tags = dict([plain(x) for x in cut(tag, "=")] for tag in tags)
    fields = {plain(k): float(v) for k, v in (cut(f, "=") for f in cut(values, ","))}
    return plain(name), read_tags, fields, int(t)


def said(name: str) -> str:
    """What of a name can be written at all."""
    out = "".join(" " if c < " " or c in "\x7f\x85\u2028\u2029" else c for c in name)
    return out.replace("\\", "/").encode("utf-8", "replace").decode()


@given(
    name=hostile.filter(bool),
    tags=st.dictionaries(hostile.filter(bool), hostile, max_size=4),
    fields=st.dictionaries(hostile.filter(bool), st.floats(), min_size=1, max_size=4),
    t=st.integers(0, 2**62),
)
def test_names_come_back_as_they_were_as_far_as_they_can_be_written(name, tags, fields, t):
    told = line(name, tags, fields, t)
    finite = {said(k): v for k, v in fields.items() if math.isfinite(v)}
    if told is None:
        assert not finite
        return
    got_name, got_tags, got_fields, got_t = parse(told)
    assert got_name == said(name)
    assert got_t == t
    assert got_tags.keys() == {said(k) for k, v in tags.items() if v}
    if len(got_tags) == len([v for v in tags.values() if v]):
        assert got_tags == {said(k): said(v) for k, v in tags.items() if v}
    if len(finite) == len([v for v in fields.values() if math.isfinite(v)]):
        assert got_fields == finite


ALERT_ONE = Alert(
    id="ab12", kind="fall", severity=Severity.ALARM, source="radar, bath\n", room="浴室", resident="wang",
    opened=1_795_404_157_769_470_001, changed=1_795_404_160_000_000_000, state=AlertState.OPEN, revision=3,
    evidence={"height_m": 0.3, "weak": True, "stage": "confirmed", "list": [1], "n": 7, "bad": float("nan")},
)  # fmt: skip


def test_an_alert_is_numbers_and_tags_and_settled_by_id_and_revision():
    name, tags, fields, t = parse(alert_line("home", ALERT_ONE))
    assert name == ALERT
    assert tags == {"home": "home", "alert": "ab12", "kind": "fall", "room": "浴室", "source": "radar, bath ",
                    "revision": "3"}  # fmt: skip
    assert fields == {"severity": 0.0, "state": 0.0, "opened_ms": 1_795_404_157_769.0, "ev_height_m": 0.3,
                      "ev_weak": 1.0, "ev_n": 7.0}  # fmt: skip
    assert t == ALERT_ONE.changed
    assert alert_line("home", ALERT_ONE) == alert_line("home", replace(ALERT_ONE))
    assert (
        alert_line("home", ALERT_ONE).split(" ")[0]
        != alert_line("home", replace(ALERT_ONE, revision=4)).split(" ")[0]
    )


def test_evidence_cannot_take_the_place_of_our_own_fields_nor_grow_without_end():
    many = replace(ALERT_ONE, evidence={**{f"k{n}": n for n in range(500)}, "severity": 9})
    fields = parse(alert_line("home", many))[2]
    assert fields["severity"] == 0.0
    assert len(fields) < 60
    huge = replace(ALERT_ONE, evidence={"n": 10**400})
    assert "ev_n" not in parse(alert_line("home", huge))[2]


def test_blocks_become_one_line_a_sample_and_what_is_missing_none():
    block = Block.build("gas 1", Quantity.CO_PPM, [1, 2, 3], [4.5, float("nan"), 6.0], [0, 0, 2])
    assert [parse(x) for x in block_lines("h", "", block)] == [
        ("co_ppm", {"home": "h", "source": "gas 1"}, {"value": 4.5, "flags": 0.0}, 1),
        ("co_ppm", {"home": "h", "source": "gas 1"}, {"value": 6.0, "flags": 2.0}, 3),
    ]
    button = Block.build("b", Quantity.BUTTON, [7], ["double, press"], [0])
    assert [parse(x) for x in block_lines("h", "hall", button)] == [
        ("button", {"home": "h", "source": "b", "room": "hall", "text": "double, press"}, {"value": 1.0}, 7)
    ]
    track = Block.build("r", Quantity.TRACK, [1], [[0.0] * 10], [0])
    assert list(block_lines("h", "", track)) == []


def test_the_small_parts():
    assert number(True) == "1.0"
    assert number(float("inf")) is None
    assert key("") == ""
    assert measurement("a b") == "a\\ b"
    assert head("m", {"b": "2", "a": "1"}) == "m,a=1,b=2"
