"""Which parameters should the fall detector ship? Trains them, and says how well they would do unseen.

    python -m bench.train_falls [--data DIR] [--write]

Deterministic, numpy only. The features come from the shipped code, clip by clip. Split: sets with falls
are cut into blocks of ten consecutive clips of one label, each left out in turn (falls next to each
other share person and occasion); sets without falls are left out whole. Per family:

* points in three dimensions: one threshold on the drop, with a little weight on the body becoming
  flatter; the best stretch of 0.11 for falls found minus twice the false alarms;
* tracked points: the same, because no open set of a tracking sensor holds a fall;
* turned on its side: ridge logistic regression on three features, each clip standing for its highest
  quarter second, both labels weighing the same.

Prints cross-validated figures, figures of the shipped parameters on the clips they were made from, and
a control with shuffled labels, which must score as chance; and each set with falls under rules made from the
other sets only. ``--write`` renews ``fall_model.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.falls import NOTE, folder_of
from bench.falls_clips import Clip, clips
from core.model import SECOND, Floats
from core.quantity import Quantity as Q
from detectors.fall_geometry import Family
from detectors.fall_model import FEATURES
from detectors.fall_scene import SLOT
from detectors.fall_watch import Watch

FILE = Path(__file__).resolve().parent.parent / "detectors" / "fall_model.json"
BLOCK = 10  # consecutive clips of one label left out together
THRESHOLDS = np.round(np.arange(0.4, 1.205, 0.01), 2)
MARGIN = 6  # thresholds to each side that must do well too
COST = 2.0  # falls one false alarm is worth
HOLD_OFF_S = 10.0
RIDGE = 0.01
DROP = {"drop_m": 0.5, "settled_drop_m": 0.5, "top_m": 0.15, "foot_m": -0.15, "lesser": -0.08}  # fixed
LOGISTIC = ("settled_drop_m", "log_doppler", "log_spread")
SHUFFLES = 20
Labels = npt.NDArray[np.int64]
Rule = tuple[Floats, float]  # weights of FEATURES, bias


@dataclass(frozen=True)
class Sample:
    """One clip as the detector sees it: seconds [n] and features [n, 7] of every change."""

    set: str
    fall: bool
    fold: str
    family: Family
    t: Floats
    found: Floats


def sample(clip: Clip, fold: str) -> Sample:
    """Run one clip through the shipped scene and keep the features."""
    watch = Watch(clip.mounting, clip.from_floor)
    by_quantity = {b.quantity: b for b in clip.blocks}
    cloud, tracks = by_quantity[Q.CLOUD], by_quantity.get(Q.TRACK)
    times: list[float] = []
    found: list[Floats] = []

    def close(until: int) -> None:
        while (due := watch.due()) is not None and due <= until:
            watch.close()
            times.extend([due / SECOND] * len(watch.changes))
            found.extend(change.features for change in watch.changes)
            watch.changes = []

    for row, t in enumerate(clip.t.tolist()):
        close(t)
        some = None
        if tracks is not None:
            a, b = np.searchsorted(tracks.t, (t, t + 1))
            some = tracks.value[a:b] if b > a else None
        watch.see(t, cloud.points(row), some)
    close(int(clip.t[-1]) + SLOT)
    rows = np.array(found).reshape(-1, len(FEATURES))
    return Sample(clip.set, clip.fall, fold, watch.family, np.array(times), rows)


def samples(folder: Path) -> list[Sample]:
    """Every clip of every set, with the fold it is left out with."""
    out: list[Sample] = []
    for path in sorted(folder.glob("*.npz")):
        every = list(clips(path))
        holds_falls = any(c.fall for c in every)
        count = {True: 0, False: 0}
        for clip in every:
            block = f"{path.stem}/{'fall' if clip.fall else 'other'}/{count[clip.fall] // BLOCK}"
            out.append(sample(clip, block if holds_falls else path.stem))
            count[clip.fall] += 1
    return out


# -- rules -----------------------------------------------------------------------------------------
def score(rule: Rule, one: Sample) -> Floats:
    """Scores of all changes of one clip; above 0 is an alarm."""
    scores: Floats = one.found @ rule[0] + rule[1]
    return scores


def told(rule: Rule, one: Sample) -> int:
    """How many alarms, held off?"""
    count, last = 0, -np.inf
    for t in one.t[score(rule, one) > 0]:
        if t - last >= HOLD_OFF_S:
            count, last = count + 1, t
    return count


def threshold(train: Sequence[Sample], labels: Labels) -> Rule:
    """One threshold on the drop: the middle of the best stretch, not the best point."""
    weights = np.array([DROP.get(name, 0.0) for name in FEATURES])
    gains = []
    for bar in THRESHOLDS:
        alarms = np.array([told((weights, -float(bar)), one) for one in train])
        gains.append(float((alarms[labels == 1] > 0).sum() - COST * alarms[labels == 0].sum()))
    smooth = np.round(np.convolve(gains, np.full(2 * MARGIN + 1, 1 / (2 * MARGIN + 1)), mode="valid"), 9)
    best = np.flatnonzero(smooth == smooth.max())
    return weights, -float(THRESHOLDS[MARGIN + best[len(best) // 2]])


def logistic(train: Sequence[Sample], labels: Labels) -> Rule:
    """Ridge logistic regression; each clip stands for its highest-scoring change, in turns."""
    columns = [FEATURES.index(name) for name in LOGISTIC]
    some = np.array([len(one.found) > 0 for one in train])
    bags = [one.found[:, columns] for one, has in zip(train, some, strict=True) if has]
    y = labels[some].astype(float)
    every = np.concatenate(bags)
    middle, spread = every.mean(axis=0), every.std(axis=0) + 1e-9
    bags = [np.column_stack(((bag - middle) / spread, np.ones(len(bag)))) for bag in bags]
    shares = np.where(y == 1, 0.5 / max((y == 1).sum(), 1), 0.5 / max((y == 0).sum(), 1))
    solution = np.array([1.0, *[0.0] * len(columns)])
    chosen: list[int] = []
    for _ in range(20):
        picks = [int(np.argmax(bag @ solution)) for bag in bags]
        if picks == chosen:
            break
        chosen = picks
        rows = np.array([bag[k] for bag, k in zip(bags, picks, strict=True)])
        solution = _newton(rows, y, shares, solution)
    weights = np.zeros(len(FEATURES))
    weights[columns] = solution[:-1] / spread
    return weights, float(solution[-1] - (weights[columns] * middle).sum())


def _newton(rows: Floats, y: Floats, shares: Floats, start: Floats) -> Floats:
    penalty = np.array([*[RIDGE] * (rows.shape[1] - 1), 0.0])

    def loss(v: Floats) -> float:
        s = rows @ v
        return float((shares * (np.logaddexp(0, s) - y * s)).sum() + 0.5 * (penalty * v * v).sum())

    v = start.copy()
    for _ in range(100):
        p = 0.5 * (1 + np.tanh(0.5 * (rows @ v)))
        slope = rows.T @ (shares * (p - y)) + penalty * v
        bend = (rows * (shares * p * (1 - p))[:, None]).T @ rows + np.diag(penalty + 1e-9)
        step, size = np.linalg.solve(bend, slope), 1.0
        while size > 1e-6 and loss(v - size * step) > loss(v):
            size /= 2
        if size * np.abs(step).max() < 1e-9 or size <= 1e-6:
            break
        v = v - size * step
    return v


KINDS: Mapping[str, Callable[[Sequence[Sample], Labels], Rule]] = {
    "threshold": threshold,
    "logistic": logistic,
}


# -- figures ---------------------------------------------------------------------------------------
Train = Callable[[Sequence[Sample], Labels], Rule]


def crossed(data: Sequence[Sample], labels: Labels, train: Train) -> Labels:
    """Alarms of every clip under the parameters made without its fold."""
    out = np.zeros(len(data), dtype=np.int64)
    for fold in sorted({one.fold for one in data}):
        inside = np.array([one.fold == fold for one in data])
        rest = [one for one, left in zip(data, inside, strict=True) if not left]
        rule = train(rest, labels[~inside])
        for k in np.flatnonzero(inside).tolist():
            out[k] = told(rule, data[k])
    return out


def figures(data: Sequence[Sample], alarms: Labels) -> dict[str, str]:
    """Falls found and false alarms per set, in words."""
    out: dict[str, str] = {}
    for name in sorted({one.set for one in data}):
        mine = [(one.fall, int(n)) for one, n in zip(data, alarms, strict=True) if one.set == name]
        falls, others = [n for fall, n in mine if fall], [n for fall, n in mine if not fall]
        parts = [f"{sum(n > 0 for n in falls)}/{len(falls)} falls found"] if falls else []
        parts.append(f"{sum(n > 0 for n in others)}/{len(others)} other clips false")
        out[name] = f"{', '.join(parts)}, {sum(others)} alarms in them"
    return out


def chance(data: Sequence[Sample], train: Train) -> float:
    """Mean balanced accuracy, cross-validated, with labels shuffled among the clips of sets with falls."""
    mixed = [one for one in data if "/" in one.fold]
    labels = np.array([int(one.fall) for one in mixed])
    dice = np.random.default_rng(0)
    rates = []
    for _ in range(SHUFFLES):
        drawn = dice.permutation(labels)
        alarms = crossed(mixed, drawn, train) > 0
        rates.append((alarms[drawn == 1].mean() + 1 - alarms[drawn == 0].mean()) / 2)
    return float(np.mean(rates))


def family(data: Sequence[Sample], train: Train) -> tuple[Rule, dict[str, Any]]:
    """The shipped rule of a family and what can be said about it."""
    labels = np.array([int(one.fall) for one in data])
    rule = train(data, labels)
    shipped = rounded(rule)
    return rule, {
        "cross_validated": figures(data, crossed(data, labels, train)),
        "shipped_on_its_own_clips": figures(data, np.array([told(shipped, one) for one in data])),
        "shuffled_labels_balanced_accuracy": round(chance(data, train), 3),
    }


def unseen(data: Sequence[Sample]) -> dict[str, dict[str, str]]:
    """Each set with falls under rules made from all other sets, whatever their sort of sensor.

    The hardest question and not the product's: every family has parameters of its own because this fails.
    """
    out: dict[str, dict[str, str]] = {}
    for name in sorted({one.set for one in data if one.fall}):
        rest, mine = [one for one in data if one.set != name], [one for one in data if one.set == name]
        labels = np.array([int(one.fall) for one in rest])
        if labels.any():
            found = {kind: train(rest, labels) for kind, train in KINDS.items()}
            alarms = {kind: np.array([told(rule, one) for one in mine]) for kind, rule in found.items()}
            out[name] = {kind: figures(mine, row)[name] for kind, row in alarms.items()}
    return out


def rounded(rule: Rule) -> Rule:
    """As it stands in the file."""
    return np.round(rule[0], 4), round(rule[1], 4)


def renew(entry: Mapping[str, Any], rule: Rule, evidence: Any) -> dict[str, Any]:
    """One family's entry of the file with new weights; the fixed parts stay."""
    weights, bias = rounded(rule)
    kept = {name: float(w) for name, w in zip(FEATURES, weights, strict=True) if w}
    return {**entry, "weights": kept, "bias": bias, "evidence": evidence}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.train_falls", description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with falls/*.npz (default: $HEARTHWATCH_DATA)")
    parser.add_argument("--write", action="store_true", help=f"renew {FILE.name}")
    options = parser.parse_args(arguments)
    folder = folder_of(options.data)
    data = samples(folder)
    if not any(one.fall for one in data):
        print(f"nothing to learn from: no clip in {folder} holds a fall; see --data", file=sys.stderr)
        return 2
    made = json.loads(FILE.read_text(encoding="utf-8"))
    made["note"] = NOTE
    made["trained_on_the_other_sets_only"] = unseen(data)
    made["split"] = f"blocks of {BLOCK} consecutive clips of one label; sets without falls whole"
    rules: dict[Family, Train] = {Family.CLOUD: threshold, Family.ROTATED: logistic}
    for name, train in rules.items():
        mine = [one for one in data if one.family is name]
        if not any(one.fall for one in mine):
            continue
        rule, evidence = family(mine, train)
        made["families"][name] = renew(made["families"][name], rule, evidence)
        if name is Family.CLOUD:
            note = {"borrowed_from": str(name)}
            made["families"][Family.TRACKED] = renew(made["families"][Family.TRACKED], rule, note)
    text = json.dumps(made, indent=2) + "\n"
    print(text, end="")
    if options.write:
        FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
