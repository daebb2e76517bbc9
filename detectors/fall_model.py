"""Which numbers decide? The trained parameters, one set per sensor family, from ``fall_model.json``.

A score is a weighted sum of a few named features of one second of points and the three seconds before
it; above 0 is a fall. ``python -m bench.train_falls`` writes the file and says on which clips.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.model import Floats

FEATURES = ("drop_m", "settled_drop_m", "log_doppler", "log_spread", "foot_m", "top_m", "lesser")
"""The features by name, in their order; see :func:`detectors.fall_scene.features`."""


@dataclass(frozen=True, slots=True)
class Model:
    """One family's parameters. ``weights`` float64[7] in the order of :data:`FEATURES`."""

    radius_m: float  # points this close to each other on the floor are one body
    near_m: float  # how far a body may have moved on the floor while it fell
    min_points: int  # in one second, to say anything
    enough: int  # in one second; while there are fewer, up to two seconds are looked at together
    share: float  # of all points, to be the person and not a ghost
    min_rows: int  # quarter seconds of history, to say anything
    weights: Floats
    bias: float
    floor_drop_m: float  # where the floor is known: a smaller drop is enough ...
    floor_low_m: float  # ... if three quarters of the body end this low above the floor;
    floor_high_m: float  # none is a fall where they end above this

    def score(self, found: Floats) -> float:
        """How far above the threshold? ``found`` float64[7]."""
        return float(found @ self.weights) + self.bias


def parse(data: Mapping[str, Any]) -> Model:
    """One family's entry of the file. Raises KeyError for an unknown feature."""
    weights = np.zeros(len(FEATURES))
    for name, weight in data["weights"].items():
        weights[FEATURES.index(name)] = weight
    weights.flags.writeable = False
    rest = {k: v for k, v in data.items() if k not in ("weights", "evidence")}
    return Model(weights=weights, **rest)


@cache
def load() -> Mapping[str, Model]:
    """All families' parameters by name."""
    text = (Path(__file__).parent / "fall_model.json").read_text(encoding="utf-8")
    return {name: parse(entry) for name, entry in json.loads(text)["families"].items()}
