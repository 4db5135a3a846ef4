"""A column of lines is called plain at once only where each of its lines is plain by itself."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.decoders.plain_lines import PlainLines

SIGNS = ', \t_("nN1+-x\n\r\x00\x0b;|é'
DELIMITERS = (",", ";", "\t", "|", "_", "(", "+", " ", "é")
LINES = st.lists(st.none() | st.text(SIGNS, max_size=8), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def unusual():
    """Which lines the pattern finds unusual."""
    with duckdb.connect() as engine:

        def look(plain: PlainLines, lines: list[str | None]) -> list[bool]:
            engine.register("lines", pa.table({"n": range(len(lines)), "line": pa.array(lines, pa.string())}))
            found = engine.execute(
                "select coalesce(regexp_matches(line, $pattern), false) from lines order by n",
                {"pattern": plain.unusual},
            )
            return [is_ for (is_,) in found.fetchall()]

        yield look


@given(lines=LINES, delimiter=st.sampled_from(DELIMITERS), quote=st.sampled_from(['"', "'"]))
def test_what_is_plain_together_is_plain_alone(unusual, lines, delimiter, quote):
    plain = PlainLines(delimiter, quote)

    together = plain.are_all(pa.chunked_array([pa.array(lines, pa.string())]))

    assert not together or not any(unusual(plain, lines))


@given(line=st.text(SIGNS, max_size=10), delimiter=st.sampled_from(DELIMITERS))
def test_a_line_by_itself_is_told_alike_by_bytes_and_by_pattern(unusual, line, delimiter):
    plain = PlainLines(delimiter, '"')

    assert plain.are_all(pa.chunked_array([pa.array([line.encode()])])) == (not any(unusual(plain, [line])))


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string(), pa.large_string()])
def test_only_the_lines_of_a_slice_count(kind):
    """A chunk of a column is often a part of a larger piece of memory."""
    lines = pa.array(["1,2", 'a,"b"', "3,4", "5, 6"], pa.string()).cast(kind)
    plain = PlainLines(",", '"')

    assert plain.are_all(pa.chunked_array([lines.slice(0, 1), lines.slice(2, 1)]))
    assert not plain.are_all(pa.chunked_array([lines.slice(0, 1), lines.slice(1, 2)]))
    assert not plain.are_all(pa.chunked_array([lines.slice(2, 2)]))
    assert plain.are_all(pa.chunked_array([lines.slice(1, 0)]))
    assert plain.are_all(pa.chunked_array([], kind))
    assert plain.are_all(pa.chunked_array([pa.array([None, ""], kind)]))
