from __future__ import annotations

import pytest

from core.quantity import Quantity as Q
from simulators.around import Around, parse, rows


def test_words_of_a_person_become_values() -> None:
    around = Around()
    around.change(**parse("co_ppm=80, present=no,fallen=yes"))
    assert (around.co_ppm, around.present, around.fallen) == (80.0, False, True)
    assert parse("") == {}


@pytest.mark.parametrize("text", ["co_ppm=much", "=", "co_ppm"])
def test_words_nobody_understands_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="should look like"):
        parse(text)


@pytest.mark.parametrize("values", [{"ghosts": 3.0}, {"present": 3.0}, {"co_ppm": True}])
def test_what_is_not_around_a_sensor_is_told(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Around().change(**values)


def test_an_empty_room_has_no_body_and_a_fallen_one_is_low() -> None:
    body = (Q.HEART_RATE_BPM, Q.TARGET, Q.HEIGHT, Q.DISTANCE_M)
    assert rows(Around(present=False), body) == []
    told = dict(rows(Around(fallen=True), (*body, Q.CLOUD)))
    assert told[Q.HEIGHT][1] < 0.5
    assert told[Q.CLOUD][:, 2].max() < dict(rows(Around(), (Q.CLOUD,)))[Q.CLOUD][:, 2].max()


def test_values_are_numbers_never_truth_values() -> None:
    for quantity, value in rows(Around(), Q):
        assert not isinstance(value, bool), quantity
