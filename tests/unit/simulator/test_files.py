from __future__ import annotations

import gzip

import pytest

from simulator.files import ReplayError, SourceFile, count_lines, lines, select


def test_a_folder_gives_its_rows_in_order_and_names_what_it_leaves_out(tmp_path):
    wanted = ["a.csv", "b/a.txt.gz", "b/c/x.CSV", "b/plain.gz", "d.tsv", "ü.csv"]
    unwanted = [".hidden.csv", "README", "b/README.txt", "b/map.pdf", "old.tar.gz", "old.tgz", "old.zip", "x.json.gz"]
    ignored = [".git/a.csv"]
    for name in [*wanted, *unwanted, *ignored]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1\n")

    chosen = select(tmp_path)

    assert [file.name for file in chosen.files] == wanted
    assert list(chosen.skipped) == sorted(unwanted)


def test_a_file_is_taken_whatever_its_ending(tmp_path):
    (tmp_path / "log.data").write_bytes(b"1\n")

    assert [file.name for file in select(tmp_path / "log.data").files] == ["log.data"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing", "no file or folder"), ("empty", "holds no file of rows"), ("all.tgz", "unpack it")],
)
def test_a_path_that_cannot_be_replayed_is_refused_in_words(tmp_path, name, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "all.tgz").write_bytes(b"")

    with pytest.raises(ReplayError, match=says):
        select(tmp_path / name)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\nb", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
        (b"a\n\n \nb\n", [(1, b"a"), (2, b""), (3, b" "), (4, b"b")]),
        (b"caf\xe9;1\n\xff\xfe\x00\n", [(1, b"caf\xe9;1"), (2, b"\xff\xfe\x00")]),
        (b"a\rb\x0bc\x1cd\xc2\x85e\n", [(1, b"a\rb\x0bc\x1cd\xc2\x85e")]),
        (b"\xef\xbb\xbfa\n", [(1, b"\xef\xbb\xbfa")]),
        (b"x" * 3_000_000 + b"\ny", [(1, b"x" * 3_000_000), (2, b"y")]),
    ],
    ids=["empty", "lf", "no last end", "crlf", "blank", "not utf-8", "other separators", "bom", "long"],
)
def test_lines_are_the_bytes_between_line_ends(tmp_path, content, expected, packed):
    path = tmp_path / "rows"
    path.write_bytes(gzip.compress(content) if packed else content)

    assert list(lines(SourceFile(path, "rows"))) == expected


def test_gzip_of_several_members_is_read_to_its_end(tmp_path):
    path = tmp_path / "rows.gz"
    path.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n"))

    assert [line for _, line in lines(SourceFile(path, "rows"))] == [b"a", b"bc", b"d"]


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b[:40] + b"\x00\x01\x02" + b[43:]])
def test_a_damaged_file_is_an_error_that_says_where(tmp_path, damage):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(damage(gzip.compress(bytes(range(10, 250)) * 40 + b"\n")))

    with pytest.raises(ReplayError, match=r"rows\.csv\.gz cannot be read beyond line \d+"):
        list(lines(SourceFile(path, "rows")))


def test_counting_leaves_out_blank_lines_and_gives_up_on_large_files(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"1\n\n2\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"3\n \n"))
    files = select(tmp_path).files

    assert count_lines(files, within_bytes=1000) == 3
    assert count_lines(files, within_bytes=3) is None
