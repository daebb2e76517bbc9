"""Do gas, carbon monoxide, smoke and water detectors keep what the standards and the page promise?

``python -m bench.leaks [--data DIR] [--profiles N] [--picture FILE] [--json]``. DIR is the folder of
recordings (default: ``HEARTHWATCH_DATA``, then ``../shared/data``); a part whose recordings are absent
is skipped and named in ``skipped``. The carbon monoxide part needs none.

JSON: ``co_profiles``, ``co_right``, ``vapour_events``, ``vapour_false``, ``leaks``, ``leaks_found``,
``leak_delay_p95_s``, ``fires``, ``relay_gain_median_s``, ``fusion_lead_median_s`` and the tables behind.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from bench import leaks_co, leaks_fire, leaks_gas, leaks_water

ROOT = Path(__file__).resolve().parent.parent


def run(data: Path, profiles: int) -> dict[str, Any]:
    """All parts that have their recordings."""
    home = data / "home"
    out: dict[str, Any] = dict(leaks_co.run(profiles))
    out["co_table"] = leaks_co.table()
    skipped = []
    if (home / "ht-sensors" / "ht_minutes.csv").is_file():
        out |= leaks_gas.run(home / "ht-sensors")
        hours, told = leaks_fire.false_on_temperatures(home / "ht-sensors" / "ht_minutes.csv")
        out |= {"fusion_temperature_hours": hours, "fusion_temperature_false": told}
    else:
        skipped.append("ht-sensors")
    if (home / "nist-smoke-alarms" / "Activation_Times.csv").is_file():
        out |= leaks_fire.run(home / "nist-smoke-alarms")
    else:
        skipped.append("nist-smoke-alarms")
    if (meter := home / "ampds" / "water_whw_minutes_with_flow.csv").is_file():
        out |= leaks_water.run(meter)
    else:
        skipped.append("ampds")
    return out | {"skipped": skipped}


def _minutes(value: float) -> str:
    return f"{value:.1f}" if value < 1e6 else "-"


def report(r: dict[str, Any]) -> str:
    """The same as text, tables in Markdown."""
    lines = ["## Carbon monoxide", ""]
    lines += [f"{r['co_right']} of {r['co_profiles']} profiles right; {r['co_must_alarm']} had to alarm.", ""]
    lines += ["| standard | ppm | not before (min) | not after (min) | ours (min) |", "|---|---|---|---|---|"]
    lines += [
        f"| {s} | {ppm:g} | {_minutes(a)} | {_minutes(b)} | {_minutes(at)} |"
        for s, ppm, a, b, at in r["co_table"]
    ]
    lines += ["", "| profiles | count | right |", "|---|---|---|"]
    lines += [f"| {k} | {n} | {good} |" for k, (n, good) in r["co_by_sort"].items()]
    if "leaks" in r:
        lines += ["", "## Gas", ""]
        lines += [
            f"{r['vapour_events']} harmless events, {r['vapour_hours']} h, on each of three gas elements: "
            f"{r['vapour_false']} taken for a leak.",
            "",
            "| element | highest (%LEL) | false | false if vapours counted twice | five times |",
            "|---|---|---|---|---|",
            *(
                f"| {k} | {e['highest_lel_pct']} | {e['false']} | {e['false_if_vapours_count']['x2']} "
                f"| {e['false_if_vapours_count']['x5']} |"
                for k, e in r["vapour_elements"].items()
            ),
            "",
            f"{r['leaks']} leaks added to them, level {r['leak_level_lel_pct']} %LEL: {r['leaks_found']} "
            f"found within 60 s of crossing it; 95 % within {r['leak_delay_p95_s']} s, the slowest "
            f"{r['leak_delay_max_s']} s.",
            "",
            "| level crossed after, reports | leaks | within 60 s | median delay (s) | worst (s) |",
            "|---|---|---|---|---|",
        ]
        lines += [f"| {k} | {n} | {m} | {d} | {w} |" for k, (n, m, d, w) in r["leak_by_speed"].items()]
    if "fires" in r:
        lines += ["", "## Smoke", ""]
        lines += [
            f"{r['fires']} fires, {r['rooms']} rooms; numbers of {r['fires_with_numbers']}.",
            f"Last room to be warned: relay {r['relay_gain_median_s']} s sooner than its own alarm, fusion "
            f"{r['fusion_lead_median_s']} s (medians). All rooms: relay {r['relay_gain_rooms_median_s']} s, "
            f"fusion {r['fusion_lead_rooms_median_s']} s.",
            "Fusion before the first alarm anywhere was relayed, in seconds: "
            f"{_words(r['fusion_lead_over_first_alarm_s'])}.",
            f"A room's own numbers against its own ionisation alarm: sooner in {r['fusion_here_beats_ion']}, "
            f"level in {r['fusion_here_ties_ion']} of {r['fusion_here_rooms']} rooms.",
            "",
            "Seconds after ignition:",
            "",
            "| fire | room | own alarm | own ion | relayed | own numbers | fused | relay gain | lead |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for row in r["fire_rooms"]:
            own, relayed, fused = row["own"], row["relayed"], row["fused"]
            cells = [row["fire"], row["room"]]
            cells += [_second(row[k]) for k in ("own", "own_ion", "relayed", "fused_here", "fused")]
            cells += [_second(max(own - relayed, 0.0)), _second(None if fused is None else own - fused)]
            lines.append(f"| {' | '.join(cells)} |")
    if "fusion_temperature_hours" in r:
        lines += [
            "",
            f"{r['fusion_temperature_hours']} h of a home's temperatures alone: "
            f"{r['fusion_temperature_false']} suspicions.",
        ]
    if "water_days" in r:
        lines += ["", "## Water", ""]
        lines += [
            f"{r['water_days']} days of a family's meter: told {r['water_told']} times "
            f"({_words(r['water_told_reasons'])}), {r['water_told_per_30_days']} in 30 days.",
            "",
            "| leak | added | found | median (h) | worst (h) |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {k} | {w['leaks']} | {w['found']} | {w['median_h']} | {w['max_h']} |"
            for k, w in r["water_leaks"].items()
        ]
    if r["skipped"]:
        lines += ["", f"Skipped, no recordings: {', '.join(r['skipped'])}."]
    return "\n".join(lines)


def _words(values: dict[str, float]) -> str:
    return ", ".join(f"{k} {v:g}" for k, v in values.items())


def _second(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def main() -> None:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m bench.leaks", description=about)
    usual = Path(os.environ.get("HEARTHWATCH_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument(
        "--data", type=Path, default=usual, help="folder of recordings (default: %(default)s)"
    )
    parser.add_argument("--profiles", type=int, default=10_000, help="CO profiles (default: %(default)s)")
    parser.add_argument("--picture", type=Path, help="write the fires, room by room, to this SVG file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    found = run(given.data, given.profiles)
    if given.picture and "fire_rooms" in found:
        given.picture.write_text(leaks_fire.picture(found["fire_rooms"]), encoding="utf-8")
    print(json.dumps(_finite(found)) if given.json else report(found))


def _finite(value: Any) -> Any:
    """JSON knows no infinity: null stands for never."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


if __name__ == "__main__":
    main()
