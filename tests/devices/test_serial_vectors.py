"""Is every shared serial vector right, field by field, in every chunking?"""

from __future__ import annotations

from bench import decode_serial
from devices import DRIVERS
from devices.port import PortDriver
from tests.vectors import ROOT, vectors


def test_all_serial_vectors_are_right() -> None:
    found = vectors("serial-vectors.json")
    wrong = {v["id"]: decode_serial.judge(v) for v in found}
    assert {k: w for k, w in wrong.items() if w or w is None} == {}
    assert len(found) >= 210


def test_every_frame_vector_can_be_fed_to_its_driver() -> None:
    """Real frames make readings or nothing; the drivers of measured things do make some."""
    speaking = set()
    for vector in vectors("serial-vectors.json"):
        name = decode_serial.driver_name(vector)
        assert name is not None
        driver = decode_serial.make(vector, name)
        frames = decode_serial._read(driver, bytes.fromhex(vector["frame_hex"]), 0)[1]
        for frame in frames:
            if list(driver.facts(driver.decode_frame(frame), 0)):
                speaking.add(name)
    assert {"ld2410c", "ld2412", "ld2450", "ld6002c", "ze07_co", "gira_dual", "mr60bha1"} <= speaking


def test_a_corrupted_vector_is_never_decoded_as_the_original() -> None:
    """Flipping any one bit of a checksummed frame must not give the same frame, and mostly none."""
    checked = 0
    for vector in vectors("serial-vectors.json"):
        name = decode_serial.driver_name(vector)
        if vector["record"] != "frame" or name is None or not DRIVERS[name].integrity:
            continue
        data = bytes.fromhex(vector["frame_hex"])
        for bit in range(8 * min(len(data), 12)):
            broken = bytearray(data)
            broken[bit // 8] ^= 1 << bit % 8
            driver: PortDriver = decode_serial.make(vector, name)
            assert data not in driver.framer.feed(bytes(broken), 0)
            checked += 1
    assert checked > 1000


def test_the_reference_page_names_every_serial_device() -> None:
    page = (ROOT / "docs" / "reference" / "devices-serial.md").read_text(encoding="utf-8")
    missing = [s.name for s in DRIVERS.values() if s.transport == "serial" and f"`{s.name}`" not in page]
    assert missing == []
