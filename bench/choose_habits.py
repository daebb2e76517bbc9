"""Are the learning parameters the right ones, judged on homes that are not reported on?

``python -m bench.choose_habits [--data DIR]``

Each parameter of :class:`detectors.habits.HabitParams` is moved one step down and up from the shipped
value, the others held, and scored on the choosing homes only: kasteren_a, kasteren_b, kasteren_c, mit_1,
mit_2, ordonez_a (each day judged by habits learned from all other days) and the first test year of the
family's tap water (causally). The score of a set is what the learner itself trades: the lateness in
square hours a day at home plus 400 for every false alarm, as a multiple of the shipped set's score; below
1 is better than shipped. Homes reported on (ordonez_b, tm000, the second year of water) are not read.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.homes import Recorded, blocks, load
from bench.water import water_home
from core.model import DAY, HOUR
from detectors.habits import HabitParams, Habits
from detectors.household import Household
from detectors.life import Weight

CHOOSING = ("kasteren_a", "kasteren_b", "kasteren_c", "mit_1", "mit_2", "ordonez_a")
FALSE_ALARM = 400.0  # square hours
WATER_LEARN, WATER_UNTIL = 28, 28 + 351  # days
STEPS: dict[str, tuple[float, ...]] = {
    "expected": (1.5, 3.0),
    "price_from": (60.0, 160.0),
    "price_to": (450.0, 800.0),
    "spread_h": (0.2, 0.45),
    "spread_share": (0.02, 0.07),
    "tail_share": (0.05, 0.2),
    "end_pull": (0.0, 0.8),
    "tail": (5.0, 8.0),
    "hour_width_h": (0.7, 1.4),
    "half_life_days": (7.0, 14.0),
    "other_weekday": (0.3, 0.8),
    "other_place": (0.025, 0.1),
    "same_room": (0.05, 0.2),
    "clock_factor": (1.25, 1.8),
    "clock_margin_h": (1.0, 3.0),
}


@dataclass
class Silences:
    """Silences at home: day and hour they began, length, place."""

    day: npt.NDArray[np.int64]
    hour: npt.NDArray[np.float64]
    length: npt.NDArray[np.float64]
    place: list[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    here = Path(__file__).resolve().parent.parent
    data = os.environ.get("HEARTHWATCH_DATA", str(here.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(prog="python -m bench.choose_habits")
    parser.add_argument("--data", default=data)
    args = parser.parse_args(argv)
    folder = Path(args.data) / "home"
    homes = [silences(load(folder / "homes" / f"{name}.csv")) for name in CHOOSING]
    water = silences(water_home(folder / "ampds" / "water_whw_minutes_with_flow.csv"))
    shipped = HabitParams()
    base = score(shipped, homes, water)
    print(f"shipped: homes {base[0]:.1f}, water {base[1]:.1f} square hours a day")
    print(f"{'parameter':<16}{'shipped':>9}{'tried':>9}{'homes':>8}{'water':>8}{'mean':>8}")
    for name, tried in STEPS.items():
        for value in tried:
            moved: dict[str, Any] = {name: value}
            other = score(replace(shipped, **moved), homes, water)
            a, b = other[0] / base[0], other[1] / base[1]
            print(
                f"{name:<16}{getattr(shipped, name):>9}{value:>9}{a:>8.3f}{b:>8.3f}{(a * b) ** 0.5:>8.3f}",
                flush=True,
            )
    return 0


def silences(home: Recorded) -> Silences:
    """The silences of one home as the shipped detector sees life, home and away."""
    labelled = home.labelled()
    stop = min(home.stop, labelled[1]) if labelled else home.stop
    house = Household(home.home, confirm_s=600.0, tail_s=20.0, episode_s=180.0, blind_s=600.0)
    last, place = None, ""
    found: list[tuple[int, float, float, str]] = []
    gone = home.absences()
    for row in house.rows(blocks([e for e in home.edges if e[0] <= stop])):
        seen = house.take(row)
        if seen.weight is not Weight.LIFE:
            continue
        hidden = any(a < row.t and b > (last or 0) for a, b in gone)
        if last is not None and seen.away is None and row.t > last and not hidden:
            found.append((last // DAY, last % DAY / HOUR, (row.t - last) / HOUR, place))
        last, place = row.t, house.life.place
    day, hour, length, places = zip(*found, strict=True)
    return Silences(np.array(day), np.array(hour), np.array(length), list(places))


def score(params: HabitParams, homes: list[Silences], water: Silences) -> tuple[float, float]:
    """Square hours a day at home: all choosing homes together, and the first year of water."""
    cost = days = 0.0
    for home in homes:
        limits = np.full(len(home.length), params.longest_h)
        for day in np.unique(home.day):
            habits = Habits(params)
            for i in np.flatnonzero(home.day != day):
                # all other days count as earlier ones, as near as they are
                when = int(day - abs(int(home.day[i]) - int(day)))
                habits.add(when, float(home.hour[i]), float(home.length[i]), home.place[i])
            habits.fit(int(day))
            for i in np.flatnonzero(home.day == day):
                limits[i] = habits.limit(home.place[i], float(home.hour[i])) or params.longest_h
        cost += _cost(home.length, limits)
        days += float(home.length.sum()) / 24
    return cost / days, _causal(params, water)


def _causal(params: HabitParams, water: Silences) -> float:
    habits, fitted = Habits(params), -1
    start = int(water.day[0])
    keep = np.flatnonzero(water.day < start + WATER_UNTIL)
    limits = np.full(len(keep), params.longest_h)
    for i in keep:
        day = int(water.day[i])
        if day != fitted:
            habits.fit(day)
            fitted = day
        limits[i] = habits.limit(water.place[i], float(water.hour[i])) or params.longest_h
        if limits[i] < water.length[i]:
            habits.false_alarm(day, float(water.length[i]))
        habits.add(day, float(water.hour[i]), float(water.length[i]), water.place[i])
    test = water.day[keep] >= start + WATER_LEARN
    length = water.length[keep][test]
    return _cost(length, limits[test]) / (float(length.sum()) / 24)


def _cost(length: npt.NDArray[np.float64], limits: npt.NDArray[np.float64]) -> float:
    within = np.minimum(length, limits)
    late = limits * within - within * within / 2
    return float(late.sum() + FALSE_ALARM * (length > limits).sum())


if __name__ == "__main__":
    raise SystemExit(main())
