"""Absent, yes and no, numbers, JSON: the rules every message driver shares."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Reading
from core.quantity import Quantity as Q
from devices import payload
from devices.kinds import by_kind, model_kind
from devices.payload import Refusal, Wrong


@given(st.binary(max_size=200))
def test_bytes_are_a_value_or_a_named_refusal(data: bytes) -> None:
    value = payload.json_value(data)
    if isinstance(value, Refusal):
        assert value in ("not_json", "not_utf8", "nesting", "empty", "too_large")
    else:
        assert json.loads(data) == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(10**9), 10**9))
def test_a_number_and_its_text_are_the_same(x: float) -> None:
    assert payload.number(x) == payload.number(str(x)) == float(x)


@pytest.mark.parametrize(
    "bad", [math.inf, -math.inf, "inf", "-Infinity", "1e999", "1_000", "0x10", True, [], {}, "x" * 99]
)
def test_what_is_no_finite_number_is_wrong(bad: object) -> None:
    assert isinstance(payload.number(bad), Wrong)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (-1, 0, 100, None),
        (-1, -60, 100, -1.0),
        (0, 1, 300, None),
        (0, 0, 300, 0.0),
        ("NaN", 0, 1, None),
        (math.nan, 0, 1, None),
    ],
)
def test_sentinels_are_absent_only_where_they_are_impossible(
    value: object, low: float, high: float, expected: float | None
) -> None:
    assert payload.number(value, low, high) == expected


def test_numbers_too_large_for_a_float_are_wrong() -> None:
    assert isinstance(payload.number(10**400), Wrong)
    assert isinstance(payload.number(10**400, 0, 100), Wrong)


@given(st.text(max_size=12))
def test_a_yes_or_no_comes_only_from_the_table(word: str) -> None:
    x = payload.yes_no(word)
    known = {"true", "false", "on", "off", "yes", "no", "1", "0", "-1"} | payload.ABSENT_WORDS
    assert isinstance(x, Wrong) == (word.strip().lower() not in known)


def test_false_words_are_false() -> None:
    assert {payload.yes_no(w) for w in (False, "false", "False", "FALSE", "off", "OFF", " off ", 0, "0")} == {
        0.0
    }
    assert {payload.yes_no(w) for w in (True, "true", "True", "on", "ON", 1, "1")} == {1.0}
    assert {payload.yes_no(w) for w in (None, "", "unknown", "Unavailable", "nan", "None", -1)} == {None}


def test_two_fields_of_one_quantity_join_by_the_alarming_one() -> None:
    def said(quantity: Q, *values: float) -> list[float]:
        readings = [Reading("s", quantity, 0, v, 0) for v in values]
        return [float(r.value) for r in payload.merge(readings)]  # type: ignore[arg-type]

    assert said(Q.SMOKE, 0, 1, 0) == [1]
    assert said(Q.FALL_STATE, 1, 2, 0) == [2]
    assert said(Q.TEMPERATURE_C, 20, 40) == [20]
    assert said(Q.SOS, 1, 1) == [1, 1]


def test_size_is_bounded() -> None:
    assert payload.json_value(b" " * (payload.MAX_BYTES + 1)) == "too_large"
    assert payload.text(b"x" * (payload.MAX_BYTES + 1)) == "too_large"


def test_kinds_turn_quantities() -> None:
    assert by_kind("bed", Q.PRESENCE) is Q.BED_OCCUPIED
    assert by_kind("presence", Q.MOTION) is Q.PRESENCE
    assert by_kind("heat", Q.SMOKE) is Q.HEAT
    assert by_kind("tap", Q.VIBRATION) is Q.USE
    assert by_kind("", Q.SMOKE) is Q.SMOKE


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("Tuya TS0601_bed_presence_sensor Pressure Sensing Strap/Bed Occupancy Sensor", "bed"),
        ("OWON FDS315 Fall Detection Sensor", "fall"),
        ("Tuya ZY_HPS01 mmWave radar 5.8GHz", "presence"),
        ("Aqara RTCGQ11LM PIR", "motion"),
        ("frient HESZB-120 Fire detector, heat alarm", "heat"),
        ("Hive KEYPAD001 Alarm security keypad", ""),
        ("Inovelli VZM32-SN mmWave Zigbee Dimmer", ""),
        ("Aqara MCCGQ11LM Door and window sensor", ""),
    ],
)
def test_models_tell_the_kind_where_the_field_does_not(model: str, kind: str) -> None:
    assert model_kind(model) == kind
