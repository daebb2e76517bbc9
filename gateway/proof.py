"""Which life-safety sensors have proven that they can alarm?

A smoke, heat, gas, CO or water detector and a call button are *unproven* until the gateway has once seen
their alarm value live: a real alarm, a test press, test gas. A retained value found at connect proves
nothing, nor does a detector that only ever says "no alarm": one well-known gas detector says so for ever.

The proofs lie in ``proofs.json`` of the state folder and outlive restarts, new configurations and lost
snapshots; a sensor that is enrolled under another device or topic must prove itself again. They are no part
of the pipeline's state and change no alert that follows from packets, so a replay stays what it was.

How much proves a number (the least level at which a detector of that standard may or must alarm):
30 ppm CO (EN 50291-1), 3 %LEL or 1500 ppm methane (EN 50194-1), 1.1 %/m of smoke (0.05 dB/m, EN 14604).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.model import Block, Flag, Home, Sensor
from core.quantity import Quantity
from devices import DRIVERS
from gateway.snapshot import sync_folder

Q = Quantity
log = logging.getLogger("hearthwatch.proof")

FILE = "proofs.json"
GROUPS: Final[dict[Quantity, tuple[str, float]]] = {
    Q.SMOKE: ("smoke", 1.0), Q.SMOKE_OBSCURATION_PCT_M: ("smoke", 1.1), Q.HEAT: ("heat", 1.0),
    Q.GAS: ("gas", 1.0), Q.GAS_LEL_PCT: ("gas", 3.0), Q.METHANE_PPM: ("gas", 1500.0),
    Q.CO: ("co", 1.0), Q.CO_PPM: ("co", 30.0), Q.WATER: ("water", 1.0), Q.SOS: ("button", 1.0),
}  # fmt: skip
"""Which quantity proves what, from which value on."""

KINDS: Final = frozenset(group for group, _ in GROUPS.values())
_FLAGS: Final = frozenset({Q.SMOKE, Q.HEAT, Q.GAS, Q.CO, Q.WATER})
_NO_PROOF: Final = int(Flag.RETAINED)


def expected(sensor: Sensor) -> frozenset[str]:
    """What must this sensor be able to alarm about, by how it is enrolled? Empty: nothing, or not known.

    >>> expected(Sensor("a", "zigbee2mqtt", "b", kind="gas")), expected(Sensor("c", "ze07_co", "port"))
    (frozenset({'gas'}), frozenset({'co'}))
    """
    if sensor.kind in KINDS:
        return frozenset({sensor.kind})
    spec = DRIVERS.get(sensor.device)
    if sensor.kind or spec is None or spec.transport != "serial":
        return frozenset()
    told = {span.quantity for spans in spec.spans for span in spans}
    if "registers" in spec.options:
        rows = sensor.options.get("registers") or ()
        told = {Q(r["quantity"]) for r in rows if isinstance(r, Mapping) and r.get("quantity") in set(Q)}
    return frozenset(GROUPS[q][0] for q in told if q in GROUPS)


def identity(sensor: Sensor) -> str:
    """What makes it the same sensor? Another device or topic under the same id is another sensor."""
    return f"{sensor.device} {sensor.link} {sensor.address}"


class Proofs:
    """What was proven, and what still has to be. Not safe for threads: it belongs to the pipeline's."""

    def __init__(self, home: Home, folder: Path) -> None:
        self._path = folder / FILE
        self._home = home
        self._proofs: dict[str, dict[str, dict[str, Any]]] = {}
        self._since: dict[str, int] = {}
        self._needs = {i: set(expected(s)) for i, s in home.sensors.items()}
        self._changed = False
        self._load()

    # -- taking note

    def note(self, blocks: Iterable[Block]) -> None:
        """Look for alarm values in released blocks. Quick: most quantities prove nothing."""
        for block in blocks:
            entry = GROUPS.get(block.quantity)
            if entry is None:
                if block.quantity is Q.TEST:
                    self._test(block)
                continue
            needs = self._needs.get(block.source)
            if needs is None:
                continue
            group, least = entry
            sensor = self._home.sensors[block.source]
            if group not in needs and not sensor.kind and block.quantity in _FLAGS:
                needs.add(group)  # it speaks of it, so it must be able to alarm about it
                self._changed = True
            if group in needs and group not in self._proofs.get(block.source, {}):
                self._look(block, (group,), least, "alarm")

    def _test(self, block: Block) -> None:
        needs = self._needs.get(block.source)
        if needs and needs - self._proofs.get(block.source, {}).keys():
            self._look(block, tuple(needs), 1.0, "test")

    def _look(self, block: Block, groups: tuple[str, ...], least: float, how: str) -> None:
        live = (block.flags & _NO_PROOF) == 0
        rows = np.flatnonzero(live & (block.value >= least))
        if not len(rows):
            return
        row = int(rows[0])
        if int(block.flags[row]) & Flag.TEST:
            how = "test"
        proof = {
            "t": int(block.t[row]),
            "quantity": block.quantity.value,
            "value": float(block.value[row]),
            "how": how,
        }
        for group in groups:
            self._proofs.setdefault(block.source, {}).setdefault(group, proof)
        self._changed = True
        log.info("%s is proven: %s=%g (%s)", block.source, block.quantity, proof["value"], how)

    def begin(self, now: int) -> None:
        """Sensors that are new count as enrolled from ``now`` on."""
        for name in self._needs:
            if name not in self._since:
                self._since[name] = now
                self._changed = True

    # -- questions

    def missing(self, name: str) -> list[str]:
        """What has this sensor not proven yet?"""
        return sorted(self._needs.get(name, set()) - self._proofs.get(name, {}).keys())

    def unproven(self) -> list[str]:
        """Which sensors must be able to alarm and were never seen to?"""
        return [name for name in self._home.sensors if self.missing(name)]

    def enrolled(self, name: str) -> int | None:
        """Since when is it enrolled, in event time?"""
        return self._since.get(name)

    def status(self) -> dict[str, dict[str, Any]]:
        """Every life-safety sensor: what is missing, and what proved the rest; as JSON."""
        return {
            name: {"missing": self.missing(name), "proven": dict(self._proofs.get(name, {}))}
            for name in self._home.sensors
            if self._needs[name]
        }

    # -- the file

    def save(self) -> None:
        """Write it, if anything is new: beside, synced, swapped. Raises OSError; then it is tried again."""
        if not self._changed:
            return
        sensors = self._home.sensors
        body = {
            "format": 1,
            "sensors": {
                name: {
                    "identity": identity(sensors[name]),
                    "since": self._since.get(name),
                    "needs": sorted(self._needs[name]),
                    "proofs": self._proofs.get(name, {}),
                }
                for name in sensors
                if name in self._since or name in self._proofs
            },
        }
        beside = self._path.with_suffix(".new")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(body, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)
        sync_folder(self._path.parent)
        self._changed = False

    def _load(self) -> None:
        """A file that is torn or foreign proves nothing: all is unproven again, which is the safe side."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            rows = kept["sensors"] if kept["format"] == 1 else {}
            for name, row in rows.items():
                sensor = self._home.sensors.get(name)
                if sensor is None or row["identity"] != identity(sensor):
                    continue
                proofs = {str(g): dict(p) for g, p in row["proofs"].items() if g in KINDS}
                since = row["since"]
                if proofs:
                    self._proofs[name] = proofs
                if isinstance(since, int):
                    self._since[name] = since
                if not sensor.kind:
                    self._needs[name] |= KINDS.intersection(row["needs"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be used (%r): all detectors count as unproven", self._path, error)
            self._proofs, self._since = {}, {}
