"""Does what was recorded come back exactly, whatever happens to the file?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import DAY, HOUR, SECOND, Mark, Packet
from ingest.errors import LogError
from ingest.recorder import RecordingWriter
from ingest.recording import Header, RecordingReader, Refusal, is_recording, line_of, packet_of, write_all

texts = st.text(max_size=20)
packets = st.builds(
    Packet,
    link=texts,
    channel=texts,
    at=st.integers(0, (1 << 63) - 1),
    data=st.one_of(st.binary(max_size=60), texts.map(str.encode)),
    mark=st.sampled_from(list(Mark)),
)


def in_order(some: list[Packet]) -> list[Packet]:
    return [p._replace(at=at) for p, at in zip(some, sorted(p.at for p in some), strict=True)]


def kept(some: list[Packet]) -> list[Packet]:
    return [p for p in some if p.mark is not Mark.END]


@given(packets)
def test_a_line_is_one_line_of_json_and_gives_the_packet_back(packet):
    line = line_of(packet)
    assert "\n" not in line
    assert "\r" not in line
    assert packet_of(line) == packet
    assert packet_of(line.encode()) == packet
    told = json.loads(line)
    assert set(told) <= {"at", "link", "channel", "mark", "text", "hex"}


def test_readable_payloads_are_written_readably():
    assert '"text":"开门 {\\"contact\\":false}"' in line_of(
        Packet("b", "门", 1, '开门 {"contact":false}'.encode())
    )
    assert '"hex":"550a"' in line_of(Packet("b", "", 1, b"U\n"))


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
@given(some=st.lists(packets, max_size=12), cut=st.integers(1, 5))
def test_round_trip(suffix, tmp_path_factory, some, cut):
    some = in_order(kept(some))
    path = tmp_path_factory.mktemp("r") / f"x{suffix}"
    with RecordingWriter(path, header=Header("home", 7, "abc")) as writer:
        for at in range(0, len(some), cut):
            writer.write(some[at : at + cut])
    reader = RecordingReader(path)
    back = list(reader.packets())
    assert back[:-1] == some
    assert back[-1].mark is Mark.END
    assert reader.headers == [Header("home", 7, "abc")]
    assert (reader.counts.torn, reader.counts.open_ends, reader.counts.refused) == (0, 0, {})


def sample(count: int = 200, step: int = SECOND, start: int = 0) -> list[Packet]:
    return [Packet("port", "", start + n * step, bytes([n % 256]) * (n % 50)) for n in range(count)]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
def test_a_torn_file_is_read_up_to_its_last_whole_line(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    with RecordingWriter(whole) as writer:
        for packet in sample(40):
            writer.write([packet])
    full = whole.read_bytes()
    expected = sample(40)
    longest = 0
    for length in range(len(full) - 1, 0, -7):
        torn = tmp_path / f"torn{suffix}"
        torn.write_bytes(full[:length])
        reader = RecordingReader(torn)
        back = kept(list(reader.packets()))
        assert back == expected[: len(back)]
        # a compressed file may lack only its last bytes, behind the END that was read
        assert len(back) == len(expected) or reader.counts.torn + reader.counts.open_ends >= 1
        longest = max(longest, len(back))
    assert longest >= 39


def test_a_killed_writer_has_lost_nothing_of_what_it_wrote(tmp_path):
    path = tmp_path / "x.jsonl.zst"
    writer = RecordingWriter(path)
    writer.write(sample(30))
    reader = RecordingReader(path)  # not closed: as after kill -9
    assert list(reader.packets()) == sample(30)
    assert reader.counts.open_ends == 1
    writer.close()


def test_damage_inside_is_counted_by_name_and_the_rest_is_read(tmp_path):
    path = tmp_path / "x.jsonl"
    write_all(path, sample(3))
    good = path.read_text().splitlines()
    bad = [
        "garbage",
        "[1]",
        '{"at":"5","link":"l","channel":"","text":""}',
        '{"at":true,"link":"l","channel":"","text":""}',
        '{"at":-1,"link":"l","channel":"","text":""}',
        '{"at":1e99,"link":"l","channel":"","text":""}',
        '{"at":5,"channel":"","text":""}',
        '{"at":5,"link":"l","channel":"","text":"a","hex":"00"}',
        '{"at":5,"link":"l","channel":"","hex":"0g"}',
        '{"at":5,"link":"l","channel":"","mark":"later","text":""}',
        "[" * 100_000,
    ]
    path.write_text("\n".join([good[0], *bad, *good[1:]]) + "\n")
    reader = RecordingReader(path)
    assert kept(list(reader.packets())) == sample(3)
    assert sum(reader.counts.refused.values()) == len(bad)
    assert reader.counts.refused == {"not_json": 2, "not_a_packet": 3, "time": 4, "hex": 1, "mark_unknown": 1}


def test_what_is_no_recording_is_told_in_a_sentence(tmp_path):
    foreign = tmp_path / "a.jsonl"
    foreign.write_text('{"tst":"2026-01-01T00:00:00"}\n')
    with pytest.raises(LogError, match=r"a\.jsonl: is not one of our recordings"):
        list(RecordingReader(foreign).packets())
    with pytest.raises(LogError, match="no such file"):
        RecordingReader(tmp_path / "none.jsonl")
    with pytest.raises(LogError, match="holds no recording"):
        RecordingReader(empty(tmp_path))
    newer = tmp_path / "b.jsonl"
    newer.write_text('{"hearthwatch":99}\n')
    with pytest.raises(LogError, match="version 99"):
        list(RecordingReader(newer).packets())
    assert is_recording('{"hearthwatch":1}')
    assert not is_recording("x")
    with pytest.raises(Refusal):
        packet_of("{}")


def empty(folder):
    made = folder / "empty"
    made.mkdir()
    return made


@pytest.mark.parametrize("compress", [True, False])
def test_a_folder_is_rotated_and_reads_as_one_recording(tmp_path, compress):
    folder = tmp_path / "rec"
    everything = sample(500, step=60 * SECOND, start=400 * DAY)
    with RecordingWriter(folder, rotate_hours=1, compress=compress) as writer:
        for packet in everything:
            writer.write([packet])
    files = sorted(folder.iterdir())
    assert len(files) == 9
    assert all(f.stat().st_mode & 0o077 == 0 for f in files)
    reader = RecordingReader(folder)
    back = list(reader.packets())
    assert kept(back) == everything
    assert [p.mark for p in back if p.mark] == [Mark.END]
    assert [h.after for h in reader.headers] == ["", *(f.name for f in files[:-1])]


def test_the_oldest_files_go_by_age_and_by_size(tmp_path):
    folder = tmp_path / "rec"
    start = 400 * DAY
    with RecordingWriter(folder, rotate_hours=1, keep_days=0.25, compress=False) as writer:
        writer.write(sample(1, start=start))
        (folder / "notes.txt").write_text("mine")
        for packet in sample(12 * 60, step=60 * SECOND, start=start):
            writer.write([packet])
    oldest = next(iter(RecordingReader(folder).packets()))
    assert oldest.at >= start + 12 * HOUR - 7 * HOUR - HOUR
    assert (folder / "notes.txt").exists()
    small = tmp_path / "small"
    with RecordingWriter(small, rotate_mb=0.01, max_mb=0.05, compress=False) as writer:
        for packet in sample(3000, start=start):
            writer.write([packet])
    total = sum(f.stat().st_size for f in small.iterdir())
    assert 20_000 < total <= 50_000
    assert writer.counts["removed"] > 0


def test_two_lives_in_one_folder_and_one_second_do_not_overwrite_each_other(tmp_path):
    for life in range(3):
        with RecordingWriter(tmp_path) as writer:
            writer.write([Packet("l", "", 5, bytes([life]))])
    assert [p.data for p in kept(list(RecordingReader(tmp_path).packets()))] == [b"\x00", b"\x01", b"\x02"]


def test_a_failing_disk_raises_and_the_next_write_begins_a_new_file(tmp_path):
    writer = RecordingWriter(tmp_path / "rec", compress=False)
    writer.write(sample(2))
    writer._file.close()
    writer._file = FullDisk()
    with pytest.raises(OSError, match="No space"):
        writer.write(sample(1, start=10))
    writer.write(sample(1, start=20))
    writer.close()
    assert [p.at for p in kept(list(RecordingReader(tmp_path / "rec").packets()))] == [0, SECOND, SECOND]
    assert writer.counts["failures"] == 1


class FullDisk:
    def write(self, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None: ...

    def close(self) -> None: ...


def test_the_reference_tells_every_mark_and_its_example_can_be_read(root, tmp_path):
    page = (root / "docs/reference/recordings.md").read_text()
    for mark in Mark:
        assert f"`{mark}`" in page or not mark
    example = page.split("```json\n")[1].split("```")[0]
    path = tmp_path / "example.jsonl"
    path.write_text(example)
    reader = RecordingReader(path)
    assert len(list(reader.packets())) == example.count("\n") - 1
    assert reader.counts.refused == {}
    assert reader.headers[0].home == "example-home"
