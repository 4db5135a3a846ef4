"""From the landing folder to Bronze: every file once, byte for byte, with nothing remembered but what Bronze holds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from assets.bronze import files
from assets.bronze.files import body_of, landed, pending, take
from assets.bronze.landing import Landing
from lake.fence import on_fresh_table
from quality.contracts.entity_tables import BRONZE_FILES
from settings.model import Settings


def test_a_file_is_taken_over_once_and_as_it_came(estate) -> None:
    estate.put("crm/a.csv.gz", b"\x1f\x8b not really")
    estate.put("crm/deep/b.csv", b"x")
    assert [file.name for file in estate.take().files] == ["crm/a.csv.gz", "crm/deep/b.csv"]
    assert estate.take().files == ()
    bodies = {row["path"]: body_of(estate.lake, row["content_hash"]) for row in landed(estate.lake)}
    assert bodies == {"a.csv.gz": b"\x1f\x8b not really", "deep/b.csv": b"x"}


def test_a_large_file_is_kept_in_parts_and_an_empty_one_is_a_file(estate, monkeypatch) -> None:
    monkeypatch.setattr(files, "PART", 1000)
    body = os.urandom(3500)
    estate.put("crm/large.bin", body)
    estate.put("crm/empty.csv", b"")
    estate.take()
    assert estate.rows(BRONZE_FILES, "path", "part", "parts") == [
        ("empty.csv", 0, 1), ("large.bin", 0, 4), ("large.bin", 1, 4), ("large.bin", 2, 4), ("large.bin", 3, 4)
    ]  # fmt: skip
    bodies = {row["path"]: body_of(estate.lake, row["content_hash"]) for row in landed(estate.lake)}
    assert bodies == {"large.bin": body, "empty.csv": b""}


def test_the_same_content_is_stored_once_and_a_touched_file_is_looked_at_once(estate) -> None:
    file = estate.put("crm/a.csv", b"same", at=1000)
    estate.put("crm/b.csv", b"same")
    estate.take()
    os.utime(file, (2000, 2000))
    assert len(pending(estate.lake, estate.landing)) == 1
    assert len(estate.take().files) == 1
    assert pending(estate.lake, estate.landing) == []
    stored = [row for row in estate.lake.rows(BRONZE_FILES).to_pylist() if row["body"] is not None]
    assert len(stored) == 1
    assert [(row["path"], row["in_force"]) for row in landed(estate.lake)] == [("a.csv", True), ("b.csv", True)]


def test_a_file_put_in_place_of_another_is_in_force_and_both_are_kept(estate) -> None:
    for at, body in ((1000, b"first"), (3000, b"second")):
        estate.put("crm/a.csv", body, at=at)
        estate.take()
    found = {body_of(estate.lake, row["content_hash"]): row["in_force"] for row in landed(estate.lake)}
    assert found == {b"first": False, b"second": True}
    estate.put("crm/a.csv", b"first", at=4000)
    estate.take()
    found = {body_of(estate.lake, row["content_hash"]): row["in_force"] for row in landed(estate.lake)}
    assert found == {b"first": True, b"second": False}


@pytest.mark.parametrize(
    "name", ["crm/.a.csv", "crm/a.csv.part", "crm/_tmp/a.csv", ".crm/a.csv", "loose.csv", "crm/a.csv.TMP"]
)
def test_what_is_unfinished_or_of_no_feed_is_not_there(estate, name) -> None:
    estate.put(name, b"x")
    assert estate.landing.listed() == []


def test_a_file_that_was_just_written_to_waits(tmp_path) -> None:
    settings = Settings(home=tmp_path, landing_settle_seconds=60, _env_file=None)
    folder = tmp_path / "landing" / "crm"
    folder.mkdir(parents=True)
    for name, age in (("new.csv", 1), ("old.csv", 61)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    landing = Landing(settings)
    assert [file.path for file in landing.listed()] == ["old.csv"]
    assert 50 < landing.settling() <= 59


def test_files_that_have_settled_and_an_empty_folder_need_no_waiting(tmp_path) -> None:
    landing = Landing(Settings(home=tmp_path, landing_settle_seconds=60, _env_file=None))
    assert landing.settling() == 0
    (tmp_path / "landing" / "crm").mkdir(parents=True)
    file = tmp_path / "landing" / "crm" / "old.csv"
    file.write_bytes(b"x")
    os.utime(file, (time.time() - 61,) * 2)
    assert landing.settling() == 0


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_run(estate, monkeypatch) -> None:
    file = estate.put("crm/a.csv", b"x" * 10)
    estate.put("crm/b.csv", b"y")
    listed = estate.landing.listed()
    file.write_bytes(b"x" * 20)
    monkeypatch.setattr(estate.landing, "listed", lambda: listed)
    taken = estate.take()
    assert [one.name for one in taken.files] == ["crm/b.csv"]
    assert taken.waiting == ("crm/a.csv is being written to: 20 bytes, listed with 10",)
    monkeypatch.undo()
    assert [one.name for one in estate.take().files] == ["crm/a.csv"]


def test_two_runs_at_once_take_a_file_over_once(estate, monkeypatch) -> None:
    """The other run commits between this one's look at the table and its own commit."""
    estate.put("crm/a.csv", b"x")
    tried = []

    def raced(lake, table, attempt):
        def late(target):
            if not tried:
                tried.append(1)
                monkeypatch.undo()
                assert len(take(estate.lake, estate.landing).files) == 1
            return attempt(target)

        return on_fresh_table(lake, table, late)

    monkeypatch.setattr(files, "on_fresh_table", raced)
    assert estate.take().files == ()
    assert len(estate.rows(BRONZE_FILES, "path")) == 1


def test_a_file_is_put_in_whole_with_its_time_and_never_elsewhere(estate, tmp_path) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes(b"x")
    os.utime(source, (1000, 1000))
    assert estate.landing.put(source, "crm", "deep/a.csv") == "crm/deep/a.csv"
    (file,) = estate.landing.listed()
    assert (file.name, file.modified_at.timestamp()) == ("crm/deep/a.csv", 1000)
    for feed, path in (("crm", "../a.csv"), ("..", "a.csv"), ("a/b", "c"), ("crm", "/etc/a"), ("crm", ".a"), ("", "a")):
        with pytest.raises(ValueError, match="no name for a landed file"):
            estate.landing.put(source, feed, path)
    assert not Path(estate.landing.root).parent.joinpath("a.csv").exists()
