"""`.kql` files as parts, and what is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.gold.adx import files
from assets.gold.adx.files import KqlFileError

FUNCTION = """// What it is for.
.create-or-alter function with (folder = "gold", docstring = "Says (what) it does.")
Twice(value: real, more: dynamic) {
    print twice = value * 2
}
"""


def test_a_file_is_read_into_its_parts(tmp_path: Path) -> None:
    (tmp_path / "twice.kql").write_text(FUNCTION.replace(" (what)", ""), encoding="utf-8")
    (file,) = files.read(tmp_path)
    assert (file.kind, file.name, file.parameters) == ("function", "Twice", "(value: real, more: dynamic)")
    assert (file.docstring, file.folder, file.query) == ("Says it does.", "gold", "print twice = value * 2")
    assert file.where(0) == "twice.kql:2"
    assert file.where(file.command.index("print")) == "twice.kql:4"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("// nothing here\nReadings | count\n", r"bad\.kql holds no command"),
        ("// one\n// two\n.drop table Readings\n", r"bad\.kql:3 is not read"),
        (FUNCTION.replace('folder = "gold", ', "").replace(" (what)", ""), r"bad\.kql:2 does not say its folder"),
        (FUNCTION.replace(" (what)", "").replace("}\n", ""), r"bad\.kql:2 is not read"),
        ('.create-or-alter materialized-view with (folder = "g", docstring = "d") V(x: long) {T}', r"bad\.kql:1"),
        ("", r"bad\.kql holds no command"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bad.kql").write_text(text, encoding="utf-8")
    with pytest.raises(KqlFileError, match=says):
        files.read(tmp_path)


def test_two_files_may_not_make_the_same_thing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.kql").write_text(FUNCTION.replace(" (what)", ""), encoding="utf-8")
    with pytest.raises(KqlFileError, match=r"b\.kql:2 makes Twice, and so does a\.kql:2"):
        files.read(tmp_path)
