"""Messages of several records: lists, arrays and objects taken apart, and what is wrong with one of them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical.canonicaliser import Canonicaliser

AT = "2026-11-21T03:00:00Z"
T = {"metric": "air_temperature", "path": "t", "unit": "degC"}
H = {"metric": "relative_humidity", "path": "h", "unit": "percent", "required": False}
KEYED = {**T, "channel": {"path": "@key"}}
PLACED = {**T, "channel": {"path": "@index"}}


def _group(each, *readings, **words):
    return {"each": each, "readings": list(readings), **words}


SHAPES = [
    pytest.param(
        {"readings": [T], "records": [_group("s[*]", {**T, "channel": {"path": "n"}})]},
        {"t": 20, "s": [{"n": "x", "t": 1}, {"n": "y", "t": 2}]},
        [(0, "", 20.0), (1, "x", 1.0), (3, "y", 2.0)],
        id="an array beside the message's own readings",
    ),
    pytest.param(
        {"readings": [], "records": [_group("*", KEYED, only={"has": ["t"]})]},
        {"b": {"t": 1}, "c": {"u": 9}, "d": {"t": 2}, "e": 5},
        [(2, "b", 1.0), (4, "d", 2.0)],
        id="the entries of the message itself; id and at are entries 0 and 1",
    ),
    pytest.param(
        {"readings": [], "records": [_group("s.*", KEYED, only={"keys": ["T[0-9]+"], "lacks": ["off"]})]},
        {"s": {"T1": {"t": 1}, "T2": {"t": 2, "off": 1}, "XT3": {"t": 3}}},
        [(0, "T1", 1.0)],
        id="entries by their keys",
    ),
    pytest.param(
        {"readings": [], "records": [_group("s.*", {**KEYED, "path": "@value"}, only={"types": ["number"]})]},
        {"s": {"a": 1.5, "b": "x", "c": [1], "d": 2, "e": None}},
        [(0, "a", 1.5), (3, "d", 2.0)],
        id="scalars of one type",
    ),
    pytest.param(
        {"readings": [], "records": [_group("v[*]", {**PLACED, "path": "@value"})]},
        {"v": [5, 6]},
        [(0, "0", 5.0), (1, "1", 6.0)],
        id="an array of numbers",
    ),
    pytest.param(
        {"readings": [], "records": [_group("v[*]", {**PLACED, "path": "[1]"})]},
        {"v": [[0, 5], [0, 6]]},
        [(0, "0", 5.0), (1, "1", 6.0)],
        id="an array of pairs",
    ),
    pytest.param(
        {
            "readings": [],
            "records": [_group("rooms[*].s[*]", {**T, "channel": {"path": "^.name"}}, {**H, "channel": "all"}, time={"path": "$.at"})],
        },
        {"rooms": [{"name": "r1", "s": [{"t": 1}, {"t": 2, "h": 50}]}, {"name": "r2", "s": [{"t": 3}]}, {}]},
        [(0, "r1", 1.0), (2, "r1", 2.0), (3, "all", 50.0), (4, "r2", 3.0)],
        id="arrays in arrays are counted through",
    ),
    pytest.param(
        {"readings": [], "records": [_group("a.*.b.*", {**T, "channel": {"path": "^.@key", "template": "ch-{}"}})]},
        {"a": {"x": {"b": {"k": {"t": 1}, "l": {"t": 2}}}, "y": {"b": {"k": {"t": 3}}}}},
        [(0, "ch-x", 1.0), (1, "ch-x", 2.0), (2, "ch-y", 3.0)],
        id="objects in objects, by the key around",
    ),
    pytest.param(
        {
            "readings": [],
            "records": [_group("s[*]", {"metric": "air_temperature", "path": "t", "unit_path": "$.u",
                                        "units": {"F": "degF"}, "channel": {"path": "n"}})],
        },
        {"u": "F", "s": [{"n": "x", "t": 32}]},
        [(0, "x", 0.0)],
        id="the unit stands at the root",
    ),
    pytest.param(
        {
            "readings": [],
            "records": [_group("h.time[*]", {**T, "path": "$.h.t[@index]"}, {**H, "path": "$.h.x[@index].h"},
                               time={"path": "@value", "zone": "UTC"})],
        },
        {"h": {"time": ["2026-11-21T01:00", "2026-11-21T02:00"], "t": [1, 2, 3], "x": [{"h": 40}]}},
        [(0, "", 1.0), (1, "", 40.0), (2, "", 2.0)],
        id="lists that run beside each other",
    ),
    pytest.param(
        {"readings": [], "records": [_group("['a.b'][*]", PLACED)]},
        {"a.b": [{"t": 1}]},
        [(0, "0", 1.0)],
        id="a key with a dot",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "body", "expected"), SHAPES)
def test_records_are_found_and_numbered(parts, body, expected, read):
    readings, rejects = read(parts, {"id": "d", "at": AT, **body})

    assert [(index, channel, value) for _, index, _, _, channel, value in readings] == expected
    assert rejects == []


def test_each_record_of_a_group_may_say_who_and_when(read):
    parts = {
        "readings": [],
        "records": [
            _group("s[*]", T, device={"path": "who", "source": "room", "gateway": True}, time={"path": "at"}),
        ],
    }
    bad = [{"who": "a", "at": AT, "t": 1}, {"who": "b", "t": 2}, {"at": AT, "t": 3}, {"who": "d", "at": "soon", "t": 4}]

    readings, rejects = read(parts, {"s": bad})

    assert readings == [(0, 0, "a", "air_temperature", "", 1.0)]
    assert rejects == [(0, 1, "missing_time"), (0, 2, "missing_device"), (0, 3, "bad_time")]


WHOLE = [
    ({"id": "a", "s": [{"t": 1}] * 9}, "missing_time"),
    ({"at": AT, "s": [{"t": 1}] * 9}, "missing_device"),
    ({"id": "a", "at": AT, "s": []}, "no_readings"),
    ({"id": "a", "at": AT}, "no_readings"),
    ({"id": "a", "at": AT, "s": {"t": 1}}, "no_readings"),
    ("{", "invalid_json"),
    ("[]", "invalid_json"),
    (b'{"id":"\xff"}', "invalid_utf8"),
]


def test_what_is_wrong_with_the_whole_message_is_said_once(read):
    good = {"id": "g", "at": AT, "s": [{"t": 1}]}
    parts = {"readings": [], "records": [_group("s[*]", PLACED), _group("s[*]", {**H, "channel": {"path": "@index"}})]}

    readings, rejects = read(parts, *(body for body, _ in WHOLE), good)

    assert rejects == [(number, -1, reason) for number, (_, reason) in enumerate(WHOLE)]
    assert [row[0] for row in readings] == [len(WHOLE)]


NDJSON = b'{"id":"a","at":"%s","t":1}\n\n{bad\n{"id":"\xff"}\n[1]\n{"id":"b","at":"%s","t":2}\r\n{"id":"c","t":3}'


def test_a_bad_line_spoils_no_other(read):
    readings, rejects = read({"decode": {"format": "ndjson"}}, NDJSON % (AT.encode(), AT.encode()), "\n \n")

    assert [(index, value) for _, index, *_, value in readings] == [(0, 1.0), (5, 2.0)]
    assert rejects == [
        *((0, 2, "invalid_json"), (0, 3, "invalid_utf8"), (0, 4, "invalid_json"), (0, 6, "missing_time")),
        (1, -1, "no_readings"),
    ]


def test_a_bad_element_of_an_array_spoils_no_other(read):
    parts = {"decode": {"format": "json_array"}, "records": [_group("s[*]", PLACED)]}
    body = [
        {"id": "a", "at": AT, "t": 1, "s": [{"t": 3}, {"t": 4}]},
        5,
        {"id": "b", "t": 2, "s": [{"t": 1}]},
        {"id": "c", "at": AT, "t": 2, "s": [{"t": 9}]},
    ]

    readings, rejects = read(parts, body, {"a": 1}, [], "[1,]")

    assert [(index, device, value) for _, index, device, _, _, value in readings] == [
        *((0, "a", 1.0), (1, "a", 3.0), (3, "a", 4.0), (6, "c", 2.0), (7, "c", 9.0)),
    ]
    assert rejects == [
        *((0, 2, "invalid_json"), (0, 4, "missing_time")),
        *((1, -1, "invalid_json"), (2, -1, "no_readings"), (3, -1, "invalid_json")),
    ]


def test_a_list_may_hold_more_than_objects(read):
    parts = {
        "decode": {"format": "json_array"},
        "device": {"path": "[0]", "source": "v"},
        "time": {"fallback": "envelope"},
        "readings": [{**T, "path": "[1]"}],
    }

    readings, rejects = read(parts, [["a", 1], ["b", 2]])

    assert [(index, device, value) for _, index, device, _, _, value in readings] == [(0, "a", 1.0), (1, "b", 2.0)]
    assert rejects == []


def test_a_reject_of_a_list_never_shares_an_index_with_a_reading(read):
    parts = {"decode": {"format": "json_array"}, "readings": [], "records": [_group("s[*]", PLACED)]}
    body = [7, {"id": "a", "at": AT, "s": [{"t": 1}, {"t": 2}]}, 8]

    readings, rejects = read(parts, body)

    indexes = [index for _, index, *_ in readings + rejects]
    assert len(indexes) == len(set(indexes)) == 4


@pytest.fixture(scope="module")
def vendors(spec_of):
    """One mapping a format, told apart by their schema."""

    def named(id_, **parts):
        return spec_of(id=id_, match={"content_type": ["application/json"], "schema_ref": id_}, **parts)

    groups = [_group("s[*]", {**PLACED, "required": False}), _group("r.*.s[*]", {**H, "channel": {"path": "^.@key"}})]
    return Canonicaliser.of(
        [
            named("grouped", readings=[H], records=groups),
            named("lines", decode={"format": "ndjson"}, records=groups),
            named("listed", decode={"format": "json_array"}, readings=[], records=groups),
        ]
    )


_entry = st.fixed_dictionaries({}, optional={"t": st.sampled_from([1, "x", None, 99]), "h": st.just(50)})
_record = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("a"),
        "at": st.sampled_from([AT, "soon"]),
        "h": st.sampled_from([1, 200]),
        "s": st.one_of(st.lists(_entry, max_size=3), st.just(5)),
        "r": st.dictionaries(st.sampled_from("xyz"), st.fixed_dictionaries({"s": st.lists(_entry, max_size=2)})),
    },
)


def _body(schema, records):
    if schema == "grouped":
        return json.dumps(records[0])
    return "\n".join(map(json.dumps, records)) if schema == "lines" else json.dumps(records)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_and_order_of_events_gives_the_same_records(data, vendors, json_event, table):
    records = st.lists(st.one_of(_record, st.just(3)), min_size=1, max_size=3)
    made = st.builds(
        lambda schema, found, cut: json_event(_body(schema, found)[:cut].encode(), schema_ref=schema),
        st.sampled_from(["grouped", "lines", "listed"]),
        records,
        st.one_of(st.just(None), st.integers(1, 40)),
    )
    whole = table(data.draw(st.lists(made, min_size=1, max_size=12)))
    order = data.draw(st.permutations(range(len(whole))))
    cut = data.draw(st.integers(0, len(whole)))

    once = vendors.convert(whole)
    shuffled = whole.take(order)
    parts = [vendors.convert(shuffled.slice(a, b - a)) for a, b in pairwise([0, cut, len(whole)])]

    for name in ("readings", "rejects"):
        rows = sorted(repr(row) for part in parts for row in getattr(part, name).to_pylist())
        assert sorted(map(repr, getattr(once, name).to_pylist())) == rows
    told = [(r["sequence_number"], r["index"]) for t in (once.readings, once.rejects) for r in t.to_pylist()]
    assert len(told) == len(set(told))
    assert {number for number, _ in told} == set(range(len(whole)))
    for number in {number for number, index in told if index == -1}:
        assert sum(place == number for place, _ in told) == 1


def test_an_array_of_very_many_entries_costs_by_its_length(read):
    parts = {"readings": [], "max_body_bytes": 2_000_000, "records": [_group("s[*]", PLACED, time={"path": "$.at"})]}
    many = {"id": "a", "at": AT, "s": [{"t": 1}] * 20_000, "big": "x" * 500_000}

    readings, _ = read(parts, many)

    assert len(readings) == 20_000
