"""Files as device messages against the local endpoint, through the real SDK."""

from __future__ import annotations

import gzip
import os
from collections import defaultdict
from pathlib import Path

import pytest

from simulator.files import ReplayError
from simulator.replay import partition_of, replay

PARTITIONS = ("0", "1", "2", "3")


def by_source(endpoint) -> dict[str, list]:
    found = defaultdict(list)
    for event in endpoint.received():
        found[event.properties["source"]].append(event)
    return found


def test_a_folder_arrives_row_by_row_untouched_and_in_order(endpoint, tmp_path):
    folder = tmp_path / "rows"
    (folder / "b").mkdir(parents=True)
    content = {
        "a.csv": b"1;caf\xe9\r\n\n2;\xff\x00\r\n",
        "b/c.txt.gz": b"\xef\xbb\xbfx\n \ny",
        "d.csv": b"".join(b"%d\n" % n for n in range(3000)),
    }
    for name, data in content.items():
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    (folder / "README.md").write_text("what it is")
    (folder / "plan.pdf").write_bytes(b"%PDF")
    progress: list[tuple[int, int | None]] = []

    sent = replay(endpoint.settings, folder, "room", on_progress=lambda done, total: progress.append((done, total)))

    expected = {
        "a.csv": [b"1;caf\xe9", b"2;\xff\x00"],
        "b/c.txt.gz": [b"\xef\xbb\xbfx", b"y"],
        "d.csv": [b"%d" % n for n in range(3000)],
    }
    found = by_source(endpoint)
    assert {source: [event.body for event in events] for source, events in found.items()} == expected
    for source, events in found.items():
        assert {event.partition_id for event in events} == {partition_of(source, PARTITIONS)}
        assert {event.partition_key for event in events} == {None}
        assert {event.content_type for event in events} == {"text/csv"}
        assert {tuple(event.properties) for event in events} == {("schema", "source")}
        assert {event.properties["schema"] for event in events} == {"room"}
    # The message id leads back to the line of the file.
    assert [int(event.message_id.partition("-")[2]) for event in found["a.csv"]] == [1, 3]
    assert (sent.events, sent.files, sent.blank, sent.headers) == (3004, 3, 2, 0)
    assert sent.skipped == ("README.md", "plan.pdf")
    assert sum(sent.partitions.values()) == 3004
    assert progress[-1] == (3004, 3004)


def test_the_header_of_each_file_goes_with_its_rows(endpoint, tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"\n\xef\xbb\xbftime;gr\xc3\xbcn\r\n1;2\r\n3;4\r\n")
    (folder / "b.csv").write_bytes(b"time;gr\xfcn\n5;6\n")
    (folder / "c.csv").write_bytes(b"time;nothing\n")
    (folder / "d.csv").write_bytes(b"")

    sent = replay(endpoint.settings, folder, "station", header=True)

    found = by_source(endpoint)
    assert {s: [(e.body, e.properties["csv-header"]) for e in events] for s, events in found.items()} == {
        "a.csv": [(b"1;2", "time;grün"), (b"3;4", "time;grün")],
        "b.csv": [(b"5;6", "time;grün")],
    }
    assert (sent.events, sent.files, sent.headers, sent.blank) == (3, 4, 3, 1)


def test_a_line_larger_than_the_hub_takes_is_counted_and_the_rest_is_sent(endpoint, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"1\n" + b"x" * 2_000_000 + b"\n" + b"y" * 900_000 + b"\n" + b"z" * 900_000 + b"\n2\n")

    sent = replay(endpoint.settings, path, "room")

    assert (sent.events, sent.too_long, sent.batches) == (4, 1, 2)
    assert [len(event.body) for event in endpoint.received()] == [1, 900_000, 900_000, 1]


def test_a_damaged_file_sends_nothing_when_it_is_found_in_time(endpoint, tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"1\n")
    (folder / "b.csv.gz").write_bytes(gzip.compress(os.urandom(5000))[:-10])

    with pytest.raises(ReplayError, match=r"b\.csv\.gz cannot be read beyond line"):
        replay(endpoint.settings, folder, "room")

    assert endpoint.received() == []


@pytest.mark.real_data
def test_every_row_of_a_real_folder_arrives(endpoint):
    root = os.environ.get("LAKE_REAL_DATA")
    if not root:
        pytest.skip("LAKE_REAL_DATA is unset")
    folder = Path(root, "room_climate")
    rows = sum(
        1
        for path in folder.rglob("*.csv.gz")
        for line in gzip.decompress(path.read_bytes()).split(b"\n")
        if line.strip()
    )

    sent = replay(endpoint.settings, folder, "room_climate")

    assert sent.events == rows == 273_145
    assert sent.too_long == sent.blank == 0
