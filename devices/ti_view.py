"""What stands in a TI packet, in words? For people, vectors and recordings; readings are made elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from devices import ti_frame as ti
from devices.ti_frame import Header, Tlv

KINDS = {
    "A": "ti (40-byte header, TLV length excludes TLV header)",
    "B": "ti (48-byte header, TLV length includes TLV header)",
    "C": "ti (52-byte header, TLV length includes TLV header)",
}
UNITS = ("elevation", "azimuth", "doppler", "range", "snr")


def decode(packet: bytes) -> dict[str, Any]:
    """A whole packet in words."""
    found = ti.inspect(packet)
    if isinstance(found, str):
        return {"kind_of_frame": "refused", "reason": found}
    head, tlvs = found
    view: dict[str, Any] = {
        "kind_of_frame": KINDS[head.layout],
        "version": f"0x{head.version:08X}",
        "total_packet_len": head.length,
        "platform": f"0x{head.platform:06X}",
        "frame_number": head.frame,
        "num_tlvs": head.tlvs,
        "subframe": head.subframe,
        "tlvs": [_tlv(packet, head, tlv) for tlv in tlvs],
    }
    if head.layout == "A":
        end = tlvs[-1].start + tlvs[-1].length if tlvs else head.size
        view["time_cpu_cycles"] = head.cycles
        view["num_detected_obj"] = head.objects
        view["padding_bytes"] = len(packet) - end
        return view
    view["checksum"] = f"0x{head.checksum:04X}"
    if head.layout == "B":
        names = ("chirp_margin_us", "frame_processing_us", "track_processing_us", "uart_sending_us")
    else:
        names = ("chirp_margin_us", "frame_margin_us", "uart_sending_us", "track_processing_us")
        view["timestamp"] = head.cycles
    return view | dict(zip(names, head.times, strict=True))


def _tlv(packet: bytes, head: Header, tlv: Tlv) -> dict[str, Any]:
    # number and length as they stand in the packet: layouts B and C count the TLV header in
    kind, length = struct.unpack_from("<II", packet, tlv.start - 8)
    data = packet[tlv.start : tlv.start + tlv.length]
    view: dict[str, Any] = {"type": kind, "length": length}
    content = CONTENT.get(tlv.kind)
    return view | content(data) if content else view


def _points(data: bytes) -> dict[str, Any]:
    return {"points_xyz_doppler": [list(p) for p in struct.iter_unpack("<4f", data)]}


def _side_info(data: bytes) -> dict[str, Any]:
    return {"side_info_snr_noise_0p1dB": [list(p) for p in struct.iter_unpack("<2H", data)]}


def _range_profile(data: bytes) -> dict[str, Any]:
    bins = struct.unpack(f"<{len(data) // 2}H", data)
    return {"range_profile_bins": len(bins), "first_bins": list(bins[:4])}


def _statistics(data: bytes) -> dict[str, Any]:
    return {"values": list(struct.unpack(f"<{len(data) // 4}I", data))}


def _spherical(data: bytes) -> dict[str, Any]:
    names = ("range_m", "azimuth_rad", "elevation_rad", "doppler_m_s")
    return {"points": [dict(zip(names, p, strict=True)) for p in struct.iter_unpack("<4f", data)]}


def _targets(data: bytes) -> dict[str, Any]:
    targets = []
    for tid, *v in struct.iter_unpack("<I27f", data):
        targets.append({
            "tid": tid, "pos_m": v[0:3], "vel": v[3:6], "acc": v[6:9], "ec": v[9:25], "g": v[25],
            "confidence": v[26],
        })  # fmt: skip
    return {"targets": targets}


def _index(data: bytes) -> dict[str, Any]:
    return {"target_index_of_previous_frame_points": list(data)}


def _heights(data: bytes) -> dict[str, Any]:
    names = ("tid", "max_z_m", "min_z_m")
    return {"heights": [dict(zip(names, row, strict=True)) for row in struct.iter_unpack("<Iff", data)]}


def _compressed(data: bytes) -> dict[str, Any]:
    units = struct.unpack_from("<5f", data)
    points = []
    for row in struct.iter_unpack("<bbhHH", data[20:]):
        elevation, azimuth, doppler, distance, snr = (r * u for r, u in zip(row, units, strict=True))
        points.append({
            "elevation_rad": elevation, "azimuth_rad": azimuth, "doppler_m_s": doppler,
            "range_m": distance, "snr": snr,
        })  # fmt: skip
    return {"units": dict(zip(UNITS, units, strict=True)), "points": points}


def _ext_points(data: bytes) -> dict[str, Any]:
    xyz, doppler, snr, noise, major, minor = struct.unpack_from("<4f2H", data)
    points = [
        {"x_m": x * xyz, "y_m": y * xyz, "z_m": z * xyz, "doppler_m_s": d * doppler, "snr": s * snr}
        for x, y, z, d, s, _ in struct.iter_unpack("<4h2B", data[20:])
    ]
    units = {"xyz": xyz, "doppler": doppler, "snr": snr, "noise": noise}
    return {"units": units, "n_major": major, "n_minor": minor, "points": points}


def _presence(data: bytes) -> dict[str, Any]:
    return {"presence": int.from_bytes(data, "little")}


def zones(data: bytes) -> list[int]:
    """Enhanced presence of an xWRL6432: 0 nobody, 1 small, 2 large movement, for each zone.

    >>> zones(b"\\x03\\x24")
    [0, 1, 2]
    """
    count = data[0] if data else 0
    bits = int.from_bytes(data[1:], "little")
    return [bits >> 2 * i & 3 for i in range(min(count, 4 * (len(data) - 1)))]


def _vitals(data: bytes) -> dict[str, Any]:
    if len(data) < 136:
        return {}
    number, range_bin, deviation, heart, breath, *waves = struct.unpack_from("<HH33f", data)
    return {
        "id": number,
        "range_bin": range_bin,
        "breathing_deviation": deviation,
        "heart_rate_bpm": heart,
        "breath_rate_bpm": breath,
        "heart_waveform": waves[:15],
        "breath_waveform": waves[15:],
    }


CONTENT: dict[int, Callable[[bytes], dict[str, Any]]] = {
    ti.POINTS: _points, ti.SIDE_INFO: _side_info, ti.RANGE_PROFILE: _range_profile,
    ti.STATISTICS: _statistics, ti.SPHERICAL: _spherical, ti.TARGETS: _targets, ti.INDEX: _index,
    ti.HEIGHTS: _heights, ti.COMPRESSED: _compressed, ti.PRESENCE: _presence, ti.VITALS: _vitals,
    ti.EXT_POINTS: _ext_points, ti.EXT_TARGETS: _targets, ti.EXT_INDEX: _index,
    ti.EXT_PRESENCE: lambda data: {"zones": zones(data)},
}  # fmt: skip
