from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_workers.gateways.json_batch import NotAnArrayError, TooManyItemsError, items

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
spaces = st.text(" \t\r\n", max_size=3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4), spaces, spaces, st.booleans())
def test_each_member_is_the_text_it_was_written_as(found, before, after, ascii_only):
    written = [{name: json.dumps(v, ensure_ascii=ascii_only) for name, v in item.items()} for item in found]
    cut = ",".join(
        "{" + ",".join(f"{before}{json.dumps(n)}{after}:{before}{v}{after}" for n, v in item.items()) + f"{before}}}"
        for item in written
    )
    text = f"{before}[{after}{cut}{before}]{after}"
    assert [{name: value.text for name, value in item.items()} for item in items(text, 100)] == written


@settings(deadline=None)
@given(st.text(alphabet='[]{}":,0123456789.eE+-truefalsn \\u', max_size=60))
def test_any_text_is_items_or_a_reason(text):
    try:
        found = items(text, 100)
    except NotAnArrayError:
        found = None
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    assert found is None or len(found) == len(expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'[' is expected at character 0"),
        ("[", "'{' is expected at character 1"),
        ("[1]", "'{' is expected at character 1"),
        ("[{}", "',' is expected at character 3"),
        ("[{},]", "'{' is expected at character 4"),
        ('[{"a":}]', "value is expected at character 6"),
        ('[{"a":1 "b":2}]', "',' is expected at character 8"),
        ('[{"a":1,"a":2}]', "'a' is there twice"),
        ('[{"a', "Unterminated string"),
        ("[{}]x", "something follows the array at character 4"),
        ('[{"a":' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_array_of_objects_is_told_with_its_place(text, says):
    with pytest.raises(NotAnArrayError, match=says.replace("[", r"\[")):
        items(text, 100)


def test_numbers_of_any_length_are_kept():
    long = "7" * 10_000
    assert items(f'[{{"body":{long}}}]', 100)[0]["body"].text == long


def test_an_array_without_end_is_not_read_to_its_end():
    with pytest.raises(TooManyItemsError):
        items("[" + "{}," * 11 + "this is not looked at", 10)
    assert len(items("[" + ",".join(["{}"] * 10) + "]", 10)) == 10
