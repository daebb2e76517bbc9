"""What holds for every driver there is and will be? Picked up from ``devices.DRIVERS`` by itself.

Cut-invariant, never raises, book-keeping closes, resynchronises, bounded, decode(encode(x)) == x, and
formats without integrity check mark what could open a top-severity alert. Fifty examples a law here,
two thousand in the slow suite.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.contracts import DriverSpec, Span
from core.model import SECOND, Flag, Health, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import DRIVERS
from devices.port import ALARM_CLASS, PortDriver

SPECS = list(DRIVERS.values())
SERIAL = [s for s in SPECS if s.transport == "serial"]
MQTT = [s for s in SPECS if s.transport == "mqtt"]
T0 = 1_000 * SECOND
LATER = 3600 * SECOND

Body = Callable[[DriverSpec, st.DataObject], None]


def law(body: Body, specs: list[DriverSpec], examples: int) -> Callable[..., None]:
    def test(spec: DriverSpec, data: st.DataObject) -> None:
        body(spec, data)

    test.__doc__ = body.__doc__
    checked = settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples < 100,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(given(data=st.data())(test))
    marked = pytest.mark.parametrize("spec", specs, ids=lambda s: s.name)(checked)
    return marked if examples < 100 else pytest.mark.slow(pytest.mark.timeout(0)(marked))


def laws(body: Body, specs: list[DriverSpec]) -> tuple[Callable[..., None], Callable[..., None]]:
    return law(body, specs, 50), law(body, specs, 2000)


# -- drawing what a device may say


def sensor_of(spec: DriverSpec) -> Sensor:
    return spec.example or Sensor("s", spec.name, "link", address="topic")


Pick = Callable[[int], int]  # n to a whole number from 0 to n


def stepped(pick: Pick, low: float, high: float, step: float) -> float:
    if math.isnan(low) or not step or low == high:
        return low
    return round(low + step * pick(round((high - low) / step)), 9)


def value_of(pick: Pick, span: Span) -> Any:
    shape = span.quantity.shape
    if shape == "vector":
        return tuple(stepped(pick, *column) for column in span.columns)
    if shape == "points":
        rows = pick(4)
        return np.array([[stepped(pick, *c) for c in span.columns] for _ in range(rows)]).reshape(rows, 5)
    return stepped(pick, span.low, span.high, span.step)


def instants(spec: DriverSpec, pick: Pick, most: int = 3) -> list[list[Reading]]:
    """Some instants of readings that one group of spans allows, each instant a message's worth."""
    sensor = sensor_of(spec)
    groups = [g for g in spec.spans if all(s.quantity.shape != "text" for s in g)]
    out = []
    for i in range(1 + pick(most - 1)):
        group = groups[pick(len(groups) - 1)]
        t = T0 + i * SECOND // 5
        out.append([Reading(sensor.id, s.quantity, t, value_of(pick, s)) for s in group])
    return out


def dice_of(data: st.DataObject) -> random.Random:
    """One draw for everything whose exact value does not matter to a law; a draw costs more than a frame."""
    return random.Random(data.draw(st.integers(0, 2**32), label="seed"))


def spoken(spec: DriverSpec, dice: random.Random, most: int = 3) -> list[Packet]:
    sensor = sensor_of(spec)
    found = instants(spec, lambda n: dice.randint(0, n), most)
    return [p for group in found for p in spec.encode(sensor, group)]


def make(spec: DriverSpec) -> Any:
    return spec.make([sensor_of(spec)])


def same(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-6, atol=1e-9, equal_nan=True))


def key(reading: Reading) -> tuple[Any, ...]:
    value = reading.value
    if isinstance(value, np.ndarray):
        value = (value.shape, value.tobytes())
    return reading.source, reading.quantity, repr(value), reading.flags


def closes(health: Health) -> bool:
    return health.bytes_in == health.bytes_good + health.bytes_discarded + health.bytes_pending


def noise(spec: DriverSpec, data: st.DataObject, dice: random.Random) -> bytes:
    """Bytes that look like the beginning of something."""
    form = getattr(make(spec), "form", None)
    good = b"".join(p.data for p in spoken(spec, dice, 1))
    heads = list(form.headers) if form is not None else [b"{"]
    cut = dice.randint(0, len(good))
    pieces = st.one_of(st.binary(max_size=12), st.sampled_from([*heads, good[:cut], good[cut:], good]))
    return b"".join(data.draw(st.lists(pieces, max_size=4), label="noise"))


def mutated(stream: bytes, dice: random.Random) -> bytes:
    """The stream with bits flipped, bytes lost, bytes doubled."""
    out = bytearray(stream)
    for _ in range(dice.choice((0, 0, 1, 2, 6))):
        if not out:
            break
        at = dice.randrange(len(out))
        how = dice.randrange(3)
        if how == 0:
            out[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            del out[at]
        else:
            out.insert(at, out[at])
    return bytes(out)


# -- laws


def never_raises(spec: DriverSpec, data: st.DataObject) -> None:
    """Whatever arrives, feed and due return, book-keeping closes and counters only grow."""
    driver, sensor, dice = make(spec), sensor_of(spec), dice_of(data)
    good = spoken(spec, dice)
    topics = [p.channel for p in good] + [sensor.address, sensor.address + "/x", "", "a/b"]
    t, before = T0, Health()
    for _ in range(1 + dice.randrange(8)):
        t += dice.choice((0, 1, SECOND // 100, SECOND, 100 * SECOND))
        kind = dice.randrange(4)
        if kind == 0 and good:
            chosen = dice.choice(good)
            packet = chosen._replace(at=t, data=mutated(chosen.data, dice))
        elif kind == 1:
            packet = Packet(sensor.link, "", t, dice.choice((b"", b"1.5", b"gone")), dice.choice(list(Mark)))
        else:
            channel = "" if spec.transport == "serial" else dice.choice(topics)
            mark = dice.choice((Mark.DATA, Mark.RETAINED))
            packet = Packet(sensor.link, channel, t, junk(dice, channel), mark)
        readings = driver.feed(packet)
        assert all(isinstance(r, Reading) and r.t <= t for r in readings)
        assert all(isinstance(p, Packet) and p.data for p in driver.due(t))
        health = driver.health()
        if spec.transport == "serial":
            assert closes(health)
        for counter in ("bytes_in", "bytes_good", "bytes_discarded", "frames_good", "resyncs"):
            assert getattr(health, counter) >= getattr(before, counter)
        before = Health(
            health.bytes_in, health.bytes_good, health.bytes_discarded, 0, health.frames_good, health.resyncs
        )


WORDS = ("state", "contact", "smoke", "alarm", "value", "battery", "gas", "action", "0", "true", "")


def junk_json(dice: random.Random, depth: int = 3) -> Any:
    """A JSON value that means nothing, in words that do."""
    kind = dice.randrange(8 if depth else 6)
    if kind == 6:
        return [junk_json(dice, depth - 1) for _ in range(dice.randrange(4))]
    if kind == 7:
        return {dice.choice(WORDS): junk_json(dice, depth - 1) for _ in range(dice.randrange(5))}
    number = dice.choice((0, 1, -1, 2**63, 10**400, 1.5, 1e308, math.nan, math.inf))
    return (None, True, False, number, dice.choice(WORDS), dice.randrange(-9, 99))[kind]


def junk(dice: random.Random, channel: str) -> bytes:
    if channel and dice.randrange(2):
        return json.dumps(junk_json(dice)).encode()
    return dice.randbytes(dice.randrange(80))


def cut_invariant(spec: DriverSpec, data: st.DataObject) -> None:
    """However the bytes are cut, the same readings and the same counters."""
    dice = dice_of(data)
    stream = mutated(b"".join(p.data for p in spoken(spec, dice)) + noise(spec, data, dice), dice)
    whole, cut = make(spec), make(spec)
    expected = [key(r) for r in whole.feed(Packet("port", "", T0, stream))]
    cuts = sorted(dice.randint(0, len(stream)) for _ in range(dice.randrange(12)))
    if dice.randrange(2):
        cuts = list(range(len(stream)))  # byte by byte
    found: list[Any] = []
    for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += [key(r) for r in cut.feed(Packet("port", "", T0, stream[a:b]))]
    assert found == expected
    assert cut.health() == whole.health()


def feedable(readings: list[Reading]) -> list[tuple[Any, ...]]:
    return [key(r) for r in readings]


def resynchronises(spec: DriverSpec, data: st.DataObject) -> None:
    """After garbage it loses only frames the garbage touches."""
    dice = dice_of(data)
    before = b"".join(p.data for p in spoken(spec, dice, 2))
    after = b"".join(p.data for p in spoken(spec, dice, 2))
    garbage = noise(spec, data, dice)
    driver: PortDriver = make(spec)
    assume(not accidental(driver, before, garbage, after))
    head = feedable(make(spec).feed(Packet("port", "", T0, before)))
    tail = feedable(make(spec).feed(Packet("port", "", T0, after)))
    found = feedable(driver.feed(Packet("port", "", T0, before + garbage + after)))
    found += feedable(driver.feed(Packet("port", "", T0 + LATER, b"")))
    assert found[: len(head)] == head
    assert found[len(found) - len(tail) :] == tail
    assert closes(driver.health())
    assert driver.health().bytes_pending == 0


def accidental(driver: PortDriver, before: bytes, garbage: bytes, after: bytes) -> bool:
    """Does the garbage, with what stands around it, make a frame by chance (checks are short)?"""
    form, stream = driver.form, before + garbage + after
    first, last = len(before), len(before) + len(garbage)
    for start in range(max(0, first - form.max_length), last):
        if not any(stream.startswith(h, start) for h in form.headers):
            continue
        length = form.measure(stream, start)
        if not isinstance(length, int) or not 0 < length <= form.max_length:
            continue
        end = start + length
        touches = end > first and (start >= first or end > first)
        if touches and end <= len(stream) and not form.check(stream[start:end]):
            return True
    return False


def bounded(spec: DriverSpec, data: st.DataObject) -> None:
    """No stream makes it keep more than one frame."""
    driver: PortDriver = make(spec)
    dice = dice_of(data)
    good = b"".join(p.data for p in spoken(spec, dice, 1))
    unit = dice.choice([*driver.form.headers, good[: len(good) // 2] or b"\0", good[:-1] or b"\0"])
    stream = unit * (1 + 3 * driver.form.max_length // len(unit))
    size = dice.choice((997, 4096))
    for at in range(0, len(stream), size):
        driver.feed(Packet("port", "", T0, stream[at : at + size]))
        assert driver.health().bytes_pending <= driver.form.max_length
        assert closes(driver.health())


def held(thing: Any, seen: set[int] | None = None) -> int:
    """About how many bytes does it keep alive? Code, and what it was configured with, do not count."""
    seen = set() if seen is None else seen
    if id(thing) in seen or callable(thing) or isinstance(thing, Sensor | type):
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    if isinstance(thing, Mapping):
        return size + sum(held(k, seen) + held(v, seen) for k, v in thing.items())
    if isinstance(thing, list | tuple | set | frozenset | deque):
        return size + sum(held(item, seen) for item in thing)
    slots = (name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()))
    parts = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
    parts += [getattr(thing, name) for name in slots if hasattr(thing, name)]
    return size + sum(held(part, seen) for part in parts)


def bounded_memory(spec: DriverSpec, data: st.DataObject) -> None:
    """However long it runs on whatever line, it keeps no more than a little beside one frame."""
    driver: PortDriver = make(spec)
    dice = dice_of(data)
    t, sizes = T0, []
    for turn in range(60):
        stream = b"".join(p.data for p in spoken(spec, dice, 3)) + dice.randbytes(dice.randrange(40))
        t += dice.choice((0, SECOND // 20, SECOND, 100 * SECOND))
        driver.feed(Packet("port", "", t, mutated(stream, dice)))
        driver.due(t)
        if turn >= 30:
            sizes.append(held(driver))
    assert max(sizes) <= 16_000 + 4 * driver.form.max_length, sizes[-1]
    assert max(sizes[15:]) <= max(sizes[:15]) + 4_000 + 2 * driver.form.max_length, "it grows"


def round_trip(spec: DriverSpec, data: st.DataObject) -> None:
    """decode(encode(x)) == x: what was said comes back, nothing of the same kinds is added."""
    driver, sensor = make(spec), sensor_of(spec)
    for group in instants(spec, lambda n: data.draw(st.integers(0, n))):
        found: list[Reading] = []
        for packet in spec.encode(sensor, group):
            found += driver.feed(packet)
        for quantity in {r.quantity for r in group}:
            said = [r for r in group if r.quantity is quantity]
            heard = [r for r in found if r.quantity is quantity]
            assert [(r.source, r.t) for r in heard] == [(r.source, r.t) for r in said], quantity
            assert all(same(a.value, b.value) for a, b in zip(said, heard, strict=True)), quantity


def weak_flagged(spec: DriverSpec, data: st.DataObject) -> None:
    """Without an integrity check nothing can open a top-severity alert alone."""
    driver = make(spec)
    for packet in spoken(spec, dice_of(data)):
        for reading in driver.feed(packet):
            if reading.quantity in ALARM_CLASS and not spec.integrity:
                assert reading.flags & Flag.WEAK


def half_frames_die(spec: DriverSpec, data: st.DataObject) -> None:
    """A link that was interrupted never joins half a frame to a new one."""
    driver: PortDriver = make(spec)
    dice = dice_of(data)
    stream = b"".join(p.data for p in spoken(spec, dice, 1))
    cut = data.draw(st.integers(0, len(stream)))
    mark = dice.choice((Mark.DOWN, Mark.UP, Mark.LOST, Mark.BLIND))
    first = driver.feed(Packet("port", "", T0, stream[:cut]))
    driver.feed(Packet("port", "", T0, b"", mark))
    assert driver.health().bytes_pending == 0
    driver.feed(Packet("port", "", T0, stream[cut:]))
    whole = make(spec)
    whole.feed(Packet("port", "", T0, stream))
    assert closes(driver.health())
    if 0 < cut < len(stream) and whole.health().frames_good == 1:
        assert first == []
        assert driver.health().frames_good == 0 or driver.health().bytes_good < len(stream)


test_never_raises, test_never_raises_slow = laws(never_raises, SPECS)
test_cut_invariant, test_cut_invariant_slow = laws(cut_invariant, SERIAL)
test_resynchronises, test_resynchronises_slow = laws(resynchronises, SERIAL)
test_round_trip, test_round_trip_slow = laws(round_trip, SPECS)
test_weak_flagged, test_weak_flagged_slow = laws(weak_flagged, SPECS)
test_half_frames_die, test_half_frames_die_slow = laws(half_frames_die, SERIAL)
test_bounded_memory = law(bounded_memory, SERIAL, 3)
test_bounded_memory_slow = law(bounded_memory, SERIAL, 100)
test_bounded = law(bounded, SERIAL, 10)
test_bounded_slow = law(bounded, SERIAL, 200)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_stanza(spec: DriverSpec) -> None:
    """The registry says what people need to know."""
    assert DRIVERS[spec.name] is spec
    assert spec.title
    assert spec.evidence
    assert spec.spans
    if spec.transport == "serial":
        assert spec.line is not None
        assert spec.example is not None
        assert spec.example.device == spec.name
        assert list(make(spec).topics()) == []
    else:
        assert spec.line is None


@pytest.mark.parametrize("spec", SERIAL, ids=lambda s: s.name)
def test_a_driver_without_sensors_only_counts(spec: DriverSpec) -> None:
    """A scan uses drivers to recognise a device; nothing is enrolled yet and nothing may be written."""
    driver = spec.make([])
    assert driver.feed(Packet("port", "", T0, b"\x00" * 100)) == []
    assert driver.health().bytes_in == 100
    assert driver.due(T0) == []


@pytest.mark.parametrize("spec", SERIAL, ids=lambda s: s.name)
def test_text_quantities_are_not_spoken_by_ports(spec: DriverSpec) -> None:
    assert all(isinstance(s.quantity, Quantity) and s.quantity.shape != "text" for g in spec.spans for s in g)
