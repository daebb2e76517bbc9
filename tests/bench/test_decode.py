"""Does the vector bench count right, wrong and uncovered honestly?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import decode, decode_serial

GOOD = {
    "id": "a", "device": "HLK-LD2450", "record": "frame",
    "frame_hex": "AA FF 03 00 0E 03 B1 86 10 00 40 01 " + "00 " * 16 + "55 CC",
    "decoded": {"kind_of_frame": "report", "target_count": 1, "targets": [
        {"x_mm": -782, "y_mm": 1713, "speed_cm_s": -16, "resolution_mm": 320}, None, None]},
}  # fmt: skip


def vector(**changes: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(GOOD)), **changes}


def test_every_listed_field_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = vector(id="b", decoded={"target_count": 2})
    missing = vector(id="c", decoded={"no_such_field": 1})
    unknown = vector(id="d", device="Acme 9000")
    file = tmp_path / "v.json"
    file.write_text(json.dumps([GOOD, wrong, missing, unknown]))
    assert decode.main([str(file), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["right"], result["wrong"], result["uncovered"]) == (1, 2, 1)
    assert result["by_device"]["HLK-LD2450"] == {"right": 1, "wrong": 2, "uncovered": 0}
    assert set(result["failures"]) == {"b", "c"}


def test_a_reject_that_decodes_is_wrong() -> None:
    assert decode_serial.judge(vector(record="reject", decoded={"must_be_rejected": True}))


def test_a_stream_must_give_exactly_its_frames_and_counts() -> None:
    data = GOOD["frame_hex"] + " AA FF"
    listed = {"frames": [GOOD["decoded"]], "discarded_bytes": 0, "incomplete_tail_bytes": 2}
    assert decode_serial.judge(vector(record="stream", frame_hex=data, decoded=listed)) == []
    twice = {**listed, "frames": [GOOD["decoded"]] * 2}
    assert decode_serial.judge(vector(record="stream", frame_hex=data, decoded=twice))
    lost = {**listed, "discarded_bytes": 1}
    assert decode_serial.judge(vector(record="stream", frame_hex=data, decoded=lost))


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (1, 1.00005, True),
        (1, 1.001, False),
        (True, 1, False),
        (0, False, False),
        (None, 0, False),
        ("0x01", "0x1", False),
        ([1, 2], [1, 2, 3], False),
        ({"a": 1}, {"a": 1, "b": 2}, True),
    ],
)
def test_differences(expected: Any, got: Any, same: bool) -> None:
    assert (decode_serial.differences({"x": expected}, {"x": got}) == []) is same


def test_a_file_that_is_no_vector_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "v.json"
    file.write_text("not json")
    assert decode.main([str(file)]) == 2
    assert str(file) in capsys.readouterr().err
