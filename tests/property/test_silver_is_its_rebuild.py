"""Silver is a function of the hub log and of the digest of each hour, however it came to be.

A hub log of two partitions (clocks that jump and step back, repeats, contradictions, late data, broken bodies), in which
every format there is a decoder for says the same things of the same devices, reaches Bronze in any interleaving and is
promoted in any cut, with crashes, hours replaced and mappings changed in between. What Silver then holds is compared with a rebuild at one stroke, and with an oracle in plain Python that knows one sentence only:
of all valid candidates of a key the one with the smallest position is accepted.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

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
from tests.property.dialects import DIALECTS, Dialect, readings_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BEGIN = datetime(2026, 3, 1, 22, 20, tzinfo=UTC)
NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
PARTITIONS = ("0", "1")
LIMITS = {"air_temperature": (-60, 85), "relative_humidity": (0, 100)}
FAILPOINTS = tuple(
    f"silver.{name}"
    for name in (
        "before_plan",
        "after_plan",
        "after_schema_drift",
        "after_quarantine",
        "after_duplicates",
        "after_readings",
    )
)
UNITS = {"air_temperature": "degC", "relative_humidity": "percent"}
Event = dict[str, Any]
Reference = tuple[Any, ...]


@dataclass(frozen=True)
class Mapped:
    """Mappings of all formats in both forms: compiled for Silver, and as the few numbers the oracle needs."""

    canonicaliser: Canonicaliser
    scale: float
    discriminated: bool


def mapped(scale: float, *, discriminated: bool) -> Mapped:
    specs = [_turned(each.spec, scale, discriminated) for each in DIALECTS]
    return Mapped(Canonicaliser.of([MappingSpec.model_validate(spec) for spec in specs]), scale, discriminated)


def _turned(spec: dict[str, Any], scale: float, discriminated: bool) -> dict[str, Any]:
    for reading in (reading for part in (spec, *spec.get("records", [])) for reading in part.get("readings", [])):
        if (named := reading.get("metrics")) is not None:
            named["v"] = {"metric": named["v"], "scale": scale}
        elif reading["metric"] == "air_temperature":
            reading["scale"] = scale
    if not discriminated:
        unread = spec.pop("discriminator").get("path")
        spec["ignore"] = [*spec.get("ignore", []), *([unread] if unread else [])]
    return spec


# The second halves temperatures, so that other values are in range and others agree; the third changes every key.
MAPPINGS = (
    mapped(1, discriminated=False),
    mapped(0.5, discriminated=False),
    mapped(1, discriminated=True),
)
BY_DIGEST = {each.canonicaliser.digest: each for each in MAPPINGS}


# -- the hub log ---------------------------------------------------------------------------------------------

MEASURED = st.fixed_dictionaries(
    {
        "t": st.integers(0, 2).map(lambda slot: NOON + 36_000 * slot),
        "v": st.sampled_from([10, 20, 40, 80, 160, 400, None]),
        "w": st.sampled_from([10, 10, 20, 150]),
    }
)


def message_in(spoken: Sequence[Dialect]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "dialect": st.sampled_from(spoken),
            "partition_id": st.sampled_from(PARTITIONS),
            "minutes": st.sampled_from([0, 0, 1, 7, 30, 70, -12]),
            "device": st.sampled_from("ab"),
            "measured": st.lists(MEASURED, min_size=1, max_size=2),
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
        dialect, parity = message["dialect"], number[partition] % 2
        match = dialect.spec["match"]
        written = dialect.write(message["device"], parity, message["measured"])
        events.append(
            {
                "ingest_date": clock[partition].date(), "hub": "hub", "partition_id": partition, "epoch": 0,
                "sequence_number": number[partition], "offset": "", "enqueued_at": clock[partition],
                "ingested_at": clock[partition], "content_type": match["content_type"][0],
                "schema_ref": match["schema_ref"], "properties": [("n", str(parity))],
                "body": dialect.broken if message["broken"] else written, "said": {**message, "n": str(parity)},
            }
        )  # fmt: skip
        number[partition] += 1
    return events


def arrive(lake: Lake, events: Sequence[Event]) -> None:
    if events:
        rows = [{name: value for name, value in event.items() if name != "said"} for event in events]
        append(lake, BRONZE_TELEMETRY, pa.Table.from_pylist(rows, schema=arrow_schema(BRONZE_TELEMETRY)))


def promoter(lake: Lake, mapping: Mapped, limit: int = 1000) -> Promoter:
    return Promoter(lake, mapping.canonicaliser, Silver(batch_events=limit, decode_events=11))


@contextmanager
def fresh_lake() -> Iterator[Lake]:
    with tempfile.TemporaryDirectory(prefix="silver-property-") as folder:
        yield Lake(folder)


# -- what happens to it --------------------------------------------------------------------------------------

ARRIVE = st.tuples(st.just("arrive"), st.integers(0, 12), st.integers(0, 12))
PROMOTE = st.tuples(st.just("promote"), st.sampled_from([4, 1000, 1000]), st.just(0))
REPLACE = st.tuples(st.just("replace"), st.integers(0, 7), st.integers(1, 2))
CRASH = st.tuples(st.just("crash"), st.sampled_from(FAILPOINTS), st.integers(1, 2))
# A few formats a log: each costs every batch its constant.
MESSAGES = st.lists(st.sampled_from(DIALECTS), min_size=3, max_size=3, unique_by=lambda dialect: dialect.name).flatmap(
    lambda spoken: st.lists(message_in(spoken), min_size=12, max_size=30)
)
STEPS = st.lists(st.one_of(ARRIVE, PROMOTE, REPLACE, CRASH), min_size=3, max_size=6)


def live(lake: Lake, events: Sequence[Event], steps: Sequence[tuple[Any, ...]], pick: Callable[[int], Mapped]) -> None:
    """Let the log arrive and be promoted as the steps say, then to its end; each step sees mapping `pick(step)`."""
    waiting = {p: [event for event in events if event["partition_id"] == p] for p in PARTITIONS}
    unfinished: list[date] = []
    for number, (kind, first, second) in enumerate([*steps, ("arrive", 1000, 1000), ("promote", 1000, 0)]):
        before, logged_before = accepted_rows(lake), logged_dates(lake)
        hours = sorted(batches.hours_touched(lake, 10**9))
        replaced = [hours[first % len(hours)], hours[-second % len(hours)]] if kind == "replace" and hours else []
        if kind == "arrive":
            for partition, count in zip(PARTITIONS, (first, second), strict=True):
                arrive(lake, waiting[partition][:count])
                del waiting[partition][:count]
        if kind == "crash":
            with dying_at(first):
                worker = promoter(lake, pick(number))
                worker.promote() if second == 1 or not hours else worker.replace(hours[:2])
        elif kind != "replace":
            promoter(lake, pick(number), first if kind == "promote" else 1000).promote()
        elif replaced:
            promoter(lake, pick(number)).replace(replaced)
        new = [day for batch, days in logged_dates(lake).items() if batch not in logged_before for day in days]
        assert changed_dates(before, accepted_rows(lake)) <= {*new, *unfinished}
        unfinished = new if kind == "crash" else []


class Died(BaseException):
    """In place of SIGKILL: nothing catches it."""


@contextmanager
def dying_at(wanted: str) -> Iterator[None]:
    """Whoever reaches that point first is gone."""

    def reach(point: str) -> None:
        if point == wanted:
            raise Died(point)

    with patch("assets.silver.promote.reach", reach), suppress(Died):
        yield


def logged_dates(lake: Lake) -> dict[int, list[date]]:
    rows = lake.rows(batches.BATCHES, columns=["batch", "event_dates"]).to_pylist()
    return {row["batch"]: row["event_dates"] for row in rows}


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
        said = event["said"]
        dialect = said["dialect"]
        if said["broken"]:
            outcome.quarantine[reference(event | {"index": dialect.broken_at})] = (dialect.reason, None)
            continue
        for index, metric, one, sent in readings_of(dialect, said["measured"]):
            name = reference(event | {"index": index})
            value = None if sent is None else sent * (mapping.scale if metric == "air_temperature" else 1)
            if value is None:
                outcome.quarantine[name] = ("missing_field", None)
            elif not LIMITS[metric][0] <= value <= LIMITS[metric][1]:
                outcome.quarantine[name] = ("above_range", None)
            else:
                recorded_at = datetime.fromtimestamp(one["t"], UTC)
                key = (f"x:{said['device']}", metric, "", recorded_at, said["n"] if mapping.discriminated else "")
                claims[key].append((event["enqueued_at"], name, value))
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
