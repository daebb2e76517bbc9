"""Is a picture well-formed whatever it is given, and does it show what it was given?"""

from __future__ import annotations

import math
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from core.localtime import LocalTime
from core.model import SECOND
from gateway.picture import Line, Panel, draw

ZONE = LocalTime("Asia/Shanghai")
SVG = "{http://www.w3.org/2000/svg}"
values = st.floats(allow_nan=True, allow_infinity=False, width=32)
series = st.lists(st.tuples(st.integers(0, 10**12), values), max_size=30).map(sorted)


@given(series, st.text(max_size=30), st.booleans())
def test_any_series_and_any_name_give_well_formed_svg(
    rows: list[tuple[int, float]], name: str, step: bool
) -> None:
    printable = "".join(c for c in name if c.isprintable())
    line = Line(printable, [t for t, _ in rows], [v for _, v in rows], step)
    text = draw(printable, [Panel(printable, [line], [("limit", 0.5)])], [(printable, 5)], ZONE)
    root = ElementTree.fromstring(text)
    drawn = [v for _, v in rows if not math.isnan(v)]
    lines = root.findall(f"{SVG}polyline")
    assert bool(lines) == (len(drawn) > 1)
    assert "nan" not in text.replace(printable, "").lower() or "nan" in printable.lower()


def test_higher_values_stand_higher_and_instants_go_through() -> None:
    line = Line("height", [0, SECOND, 2 * SECOND], [0.2, 1.7, 0.3])
    root = ElementTree.fromstring(draw("t", [Panel("p", [line], [("low", 0.5)])], [("drop", SECOND)], ZONE))
    points = root.find(f"{SVG}polyline").get("points").split()  # type: ignore[union-attr]
    heights = [float(p.split(",")[1]) for p in points]
    assert heights[1] < heights[0]
    assert heights[1] < heights[2]
    texts = {t.text for t in root.findall(f"{SVG}text")}
    assert {"drop", "p", "height"} <= texts
    assert any(t and t.startswith("low") for t in texts)
