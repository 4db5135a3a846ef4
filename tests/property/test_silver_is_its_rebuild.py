"""Silver is a function of the hub log and of the digest of each hour, however it came to be.

A hub log of two partitions (clocks that jump and step back, repeats, contradictions, late data, broken bodies) reaches
Bronze in any interleaving and is promoted in any cut, with hours replaced and mappings changed in between. What Silver
then holds is compared with a rebuild at one stroke, and with an oracle in plain Python that knows one sentence only:
of all valid candidates of a key the one with the smallest position is accepted.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.silver import batches
from assets.silver.audit import audit
from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.spec_model import MappingSpec
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, EVENT_NAMES, KEY_NAMES, QUARANTINE, READINGS
from settings.model import Silver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BEGIN = datetime(2026, 3, 1, 22, 20, tzinfo=UTC)
MEASURED = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
PARTITIONS = ("0", "1")
LIMITS = {"air_temperature": (-60, 85), "relative_humidity": (0, 100)}
UNITS = {"air_temperature": "degC", "relative_humidity": "percent"}
Event = dict[str, Any]
Reference = tuple[Any, ...]


@dataclass(frozen=True)
class Mapped:
    """A mapping in both forms: compiled for Silver, and as the few numbers the oracle needs."""

    canonicaliser: Canonicaliser
    scale: float
    discriminated: bool


def mapped(scale: float, *, discriminated: bool) -> Mapped:
    spec = {
        "id": "thermo", "version": 1, "description": "Two readings.", "match": {"content_type": ["application/json"]},
        "decode": {"format": "json"}, "device": {"path": "d", "source": "x"}, "time": {"path": "t", "format": "epoch_s"},
        "discriminator": {"path": "n"} if discriminated else None,
        "readings": [
            {"metric": "air_temperature", "path": "v", "unit": "degC", "scale": scale},
            {"metric": "relative_humidity", "path": "w", "unit": "percent"},
        ],
        "ignore": [] if discriminated else ["n"],
    }  # fmt: skip
    return Mapped(Canonicaliser.of([MappingSpec.model_validate(spec)]), scale, discriminated)


# The second halves temperatures, so that other values are in range and others agree; the third changes every key.
MAPPINGS = (
    mapped(1, discriminated=False),
    mapped(0.5, discriminated=False),
    mapped(1, discriminated=True),
)
BY_DIGEST = {each.canonicaliser.digest: each for each in MAPPINGS}


# -- the hub log ---------------------------------------------------------------------------------------------

MESSAGE = st.fixed_dictionaries(
    {
        "partition_id": st.sampled_from(PARTITIONS),
        "minutes": st.sampled_from([0, 0, 1, 7, 30, 70, -12]),
        "device": st.sampled_from("ab"),
        "slot": st.integers(0, 2),
        "v": st.sampled_from([10, 20, 40, 80, 160, 400, None]),
        "w": st.sampled_from([10, 10, 20, 150]),
        "broken": st.sampled_from([False] * 9 + [True]),
    }
)


def hub_log(messages: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Events as Bronze holds them; sequence numbers are gapless, clocks are not monotonous."""
    clock = dict.fromkeys(PARTITIONS, BEGIN)
    number = dict.fromkeys(PARTITIONS, 0)
    events = []
    for message in messages:
        partition = message["partition_id"]
        clock[partition] += timedelta(minutes=message["minutes"])
        body = {"d": message["device"], "t": MEASURED + 36_000 * message["slot"], "v": message["v"], "w": message["w"]}
        body["n"] = str(number[partition] % 2)
        events.append(
            {
                "ingest_date": clock[partition].date(), "hub": "hub", "partition_id": partition, "epoch": 0,
                "sequence_number": number[partition], "offset": "", "enqueued_at": clock[partition],
                "ingested_at": clock[partition], "content_type": "application/json", "properties": [],
                "body": b"{" if message["broken"] else json.dumps(body).encode(),
            }
        )  # fmt: skip
        number[partition] += 1
    return events


def arrive(lake: Lake, events: Sequence[Event]) -> None:
    if events:
        append(lake, BRONZE_TELEMETRY, pa.Table.from_pylist(list(events), schema=arrow_schema(BRONZE_TELEMETRY)))


def promoter(lake: Lake, mapping: Mapped, limit: int = 1000) -> Promoter:
    return Promoter(lake, mapping.canonicaliser, Silver(batch_events=limit, decode_events=7))


@contextmanager
def fresh_lake() -> Iterator[Lake]:
    with tempfile.TemporaryDirectory(prefix="silver-property-") as folder:
        yield Lake(folder)


# -- what happens to it --------------------------------------------------------------------------------------

ARRIVE = st.tuples(st.just("arrive"), st.integers(0, 12), st.integers(0, 12))
PROMOTE = st.tuples(st.just("promote"), st.sampled_from([4, 1000, 1000]), st.just(0))
REPLACE = st.tuples(st.just("replace"), st.integers(0, 7), st.integers(1, 2))
MESSAGES = st.lists(MESSAGE, min_size=12, max_size=40)
STEPS = st.lists(st.one_of(ARRIVE, PROMOTE, REPLACE), min_size=3, max_size=6)


def live(lake: Lake, events: Sequence[Event], steps: Sequence[tuple[Any, ...]], pick: Callable[[int], Mapped]) -> None:
    """Let the log arrive and be promoted as the steps say, then to its end; each step sees mapping `pick(step)`."""
    waiting = {p: [event for event in events if event["partition_id"] == p] for p in PARTITIONS}
    for number, (kind, first, second) in enumerate([*steps, ("arrive", 1000, 1000), ("promote", 1000, 0)]):
        before = accepted_rows(lake)
        done: list[batches.Batch | None] = []
        if kind == "arrive":
            for partition, count in zip(PARTITIONS, (first, second), strict=True):
                arrive(lake, waiting[partition][:count])
                del waiting[partition][:count]
        if kind != "replace":
            done += promoter(lake, pick(number), first if kind == "promote" else 1000).promote()
        elif hours := sorted(batches.hours_touched(lake, 10**9)):
            done.append(promoter(lake, pick(number)).replace([hours[first % len(hours)], hours[-second % len(hours)]]))
        logged = {day for batch in done if batch for day in batch.event_dates}
        assert changed_dates(before, accepted_rows(lake)) <= logged


def accepted_rows(lake: Lake) -> set[tuple[Any, ...]]:
    columns = ["recorded_at", *(name for name in READINGS.names if name not in {"recorded_at", "silver_batch"})]
    return {tuple(row.values()) for row in lake.rows(READINGS, columns=columns).to_pylist()}


def changed_dates(before: set[tuple[Any, ...]], after: set[tuple[Any, ...]]) -> set[date]:
    return {row[0].date() for row in before ^ after}


# -- what must come of it ------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """Rows by event reference; values are what the sentence of the definition decides."""

    readings: dict[Reference, tuple[Any, ...]]
    duplicates: dict[Reference, Reference]
    quarantine: dict[Reference, tuple[str, Reference | None]]


def reference(row: Mapping[str, Any], prefix: str = "") -> Reference:
    return tuple(row[prefix + name] for name in (*EVENT_NAMES, "index"))


def oracle(events: Sequence[Event], mapping_of: Callable[[str], Mapped]) -> Outcome:
    """Every key's candidates, each under the mapping of its hour, in order of position."""
    outcome = Outcome({}, {}, {})
    claims: dict[tuple[Any, ...], list[tuple[datetime, Reference, float]]] = defaultdict(list)
    for event in events:
        mapping = mapping_of(f"{event['enqueued_at']:%Y-%m-%d-%H}")
        if event["body"] == b"{":
            outcome.quarantine[reference(event | {"index": -1})] = ("invalid_json", None)
            continue
        body = json.loads(event["body"])
        for index, (metric, field, scale) in enumerate(
            [("air_temperature", "v", mapping.scale), ("relative_humidity", "w", 1)]
        ):
            name = reference(event | {"index": index})
            if body[field] is None:
                outcome.quarantine[name] = ("missing_field", None)
            elif not LIMITS[metric][0] <= body[field] * scale <= LIMITS[metric][1]:
                outcome.quarantine[name] = ("above_range", None)
            else:
                recorded_at = datetime.fromtimestamp(body["t"], UTC)
                key = (f"x:{body['d']}", metric, "", recorded_at, body["n"] if mapping.discriminated else "")
                claims[key].append((event["enqueued_at"], name, body[field] * scale))
    for key, candidates in claims.items():
        (_, winner, value), *others = sorted(candidates)
        outcome.readings[winner] = (*key, value, UNITS[key[1]])
        for _, loser, other in others:
            if other == value:
                outcome.duplicates[loser] = winner
            else:
                outcome.quarantine[loser] = ("conflict", winner)
    return outcome


def held(lake: Lake) -> Outcome:
    readings, duplicates, quarantine = (lake.rows(table).to_pylist() for table in (READINGS, DUPLICATES, QUARANTINE))
    outcome = Outcome(
        {reference(row): tuple(row[name] for name in (*KEY_NAMES, "value", "unit")) for row in readings},
        {reference(row): reference(row, "winner_") for row in duplicates},
        {
            reference(row): (row["reason"], None if row["winner_hub"] is None else reference(row, "winner_"))
            for row in quarantine
        },
    )
    counted = (len(outcome.readings), len(outcome.duplicates), len(outcome.quarantine))
    assert counted == (len(readings), len(duplicates), len(quarantine)), "a reference occurs twice in a table"
    return outcome


def everything(lake: Lake) -> list[list[dict[str, Any]]]:
    """All rows in all columns but the batch number."""
    return [
        sorted(lake.rows(table).drop_columns(["silver_batch"]).to_pylist(), key=reference)
        for table in (READINGS, DUPLICATES, QUARANTINE)
    ]


# -- the promises --------------------------------------------------------------------------------------------


@given(messages=MESSAGES, steps=STEPS)
def test_any_cut_and_any_replaced_hour_gives_what_one_stroke_gives(messages: list[Any], steps: list[Any]) -> None:
    events = hub_log(messages)
    with fresh_lake() as lived, fresh_lake() as rebuilt:
        live(lived, events, steps, lambda _step: MAPPINGS[0])
        arrive(rebuilt, events)
        promoter(rebuilt, MAPPINGS[0]).promote()

        assert everything(lived) == everything(rebuilt)
        assert held(lived) == oracle(events, lambda _hour: MAPPINGS[0])
        assert audit(lived).balanced


@given(messages=MESSAGES, steps=STEPS, picks=st.lists(st.sampled_from(MAPPINGS), min_size=8, max_size=8))
def test_after_mapping_changes_every_hour_is_what_its_own_digest_says(
    messages: list[Any], steps: list[Any], picks: list[Mapped]
) -> None:
    events = hub_log(messages)
    with fresh_lake() as lived:
        live(lived, events, steps, lambda step: picks[step])
        digests = batches.hour_digests(lived, 10**9)

        assert held(lived) == oracle(events, lambda hour: BY_DIGEST[digests[hour]])
        assert audit(lived).balanced
        for table in (READINGS, DUPLICATES, QUARANTINE):
            rows = lived.rows(table, columns=["enqueued_hour", "digest"]).to_pylist()
            assert {row["digest"] == digests[row["enqueued_hour"]] for row in rows} <= {True}


@given(messages=MESSAGES, steps=STEPS)
def test_replacing_all_hours_after_a_change_is_a_rebuild_under_the_new_mapping(
    messages: list[Any], steps: list[Any]
) -> None:
    events = hub_log(messages)
    with fresh_lake() as lived:
        live(lived, events, steps, lambda step: MAPPINGS[step % 2])
        promoter(lived, MAPPINGS[2]).replace(sorted(batches.hours_touched(lived, 10**9)))

        assert held(lived) == oracle(events, lambda _hour: MAPPINGS[2])
        log = lived.rows(batches.BATCHES, columns=["batch", "previous", "watermark"]).sort_by("batch").to_pylist()
        assert [row["batch"] for row in log] == list(range(1, len(log) + 1))
        assert all(dict(before["watermark"]) == dict(after["previous"]) for before, after in pairwise(log))
