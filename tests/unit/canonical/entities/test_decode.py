"""Files of every kind as a header and rows of texts; what is broken is kept apart or refused, never guessed."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from canonical.entities.decode import sheet, unpacked
from canonical.entities.model import Decode, Match
from canonical.entities.sheet import FileFaultError, Sheet

MATCH = Match(feed="x", columns=["Code", ["Name", "Title"]], lacks="Secret")
EVERY = ("csv", "excel", "json", "ndjson", "parquet")


def _rows(found: Sheet | None) -> list[tuple[int, list[str | None]]]:
    assert found is not None
    rows = [(row.pop("row_number"), list(row.values())) for row in found.rows.to_pylist()]
    return sorted(rows)


def _csv(text: str, **decode: object) -> Sheet | None:
    return sheet(text.encode(), "a.csv", Decode(**decode), MATCH)


def xlsx(rows: list[list[object]], name: str = "Site Data") -> bytes:
    """The smallest workbook that is one."""
    cells = "".join(
        "<row>" + "".join(
            f'<c t="n"><v>{cell}</v></c>' if isinstance(cell, (int, float)) else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
            for cell in row
        ) + "</row>"
        for row in rows
    )  # fmt: skip
    ns, rel = "http://schemas.openxmlformats.org", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{ns}/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{ns}/package/2006/relationships"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{ns}/spreadsheetml/2006/main" xmlns:r="{rel}"><sheets><sheet name="{name}" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{ns}/package/2006/relationships"><Relationship Id="r1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{ns}/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for part, text in parts.items():
            file.writestr(part, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return out.getvalue()


def test_the_header_is_found_under_titles_and_rows_keep_their_numbers() -> None:
    found = _csv('Estate,,\n\n"Line\nbreak",,\n CODE ,name,x\nA,One,1\nB,"T\nwo",2\n')
    assert found is not None
    assert found.header == (" CODE ", "name", "x")
    assert _rows(found) == [(5, ["A", "One", "1"]), (6, ["B", "T\nwo", "2"])]


def test_a_row_with_other_fields_is_kept_apart_and_shifts_no_other() -> None:
    found = _csv("Code,Name\nA,One\nB\nC,Three,3\n\n  \nD,Four")
    assert found is not None
    assert [(row["row_number"], row["raw"]) for row in found.broken.to_pylist()] == [(3, "B"), (4, "C,Three,3")]
    assert found.row_count == 6
    full = [(number, row) for number, row in _rows(found) if any(row)]
    assert full == [(2, ["A", "One"]), (7, ["D", "Four"])]


@pytest.mark.parametrize("header", ["Code,Other", "Code,Name,Secret", "", "only a title\n"])
def test_a_file_with_other_columns_is_not_this_kind(header) -> None:
    assert _csv(f"{header}\nA,B,C\n") is None


def test_the_charset_and_the_byte_order_mark() -> None:
    body = "\ufeffCode;Name\nA;Prüfung\n"
    found = sheet(body.encode("utf-8"), "a.csv", Decode(delimiter=";"), MATCH)
    assert found is not None
    assert found.header == ("Code", "Name")
    latin = sheet("Code;Name\nA;Prüfung\n".encode("latin-1"), "a.csv", Decode(delimiter=";", charset="latin-1"), MATCH)
    assert _rows(latin) == [(2, ["A", "Prüfung"])]
    with pytest.raises(FileFaultError, match="byte 14 is not utf-8"):
        sheet("Code;Name\nA;Prüfung\n".encode("latin-1"), "a.csv", Decode(delimiter=";"), MATCH)


def test_a_workbook_is_read_by_the_name_of_its_sheet() -> None:
    rows = [["", "Areas"], ["Code", "Name"], ["A", 1160], ["B", 0.5]]
    found = sheet(xlsx(rows), "a.xlsx", Decode(formats=EVERY, sheet="site*"), MATCH)
    assert _rows(found) == [(3, ["A", "1160"]), (4, ["B", "0.5"])]
    assert sheet(xlsx(rows, "Trust Data"), "a.xlsx", Decode(formats=EVERY, sheet="site*"), MATCH) is None


def test_json_lines_and_documents() -> None:
    decode = Decode(formats=EVERY)
    lines = b'{"Code": "A", "Name": {"full": "One"}}\n\n{"Code": "B"\n[1]\n{"Code": 2, "Name": null, "x": true}\r\n'
    found = sheet(lines, "a.jsonl", decode, MATCH, ["Name.full"])
    assert found is not None
    assert found.header == ("Code", "Name", "x", "Name.full")
    assert _rows(found) == [
        (1, ["A", '{"full":"One"}', None, "One"]), (2, [None] * 4), (5, ["2", None, "true", None])
    ]  # fmt: skip
    assert [row["row_number"] for row in found.broken.to_pylist()] == [3, 4]
    document = b'{"list": [{"Code": "A", "Name": "One"}, 5]}'
    found = sheet(document, "a.json", Decode(formats=("json",), rows="list"), MATCH)
    assert _rows(found) == [(1, ["A", "One"])]
    assert found is not None
    assert found.broken.num_rows == 1


def test_parquet_values_as_text() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"Code": [1, 2], "Name": [date(2026, 3, 1), None], "x": [0.1, 2.0]}), out)
    found = sheet(out.getvalue(), "a", Decode(formats=EVERY), MATCH)
    assert _rows(found) == [(1, ["1", "2026-03-01", "0.1"]), (2, ["2", None, "2.0"])]


def test_a_parquet_text_that_is_no_text_is_refused() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"Code": ["A"], "Name": ["marker-text"]}), out, compression="none", use_dictionary=False)
    with pytest.raises(FileFaultError, match="no Parquet"):
        sheet(out.getvalue().replace(b"marker-text", b"\xff\xfeker-text"), "a", Decode(formats=EVERY), MATCH)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.xlsx", b"PK\x03\x04 nonsense"),
        ("a.xls", b"\xd0\xcf\x11\xe0 nonsense"),
        ("a.parquet", b"PAR1 nonsense"),
        ("a.json", b'{"a": '),
        ("a.json", b"5"),
        ("a.csv", b"Code,Name\n\xff\xfe\n"),
    ],
)
def test_a_broken_file_is_refused_with_words(name, body) -> None:
    with pytest.raises(FileFaultError) as caught:
        sheet(body, name, Decode(formats=EVERY), MATCH)
    assert caught.value.code == "bad_file"
    assert str(caught.value)


def test_an_open_quote_takes_the_rest_of_the_file_and_no_more() -> None:
    found = _csv('Code,Name\nA,One\nB,"open\nC,Three\n')
    assert found is not None
    assert _rows(found)[0] == (2, ["A", "One"])
    assert found.row_count == 2


def test_gzip_is_undone_and_a_bomb_is_not() -> None:
    assert unpacked(gzip.compress(b"Code,Name\n")) == b"Code,Name\n"
    assert unpacked(b"plain") == b"plain"
    with pytest.raises(FileFaultError) as caught:
        unpacked(gzip.compress(bytes(10_000_000)), largest=1000)
    assert caught.value.code == "too_large"
    with pytest.raises(FileFaultError, match="broken gzip"):
        unpacked(gzip.compress(b"x" * 1000)[:-20])
