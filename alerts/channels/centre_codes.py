"""Which code does an alarm centre know our kinds by? Contact ID event and SIA pair for each kind.

Source: ADEMCO Contact ID (SIA DC-05) and SIA DC-03 code lists. Centres differ: ``codes`` of the channel
overrides single lines.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """``cid``: three digits. ``sia``: two letters for new, two for restored ("" = there is none)."""

    cid: str
    sia: str
    sia_restore: str = ""


CODES: dict[str, Code] = {
    "fall": Code("100", "MA", "MH"),
    "sos": Code("101", "QA", "QH"),
    "inactivity": Code("102", "NA", "NS"),
    "smoke": Code("111", "FA", "FH"),
    "heat": Code("114", "KA", "KH"),
    "gas": Code("151", "GA", "GH"),
    "water": Code("154", "WA", "WH"),
    "temperature": Code("158", "KA", "KH"),
    "co": Code("162", "GA", "GH"),
    "mains_lost": Code("301", "AT", "AR"),
    "link_down": Code("354", "YC", "YK"),
    "channel_fault": Code("354", "YC", "YK"),
    "fault": Code("380", "YX", "YZ"),
    "device_fault": Code("380", "YX", "YZ"),
    "measuring_fault": Code("380", "YX", "YZ"),
    "end_of_life": Code("380", "YX", "YZ"),
    "sensor_silent": Code("381", "YC", "YK"),
    "tamper": Code("383", "TA", "TR"),
    "battery_low": Code("384", "XT", "XR"),
    "test": Code("602", "RP"),
}

MEDICAL = Code("100", "MA", "MH")
TROUBLE = Code("300", "YX", "YZ")
TEST = CODES["test"]
