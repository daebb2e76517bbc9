"""What do Winsen's modules that answer polls say: MH-Z19B (CO2), MH-440D / MH-441D and ZC05 (methane)?

Line 9600 8N1; frames, checksum and warming up as in ``winsen_ff.py``. Asked once a second with ``FF 01 86``;
an unanswered question is no value.

* MH-Z19B answers a poll with ``FF 86 hi lo T S``: CO2 in ppm; T - 40 is its own temperature and S a
  status byte, both undocumented.
* MH-440D / MH-441D (methane, infrared) and ZC05 (methane, to 25 %LEL) answer a poll alike, but **the
  scale is a matter of the model**: on a 0..100 %LEL unit the value is %LEL (1 %LEL = 500 ppm), on a ZC05
  it is taken as ppm [one source]. The 0..5 %vol variant of the 441D has another, unconfirmed factor: give
  ``ppm_per_count`` for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.port import Fact, by_time, option, within
from devices.winsen_ff import NO_WORD, REPLY, Winsen, form, seal


class Polled(Winsen):
    """A module that speaks only when asked, once a second."""

    form = form((REPLY,))
    scale: str = ""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors, poll=True)
        factor = option(sensors[0], "ppm_per_count", None, within(0.001, 10_000)) if sensors else None
        self._ppm_per_count: float | None = factor

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        raw = int.from_bytes(frame[2:4], "big")
        if self.scale == "co2":
            return {
                "kind_of_frame": "reply",
                "co2_ppm": raw,
                "temperature_c_undocumented": frame[4] - 40 if frame[4] else None,
                "status_byte_undocumented": frame[5],
                "fault": frame[2:4] == NO_WORD,
            }
        return {
            "kind_of_frame": "reply",
            "raw": raw,
            "ch4_ppm_if_lel_range": raw * PPM_PER_LEL,
            "ch4_pct_lel_if_lel_range": raw,
            "fault": frame[2:4] == NO_WORD,
        }

    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        if self.scale == "co2":
            facts: list[Fact] = [(Q.CO2_PPM, float(view["co2_ppm"]))] if view["co2_ppm"] else []
            if view["temperature_c_undocumented"] is not None:
                facts.append((Q.DEVICE_TEMPERATURE_C, float(view["temperature_c_undocumented"])))
            return facts
        raw = view["raw"]
        if self._ppm_per_count is not None:
            return [(Q.METHANE_PPM, raw * self._ppm_per_count)]
        if self.scale == "ppm":
            return [(Q.METHANE_PPM, float(raw))]
        return [(Q.GAS_LEL_PCT, float(raw))]


class MhZ19b(Polled):
    """Carbon dioxide from an MH-Z19B."""

    scale = "co2"


class Mh440d(Polled):
    """Methane in %LEL from an MH-440D or MH-441D."""

    scale = "lel"


class Zc05(Polled):
    """Methane in ppm from a ZC05."""

    scale = "ppm"


PPM_PER_LEL = 500
"""Methane: 5 %vol is the lower explosive limit, so 1 %LEL is 500 ppm."""


def encode_reply(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The answers a polled module would give, at the times of the readings."""
    packets = []
    factor = sensor.options.get("ppm_per_count") or 1
    for t, values in by_time(readings):
        raw, temperature = None, 0
        if Q.CO2_PPM in values:
            raw = values[Q.CO2_PPM]
            if Q.DEVICE_TEMPERATURE_C in values:
                temperature = round(values[Q.DEVICE_TEMPERATURE_C]) + 40
        elif Q.METHANE_PPM in values:
            raw = values[Q.METHANE_PPM] / factor
        elif Q.GAS_LEL_PCT in values:
            raw = values[Q.GAS_LEL_PCT]
        elif values.get(Q.FAULT):
            raw = 0xFFFF
        if raw is not None:
            number = min(0xFFFF, max(0, round(raw)))
            body = bytes([0xFF, REPLY, number >> 8, number & 0xFF, temperature, 0, 0, 0])
            packets.append(Packet(sensor.link, "", t, seal(body)))
    return packets


MH_Z19B = DriverSpec(
    name="mh_z19b",
    title="Winsen MH-Z19B carbon dioxide module",
    transport="serial",
    make=MhZ19b,
    encode=encode_reply,
    spans=((Span(Q.CO2_PPM, 1, 10_000), Span(Q.DEVICE_TEMPERATURE_C, -39, 80)), (Span(Q.FAULT, 1, 1),)),
    line=Line(9600),
    evidence="Poll and CO2: manuals, recordings, drivers. Temperature and status byte: undocumented.",
    options={"warm_up_s": 180},
    example=Sensor("air", "mh_z19b", "port"),
)


def _methane(name: str, title: str, make: type[Polled], span: Span, evidence: str) -> DriverSpec:
    return DriverSpec(
        name=name,
        title=title,
        transport="serial",
        make=make,
        encode=encode_reply,
        spans=((span,), (Span(Q.FAULT, 1, 1),)),
        line=Line(9600),
        evidence=evidence,
        options={"warm_up_s": 180, "ppm_per_count": None},
        example=Sensor("gas", name, "port"),
    )


_LEL = (
    "Frame: data sheets and drivers. Scale of the 0..100 %LEL unit: data sheet; "
    "of the 5 %vol unit: unconfirmed."
)
MH_440D = _methane("mh_440d", "Winsen MH-440D methane module", Mh440d, Span(Q.GAS_LEL_PCT, 0, 100), _LEL)
MH_441D = _methane("mh_441d", "Winsen MH-441D methane module", Mh440d, Span(Q.GAS_LEL_PCT, 0, 100), _LEL)
ZC05 = _methane(
    "zc05", "Winsen ZC05 methane module", Zc05, Span(Q.METHANE_PPM, 0, 12_500),
    "Frame: manual and drivers. The value as ppm: one user project.",
)  # fmt: skip
