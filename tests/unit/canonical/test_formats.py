"""What the decoders read: JSON, CSV, protobuf, compressed bodies."""

from __future__ import annotations

import gzip
import json
import zlib

import pyarrow as pa
import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.decoders import protobuf_isolation
from canonical.decoders.json_objects import json_path
from canonical.schemas import registry

AT = "2026-11-21T03:00:00Z"


def _csv(spec_of, columns=("id", "at", "t"), **decode):
    return Canonicaliser.of(
        [
            spec_of(
                match={"content_type": ["text/csv"], "schema_ref": "vendor"},
                decode={"format": "csv", "columns": list(columns), **decode},
            )
        ]
    )


def test_paths_reach_into_objects_and_lists(spec_of, json_event, outcome):
    readings = [
        {"metric": "air_temperature", "path": "data.values[1].t-x", "unit": "degC"},
        {"metric": "co2", "path": "data.co 2", "unit": "ppm"},
    ]
    vendor = Canonicaliser.of([spec_of(readings=readings, device={"path": "who.id", "source": "vendor"})])
    body = {"who": {"id": "a"}, "at": AT, "data": {"values": [{}, {"t-x": 7}], "co 2": 400}}

    found, rejects = outcome(json_event(json.dumps(body).encode(), schema_ref="vendor"), using=vendor)

    assert not rejects
    assert [row["value"] for row in found.values()] == [7.0, 400.0]
    assert json_path("data.values[1].t-x") == '$."data"."values"[1]."t-x"'


def test_what_only_looks_like_a_trailing_comma_is_none(spec_of, json_event, outcome):
    vendor = Canonicaliser.of([spec_of()])
    body = f'{{"id":"a\\\\\\",}}","at":"{AT}","note":",] \\\\","t":1}}'.encode()

    readings, _ = outcome(json_event(body, schema_ref="vendor"), using=vendor)

    assert readings[0]["device_id"] == 'vendor:a\\",}'


def test_of_a_key_written_twice_the_first_counts(json_event, outcome):
    body = json_event()["body"].replace(b'"battery": 3.61', b'"battery": 3.61, "battery": 4.5')

    readings, _ = outcome(json_event(body))

    assert readings[3]["value"] == 3.61


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_is_a_field_like_any_other(depth, spec_of, json_event, outcome):
    vendor = Canonicaliser.of([spec_of()])
    body = f'{{"id":"a","at":"{AT}","t":{"[" * depth}{"]" * depth}}}'.encode()

    _, rejects = outcome(json_event(body, schema_ref="vendor"), using=vendor)

    assert (rejects[0]["reason"], len(rejects[0]["value"])) == ("not_a_number", 200)


def test_an_optional_field_or_a_sentinel_makes_no_row(spec_of, json_event, outcome):
    readings = [
        {"metric": "air_temperature", "path": "t", "unit": "degC", "sentinels": [127.99, "n/a"]},
        {"metric": "co2", "path": "c", "unit": "ppm", "required": False},
        {"metric": "battery_voltage", "path": "b", "unit": "V"},
    ]
    vendor = Canonicaliser.of([spec_of(readings=readings)])
    for value in ("127.99", '"n/a"'):
        body = f'{{"id":"a","at":"{AT}","t":{value},"b":3}}'.encode()
        found, rejects = outcome(json_event(body, schema_ref="vendor"), using=vendor)
        assert (list(found), list(rejects)) == ([2], [])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (f"a,{AT},21.5", 21.5),
        (f" a , {AT} , 21.5 ", 21.5),
        (f"a,{AT},21.5\n", 21.5),
        (f"a,{AT},21.5\r\n", 21.5),
        (f'"a","{AT}","21.5"', 21.5),
        (f'"a" , "{AT}" , 21.5', 21.5),
        (f"a,{AT},+2.15e1", 21.5),
        (f"a,{AT},.5", 0.5),
        (f"a,{AT},1_0", "not_a_number"),
        (f"a,{AT},0x10", "not_a_number"),
        (f'a,{AT},"21,5"', "not_a_number"),
        (f"a,{AT},1 0", "not_a_number"),
        (f"a,{AT},#VALUE!", "not_a_number"),
        (f"a,{AT},nan", "not_finite"),
        (f"a,{AT},-Inf", "not_finite"),
        (f"a,{AT},", "missing_field"),
        (f'a,{AT},""', "missing_field"),
        (f"a,{AT}", "invalid_csv"),
        (f"a,{AT},1,", "invalid_csv"),
        (f'a,{AT},"1', "invalid_csv"),
        (f'a,{AT},"1"2', "invalid_csv"),
        (f'a,{AT},1"', "invalid_csv"),
        (f"a,{AT},1\nb", "invalid_csv"),
    ],
)
def test_a_csv_row_is_read_strictly(row, expected, spec_of, csv_event, outcome):
    readings, rejects = outcome(csv_event(row.encode(), schema_ref="vendor"), using=_csv(spec_of))

    found = [row["value"] for row in readings.values()] + [row["reason"] for row in rejects.values()]
    assert found == [expected]


def test_quotes_may_hold_delimiters_quotes_and_nothing(spec_of, csv_event, outcome):
    row = f'"a,""b""",{AT},"7"'.encode()
    readings, _ = outcome(csv_event(row, schema_ref="vendor"), using=_csv(spec_of))

    assert readings[0]["device_id"] == 'vendor:a,"b"'


def test_an_empty_first_field_does_not_shift_the_row(spec_of, csv_event, outcome):
    for row in (f",{AT},7", f'"",{AT},"7"'):
        _, rejects = outcome(csv_event(row.encode(), schema_ref="vendor"), using=_csv(spec_of))
        assert rejects[-1]["reason"] == "missing_device"


def test_decimal_comma_and_semicolon(spec_of, csv_event, outcome):
    vendor = _csv(spec_of, delimiter=";", decimal=",")

    comma, _ = outcome(csv_event(f"a;{AT};21,5".encode(), schema_ref="vendor"), using=vendor)
    _, point = outcome(csv_event(f"a;{AT};21.5".encode(), schema_ref="vendor"), using=vendor)

    assert comma[0]["value"] == 21.5
    assert point[0]["reason"] == "not_a_number"


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("id,at,t", f"a,{AT},7", 7.0),
        ("t, at ,id", f"7,{AT},a", 7.0),
        ("\ufeffid,new,at,t", f"a,0,{AT},7", 7.0),
        ('"id","at","t"', f"a,{AT},7", 7.0),
        ("id,at,temperature", f"a,{AT},7", "missing_field"),
        ("id,at,t", f"a,{AT},7,8", "invalid_csv"),
        ('id,at,"t', f"a,{AT},7", "invalid_csv"),
        (None, f"a,{AT},7", "invalid_csv"),
    ],
)
def test_the_files_header_says_the_order(header, row, expected, vendor_outcome):
    match = {"content_type": ["text/csv"], "schema_ref": "vendor"}
    decode = {"format": "csv", "columns": ["id", "at", "t"], "header": True}
    properties = [] if header is None else [("csv-header", header)]

    readings, rejects = vendor_outcome(row, {"properties": properties}, match=match, decode=decode)

    assert [row["value"] for row in readings.values()] + [row["reason"] for row in rejects.values()] == [expected]


@pytest.mark.parametrize("bad", [[0], [511], [512], [0, 1, 2, 700, 1024], list(range(0, 1100, 3)), list(range(1100))])
def test_broken_messages_are_found_wherever_they_are(bad, protobuf_event, canonicaliser, table):
    assert protobuf_isolation.CHUNK == 512
    events = [protobuf_event(fields={"temperature": number % 50}) for number in range(1100)]
    for place in bad:
        events[place]["body"] = events[place]["body"][:-2]

    converted = canonicaliser.convert(table(events))

    assert sorted(converted.rejects.column("sequence_number").to_pylist()) == bad
    found = {row["sequence_number"]: row["value"] for row in converted.readings.to_pylist() if row["index"] == 0}
    assert found == {number: number % 50 for number in range(1100) if number not in set(bad)}


def test_fields_of_a_later_version_are_passed_over(protobuf_event, outcome):
    later = protobuf_event()["body"] + b"\x29" + b"\x00" * 8 + b"\x52\x02hi"

    readings, rejects = outcome(protobuf_event(later))

    assert (len(readings), len(rejects)) == (2, 0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"device": ""}, "missing_device"), ({"time_ms": 0}, "missing_time"), ({"time_ms": 2**62}, "bad_time")],
)
def test_protobuf_defaults_are_nothing(fields, reason, protobuf_event, outcome):
    _, rejects = outcome(protobuf_event(fields=fields))

    assert rejects[-1]["reason"] == reason


def test_nan_and_infinity_in_protobuf_are_not_finite(protobuf_event, outcome):
    _, rejects = outcome(protobuf_event(fields={"temperature": float("nan"), "humidity": float("-inf")}))

    assert [row["reason"] for row in rejects.values()] == ["not_finite", "not_finite"]


def test_generated_modules_are_what_the_schemas_give(tmp_path):
    registry.generate(tmp_path)

    fresh = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*_pb2.py*"))
    assert len(fresh) == 2 * len(list(registry.FOLDER.glob("*.proto")))
    for path in fresh:
        assert (registry.ROOT / path).read_text() == (tmp_path / path).read_text(), (
            f"{path}: run python -m canonical.schemas.registry"
        )


def test_an_unregistered_schema_names_the_registered_ones():
    with pytest.raises(KeyError, match=r"telemetry\.v1"):
        registry.descriptor("telemetry.v0")


def _bare(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP ", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("deflate", zlib.compress),
        ("deflate", _bare),
        ("zstd", lambda body: pa.Codec("zstd").compress(body, asbytes=True)),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_compressed_bodies_are_read(encoding, compress, json_event, outcome):
    readings, rejects = outcome(json_event(compress(json_event()["body"]), content_encoding=encoding))

    assert (len(readings), len(rejects)) == (4, 0)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"{}")[:-4]),
        ("gzip", gzip.compress(b"{}") + b"rest"),
        ("deflate", zlib.compress(b"{}" * 50)[:-5]),
        ("deflate", b"no"),
        ("zstd", pa.Codec("zstd").compress(b"{}" * 50, asbytes=True)[:-2]),
        ("zstd", b"nonsense"),
        ("gzip, deflate", b"{}"),
    ],
    ids=["cut gzip", "rest behind gzip", "cut deflate", "no deflate", "cut zstd", "no zstd", "two encodings"],
)
def test_bytes_that_do_not_decompress_are_a_bad_encoding(encoding, body, json_event, outcome):
    _, rejects = outcome(json_event(body, content_encoding=encoding), neighbour=json_event())

    assert rejects[-1]["reason"] == "bad_encoding"


@pytest.mark.parametrize(
    "compress", [gzip.compress, zlib.compress, lambda b: pa.Codec("zstd").compress(b, asbytes=True)]
)
def test_a_small_body_that_unpacks_to_a_large_one_is_too_large(compress, json_event, outcome):
    bomb = compress(b" " * 50_000_000)
    encoding = {gzip.compress: "gzip", zlib.compress: "deflate"}.get(compress, "zstd")

    _, rejects = outcome(json_event(bomb, content_encoding=encoding), neighbour=json_event())

    assert len(bomb) < 262_144
    assert rejects[-1]["reason"] == "body_too_large"


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json; charset=utf-8", " application/json "])
def test_a_content_type_may_be_written_in_several_ways(content_type, json_event, outcome):
    readings, _ = outcome(json_event(content_type=content_type))

    assert len(readings) == 4
