"""What do walks of several homes say together? Every home's freezes weigh by its days at home."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.freezes import Walk, poor

CHOSEN_ON = ("kasteren_a", "kasteren_b", "kasteren_c", "mit_1", "mit_2", "ordonez_a", "ampds_water year 1")


def figures(walks: list[Walk]) -> dict[str, Any]:
    """The figures of these homes together; every home's freezes weigh by its days at home."""
    days = sum(w.days for w in walks)
    delays = np.concatenate([np.array(w.delays) for w in walks])
    day = np.concatenate([np.array(w.by_day, dtype=bool) for w in walks])
    weight = np.concatenate([np.full(len(w.delays), w.days / max(len(w.delays), 1)) for w in walks])
    out: dict[str, Any] = {
        "days": round(days, 1),
        "false_alarms": sum(w.false_alarms for w in walks),
        "false_per_30d": _per_month(sum(w.false_alarms for w in walks), days),
        "questions_per_30d": _per_month(sum(w.questions for w in walks), days),
        "freezes": len(delays),
        "delay_mean_h": _mean(delays, weight),
        "delay_median_h": _quantile(delays, weight, 0.5),
        "delay_p95_h": _quantile(delays, weight, 0.95),
        "day_mean_h": _mean(delays[day], weight[day]),
        "day_median_h": _quantile(delays[day], weight[day], 0.5),
        "day_p95_h": _quantile(delays[day], weight[day], 0.95),
        "night_mean_h": _mean(delays[~day], weight[~day]),
        "night_median_h": _quantile(delays[~day], weight[~day], 0.5),
        "night_p95_h": _quantile(delays[~day], weight[~day], 0.95),
        "masked_share": _share(walks, days),
    }
    haunted = [w for w in walks if w.ghost_delays]
    if haunted:
        with_ghosts = np.concatenate([np.array(w.ghost_delays) for w in haunted])
        without = np.concatenate([np.array(w.delays) for w in haunted])
        share = np.concatenate([np.full(len(w.delays), w.days / len(w.delays)) for w in haunted])
        out["ghost_delay_mean_h"] = _mean(with_ghosts, share)
        out["ghost_delay_p95_h"] = _quantile(with_ghosts, share, 0.95)
        out["ghost_free_mean_h"] = _mean(without, share)
        out["ghost_free_p95_h"] = _quantile(without, share, 0.95)
    known = [w.away_ns for w in walks if w.away_ns is not None]
    gone, seen_gone, home, seen_home = (sum(k[n] for k in known) for n in range(4)) if known else (0, 0, 0, 0)
    out["away_sensitivity"] = round(seen_gone / gone, 4) if gone else None
    out["away_specificity"] = round(seen_home / home, 4) if home else None
    return out


def _share(walks: list[Walk], days: float) -> float | None:
    if not days:
        return None
    return round(float(np.sum([w.masked / max(len(w.delays), 1) * w.days for w in walks]) / days), 5)


def _per_month(count: int, days: float) -> float | None:
    return round(30 * count / days, 2) if days else None


def _mean(values: Any, weight: Any) -> float | None:
    return round(float(np.average(values, weights=weight)), 2) if len(values) else None


def _quantile(values: Any, weight: Any, q: float) -> float | None:
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weight[order])
    return round(float(values[order][np.searchsorted(ends, q * ends[-1])]), 2)


def summary(walks: list[Walk]) -> dict[str, Any]:
    homes = {
        w.name: {**figures([w]), "limits": w.limits, "notes": w.notes, "poorly_equipped": poor(w)}
        for w in walks
    }
    out: dict[str, Any] = {"homes": homes}
    if walks:
        out["all"] = figures(walks)
    well = [w for w in walks if not poor(w)]
    if well:
        out["well_equipped"] = {"names": [w.name for w in well], **figures(well)}
    fresh = [w for w in walks if w.name not in CHOSEN_ON]
    if fresh:
        out["not_used_for_choosing"] = {"names": [w.name for w in fresh], **figures(fresh)}
    return out


def long_run(walk: Walk) -> dict[str, Any]:
    """A home of years: the two halves of the test beside each other."""
    out = figures([walk])
    late = np.array(walk.second_half, dtype=bool)
    delays = np.array(walk.delays)
    out["first_half_median_h"] = round(float(np.median(delays[~late])), 2)
    out["second_half_median_h"] = round(float(np.median(delays[late])), 2)
    return out
