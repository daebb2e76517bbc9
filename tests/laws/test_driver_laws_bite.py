"""Does each law of the drivers find a driver that breaks it? One broken driver a law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.model import Mark, Packet, Reading
from devices import DRIVERS
from devices.hlk_ld2450 import Ld2450
from tests.laws import test_driver_laws as laws


def with_settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],  # that it is found is enough; how small it can be made is not asked
        suppress_health_check=list(HealthCheck),
    )


class Hoarder(Ld2450):
    """Keeps all it was ever told."""

    def feed(self, packet: Packet) -> list[Reading]:
        found = super().feed(packet)
        self.kept = [*getattr(self, "kept", []), packet.data, *found]
        return found


class Greedy(Ld2450):
    """Waits for a frame that never ends."""

    def __init__(self, sensors: Any) -> None:
        super().__init__(sensors)
        self.form = replace(self.form, max_length=10)
        self.framer.form = replace(self.framer.form, measure=lambda buffer, start: 0)


class Splitter(Ld2450):
    """Begins anew with each piece that comes."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        self.framer.reset()
        return super().feed_bytes(data, at)


class Joiner(Ld2450):
    """Joins what an outage tore apart."""

    def feed(self, packet: Packet) -> list[Reading]:
        return [] if packet.mark is not Mark.DATA else super().feed(packet)


class Skipper(Ld2450):
    """Throws the rest of the buffer away after a failure."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        before = self._health.bytes_discarded
        found = super().feed_bytes(data, at)
        return found if self._health.bytes_discarded == before else []


class Mumbler(Ld2450):
    """Loses the decimals."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        found = super().feed_bytes(data, at)
        return [
            r._replace(value=tuple(map(round, r.value))) if isinstance(r.value, tuple) else r for r in found
        ]


class Thrower(Ld2450):
    """Raises at a mark it does not know."""

    def feed(self, packet: Packet) -> list[Reading]:
        if packet.mark is Mark.CLOCK:
            raise KeyError(packet.mark)
        return super().feed(packet)


CASES: list[tuple[Callable[..., None], type[Ld2450]]] = [
    (laws.bounded_memory, Hoarder),
    (laws.bounded, Greedy),
    (laws.cut_invariant, Splitter),
    (laws.half_frames_die, Joiner),
    (laws.resynchronises, Skipper),
    (laws.round_trip, Mumbler),
    (laws.never_raises, Thrower),
]


@pytest.mark.parametrize(("law", "broken"), CASES, ids=lambda x: x.__name__)
def test_a_driver_that_breaks_it_is_found(law: Callable[..., None], broken: type[Ld2450]) -> None:
    spec = replace(DRIVERS["ld2450"], make=broken)

    @with_settings(60)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        law(spec, data)

    with pytest.raises((AssertionError, KeyError)):
        run()


@pytest.mark.parametrize("law", [law for law, _ in CASES], ids=lambda x: x.__name__)
def test_the_driver_they_are_made_from_breaks_none(law: Callable[..., None]) -> None:
    @with_settings(5)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        law(DRIVERS["ld2450"], data)

    run()


def test_weak_readings_are_told_apart() -> None:
    loud = replace(DRIVERS["ze07_co"], integrity=False)  # says the format has no check, but does not mark it

    @with_settings(20)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        laws.weak_flagged(loud, data)

    with pytest.raises(AssertionError):
        run()
