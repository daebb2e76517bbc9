"""The rules of a closely watched resident obey the laws of every detector too, however the time is cut."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts import DetectorSpec
from core.model import HOUR, MINUTE, SECOND, Block, Event, Reading
from core.quantity import Quantity as Q
from core.watch import Keys, Wandering, Watch
from detectors import leaving, outing, wandering
from tests.detectors.daily_home import T0
from tests.detectors.watched_home import watched

WATCH = Watch(
    dementia=True,
    may_go_out="08:00-18:00",
    wandering=Wandering(rooms=3, within_min=20),
    keys={
        "alone": Keys(gone=("ann_tag",), here=("carer_tag",)),
        "no_key": Keys(here=("hook",), after_s=60, alarm_after_s=600),
    },
)
WHO = (
    ("door", Q.CONTACT_OPEN), ("hook", Q.CONTACT_OPEN), ("ann_tag", Q.PRESENCE), ("carer_tag", Q.PRESENCE),
    ("ann_tag", Q.AVAILABLE), ("hall", Q.MOTION), ("kitchen", Q.MOTION), ("bath", Q.MOTION),
    ("link:broker", Q.LINK_UP),
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(WHO), st.sampled_from([0, SECOND, MINUTE, 4 * MINUTE, HOUR]), st.booleans()),
    max_size=60,
)


def stream(steps: list) -> list[Reading]:
    t, out = T0 + 22 * HOUR, []
    for (source, quantity), gap, value in steps:
        t += gap
        out.append(Reading(source, quantity, t, float(value)))
    return out


@pytest.mark.parametrize("spec", [leaving.SPEC, wandering.SPEC, outing.SPEC], ids=lambda s: s.name)
@given(steps=STEPS, data=st.data())
def test_cuts_and_restarts_change_nothing(spec: DetectorSpec, steps: list, data: st.DataObject) -> None:
    readings = stream(steps)
    end = (readings[-1].t if readings else T0) + 9 * HOUR
    times = sorted({r.t for r in readings})
    cuts = set(data.draw(st.lists(st.sampled_from(times), max_size=6))) if times else set()

    def run(cut: bool) -> list[Event]:
        detector = spec.make(spec.params(), watched(WATCH))
        out: list[Event] = []
        for t in times:
            if cut and t in cuts:
                out += detector.advance(t)
                state = json.loads(json.dumps(detector.snapshot()))
                detector = spec.make(spec.params(), watched(WATCH))
                detector.restore(state)
            now = [r for r in readings if r.t == t]
            last = {(r.source, r.quantity): r for r in now}
            out += detector.process([Block.of([r]) for r in last.values()])
        return out + detector.advance(end)

    whole, parts = run(False), run(True)
    assert whole == parts
    for kind in {(e.kind, e.source) for e in whole}:
        mine = [e for e in whole if (e.kind, e.source) == kind]
        assert all(a.t <= b.t for a, b in pairwise(mine))
        phases = [e.phase.value for e in mine]
        assert phases[0] == "onset"
        assert all(b != "onset" for a, b in pairwise(phases) if a != "clear")
