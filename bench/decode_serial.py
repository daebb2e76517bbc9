"""Do the serial drivers decode a vector file right, in any chunking, field by field?

A vector names a device in words; :data:`RULES` finds our driver for it. ``frame`` and ``ack`` must come
out as exactly one frame whose every listed field agrees, ``command`` is what the host sends, ``stream``
must give exactly the listed frames and byte counts, ``reject`` must give none. Each is fed whole, one
byte at a time and in pieces of 3 and 7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.model import Packet, Sensor
from devices import DRIVERS
from devices.framing import Framer
from devices.port import PortDriver

CHUNKS = (0, 1, 3, 7)  # 0 = whole
TOLERANCE = 1e-4
FILLERS = {0x00: "NUL", 0x06: "ACK", 0x15: "NAK"}

RULES: tuple[tuple[str, str], ...] = (
    (r"LD2410S", "ld2410s"),
    (r"LD2410", "ld2410c"),
    (r"LD2412", "ld2412"),
    (r"LD2420", "ld2420"),
    (r"LD2450|Rd-03D|E54-24LD12D", "ld2450"),
    (r"LD6002H", "ld6002h"),
    (r"LD6002C|FDA2", "ld6002c"),
    (r"LD6002|BHA2", "ld6002"),
    (r"FDA1", "mr60fda1"),
    (r"HPC1", "mr24hpc1"),
    (r"C1001|SEN0623", "c1001"),
    (r"old firmware", "mr60bha1"),
    (r"R60ABD1|MR60BHA1", "r60abd1"),
    (r"IWRL|xWRL|6432", "ti_iwrl6432"),
    (r"IWR|xWR|AWR", "ti_iwr6843"),
    (r"ZE08|CH2O", "ze08_ch2o"),
    (r"ZE07", "ze07_co"),
    (r"Z9041", "mh_z9041a"),
    (r"440D|441D|ZC05", "mh_440d"),
    (r"Z19|Winsen \(any\)", "mh_z19b"),
    (r"BM22S2", "bm22s2021"),
    (r"BM22S3021", "bm22s3021"),
    (r"BM22S30", "bm22s3031"),
    (r"BM22S32", "bm22s3221"),
    (r"Gira", "gira_dual"),
    (r"Modbus", "modbus_rtu"),
)


def driver_name(vector: Mapping[str, Any]) -> str | None:
    """Which driver reads this vector's device? None if we have none."""
    for pattern, name in RULES:
        if re.search(pattern, vector["device"], re.IGNORECASE):
            return name if name in DRIVERS else None
    return None


def make(vector: Mapping[str, Any], name: str) -> PortDriver:
    """A driver for it; which register map an MR60BHA1 has is told by the vector's firmware."""
    spec = DRIVERS[name]
    sensor = spec.example or Sensor("s", name, "port")
    if name == "mr60bha1":
        told = " ".join(str(vector.get(k, "")) for k in ("device", "firmware", "notes"))
        sensor = replace(sensor, options={"map": "old" if "old" in told.lower() else "new"})
    if name == "modbus_rtu":
        address = vector["decoded"].get("address", int(vector["frame_hex"][:2], 16))
        sensor = replace(sensor, options={**sensor.options, "address": address})
    driver = spec.make([sensor])
    assert isinstance(driver, PortDriver)
    return driver


def differences(expected: Any, got: Any, path: str = "") -> list[str]:
    """Where does what was decoded not agree with what the vector lists? Extra fields are fine."""
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            return [f"{path}: {got!r} is not a group"]
        return [
            d for key, value in expected.items() for d in differences(value, got.get(key), f"{path}.{key}")
        ]
    if isinstance(expected, list):
        if not isinstance(got, Sequence) or isinstance(got, str) or len(got) != len(expected):
            return [f"{path}: {got!r} instead of {expected!r}"]
        pairs = zip(expected, got, strict=True)
        return [d for i, (e, g) in enumerate(pairs) for d in differences(e, g, f"{path}[{i}]")]
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or isinstance(expected, str):
        return (
            []
            if expected == got and type(expected) is type(got)
            else [f"{path}: {got!r} instead of {expected!r}"]
        )
    if isinstance(got, int | float) and abs(got - expected) <= TOLERANCE * max(1.0, abs(expected)):
        return []
    return [f"{path}: {got!r} instead of {expected!r}"]


def judge(vector: Mapping[str, Any]) -> list[str] | None:
    """What is wrong with how we read this vector? [] = right, None = no driver."""
    name = driver_name(vector)
    if name is None:
        return None
    try:
        return _judge(vector, name)
    except Exception as error:  # a decoder that raises is wrong, whatever it raises
        return [f"raised {type(error).__name__}: {error}"]


def _judge(vector: Mapping[str, Any], name: str) -> list[str]:
    data = bytes.fromhex(vector["frame_hex"])
    expected, record = vector["decoded"], vector["record"]
    if record == "command":
        return differences(expected, make(vector, name).decode_command(data))
    out: list[str] = []
    for chunk in CHUNKS:
        driver = make(vector, name)
        views, frames = _read(driver, data, chunk)
        if record == "reject":
            out += [f"chunk {chunk}: decoded {view!r}" for view in views]
        elif record == "stream":
            out += _stream(expected, driver, views, data)
        elif len(frames) != 1 or frames[0] != data:
            out.append(f"chunk {chunk}: {len(frames)} frames instead of 1, refused {driver.health().refused}")
        else:
            out += differences(expected, views[0])
        driver = make(vector, name)  # the reading path must stand the same bytes
        for at in range(0, len(data), chunk or len(data)):
            driver.feed(Packet("port", "", 0, data[at : at + (chunk or len(data))]))
    return sorted(set(out))


def _read(driver: PortDriver, data: bytes, chunk: int) -> tuple[list[dict[str, Any]], list[bytes]]:
    framer: Framer = driver.framer
    frames: list[bytes] = []
    for at in range(0, len(data), chunk or len(data)):
        frames += framer.feed(data[at : at + (chunk or len(data))], 0)
    views = [driver.decode_frame(frame) for frame in frames]
    return views, frames


def _stream(
    expected: Mapping[str, Any], driver: PortDriver, views: list[dict[str, Any]], data: bytes
) -> list[str]:
    controls = [FILLERS[byte] for byte in driver.framer.fillers]
    health = driver.health()
    got: dict[str, Any] = {
        "frames": views,
        "control_bytes": controls,
        "discarded_bytes": health.bytes_discarded,
        "discarded_bytes_between_frames": health.bytes_discarded,
        "incomplete_tail_bytes": health.bytes_pending,
    }
    out = differences({k: v for k, v in expected.items() if k != "rejected"}, got)
    refused = {(r.offset, driver.claimed_length(data[r.offset :])) for r in driver.framer.refusals}
    for item in expected.get("rejected", ()):
        if (item["offset"], item["claimed_len"]) not in refused:
            out.append(f".rejected: {item['offset']} was not refused")
    return out
