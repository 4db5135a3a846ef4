"""CSV as files come: many rows, headers in the body, charsets, blanks between columns, blank rows."""

from __future__ import annotations

from itertools import product

import pytest

AT = "2026-11-21T03:00:00Z"
T = {"metric": "air_temperature", "path": "t", "unit": "degC"}


def _csv(*columns, **decode):
    return {
        "match": {"content_type": ["text/csv"], "schema_ref": "vendor"},
        "decode": {"format": "csv", "columns": list(columns or ("id", "at", "t")), **decode},
    }


def test_many_rows_are_as_many_records(read):
    body = f"a,{AT},1\r\nb,{AT},x\nc,{AT}\n\n  \nd,,4\n" + f'"e,f",{AT},"5"\n\xff'.encode("latin-1").decode("latin-1")

    readings, rejects = read(_csv(rows="many"), body.encode("latin-1"), "\n\n")

    assert [(index, device, value) for _, index, device, _, _, value in readings] == [(0, "a", 1.0), (6, "e,f", 5.0)]
    assert rejects == [
        *((0, 1, "not_a_number"), (0, 2, "invalid_csv"), (0, 5, "missing_time"), (0, 7, "invalid_utf8")),
        (1, -1, "no_readings"),
    ]


def test_the_first_line_says_the_order(read):
    readings, rejects = read(
        _csv(rows="many", header="first_line"),
        f"\ufefft, at ,id\n1,{AT},a\n2,{AT},b,c\n",
        f'"id","at","t"\r\na,{AT},7\r\n',
        f"\na,{AT},7",
        f"id,at\na,{AT}",
        "id,at,t\n",
    )

    assert [(event, index, value) for event, index, *_, value in readings] == [(0, 1, 1.0), (1, 1, 7.0)]
    assert rejects == [
        *((0, 2, "invalid_csv"), (2, 1, "invalid_csv"), (3, 1, "missing_field"), (4, -1, "no_readings")),
    ]


def test_lines_of_the_logger_above_its_rows_are_passed_over(read):
    """As data loggers write them: a line about the station, the names, units and ways of sampling."""
    head = '"TOA5","station-7","CR1000"\r\n"TIMESTAMP","id","t"\r\n"TS","","Deg C"\r\n"","","Avg"\r\n'
    body = head + f'"{AT}","a",1.5\r\n"{AT}","b","NAN"\r\n'
    named = _csv("TIMESTAMP", "id", "t", rows="many", header="first_line", skip=1, skip_below_header=2)
    placed = _csv("TIMESTAMP", "id", "t", rows="many", skip=4)

    for parts in (named, placed):
        readings, rejects = read(parts | {"time": {"path": "TIMESTAMP"}}, body, head, "one line\n")

        assert [(event, index, device, value) for event, index, device, *_, value in readings] == [(0, 4, "a", 1.5)]
        assert rejects == [(0, 5, "not_finite"), (1, -1, "no_readings"), (2, -1, "no_readings")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"skip": 1}, "`skip` needs `rows: many`"),
        ({"rows": "many", "skip_below_header": 2}, "`skip_below_header` needs `header: first_line`"),
    ],
)
def test_lines_can_only_be_passed_over_where_there_are_some(spec_of, words, why):
    with pytest.raises(ValueError, match=why):
        spec_of(**_csv(**words))


def test_a_decimal_comma_date_and_time_apart_latin_letters_and_blank_rows(read):
    parts = _csv("id", "Date", "Time", "t", "x", rows="many", header="first_line", delimiter=";", charset="latin-1",
                 blank="ignore")  # fmt: skip
    parts |= {
        "number": {"decimal": ",", "thousands": "."},
        "time": {"parts": ["Date", "Time"], "format": "%d/%m/%Y %H.%M.%S", "zone": "Europe/Rome"},
        "readings": [{**T, "sentinels": [-200]}],
        "ignore": ["x"],
    }
    rows = ["id;Date;Time;t;x", "Küche;10/03/2004;18.00.00;13,6;", ";;;;", "b;10/03/2004;18.00.00;-200;", ""]

    readings, rejects = read(parts, "\r\n".join(rows).encode("latin-1"), ";;;;\r\n;;;;\r\n")

    assert readings == [(0, 1, "Küche", "air_temperature", "", 13.6)]
    assert rejects == [(1, -1, "no_readings")]


def test_a_blank_row_by_itself_is_no_row(read):
    for blank, reason in (("ignore", "no_readings"), ("reject", "missing_device")):
        _, rejects = read(_csv(delimiter=";", blank=blank), ";;", " ; ;\r\n")
        assert rejects == [(0, -1, reason), (1, -1, reason)]


def test_columns_may_lie_apart_by_any_blanks(read):
    parts = _csv(delimiter="whitespace", decimal=",") | {"discriminator": {"path": "id"}}

    readings, rejects = read(parts, f"1  {AT}\t17,9\r\n", f"  2 {AT} 5\n", f"3 {AT}\n", " \n")

    assert [(device, value) for _, _, device, _, _, value in readings] == [("1", 17.9), ("2", 5.0)]
    assert rejects == [(2, -1, "invalid_csv"), (3, -1, "invalid_csv")]


def test_texts_may_be_quoted_otherwise(read):
    readings, _ = read(_csv(quote="'"), f"'a,''b''',{AT},'7'", f'"a",{AT},8')

    assert [(device, value) for _, _, device, _, _, value in readings] == [("a,'b'", 7.0), ('"a"', 8.0)]


def test_one_byte_charsets_hold_for_json_too(read):
    body = f'{{"id":"Küche","at":"{AT}","t":1}}'
    for charset, text, device in (("latin-1", body, "Küche"), ("cp1252", body.replace("K", "€"), "€üche")):
        for decode in ({"format": "json"}, {"format": "ndjson"}):
            readings, _ = read({"decode": {**decode, "charset": charset}}, text.encode(charset), body.encode(charset))
            assert [row[2] for row in readings] == [device, "Küche"]


def test_the_header_may_stand_in_a_property_for_many_rows_too(read):
    envelope = {"properties": [("csv-header", "t,at,id")]}

    readings, _ = read(_csv(rows="many", header=True), f"1,{AT},a\n2,{AT},b", envelope=envelope)

    assert [(device, value) for _, _, device, _, _, value in readings] == [("a", 1.0), ("b", 2.0)]


_BEFORE = ("", "+", "-", "+-", "--", " ", "\t", "_", "\u00a0")
_WHOLE = (
    "1",
    "1_0",
    "10",
    ".5",
    "5.",
    ".",
    "1e1",
    "1e3",
    "1e",
    "1e+2",
    "1e400",
    "0x1",
    "nan",
    "nan(1)",
    "Inf",
    "infinity",
    "x",
)
_BEHIND = ("", "_", " ", "  ", "\t", "\x0b", "d", "%")


@pytest.mark.parametrize("delimiter", [",", "_", "(", "\t", "+"])
def test_a_number_is_the_same_number_whatever_else_its_line_holds(read, delimiter):
    """The line with a quoted column at its end is split another way, and its numbers are looked at one by one."""
    signs = set(delimiter)
    texts = [text for text in map("".join, product(_BEFORE, _WHOLE, _BEHIND)) if not signs & set(text)]
    parts = _csv("id", "at", "t", "x", delimiter=delimiter) | {"ignore": ["x"]}
    ways = [[delimiter.join(("a", AT, text, last)) for text in texts] for last in ("x", '"x"')]

    plain, quoted = (read(parts, *(row.encode() for row in rows)) for rows in ways)

    assert plain == quoted
    readings, rejects = plain
    taken = {texts[event] for event, *_ in readings}
    assert {"1", "10", ".5", "-5.", " 1  ", "-1e1"} <= taken
    assert not any("_" in text or "(" in text or text.startswith(("+-", "\t")) for text in taken)
    assert len({event for event, *_ in (*readings, *rejects)}) == len(texts)
