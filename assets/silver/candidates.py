"""The decoded readings of one Silver batch, as columns in memory.

Belongs here: keeping them small (a text that repeats is stored once), their key hashes, and telling those whose key is
claimed more than once from the many that nobody contests, which go to the table as they are.
Does not: who wins a contested key (`workspace`), or what a reading is (`canonical`).

Beyond its share of memory a chunk lies in a file and is mapped back: the system can drop such pages, and read them
again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.silver.kept_rows import kept_rows
from quality.contracts.tables import KEY_NAMES

KEY_HASH = "key_hash"
HASHED = f"hash({', '.join(KEY_NAMES)})"
"""SQL: 64 bits of a reading's key, the same for candidates and history within one process."""
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_SEEN = 1 << 20


class Candidates:
    """Decoded readings, chunk by chunk, in the order in which they came."""

    def __init__(self, schema: pa.Schema, spill: Path, limit: int) -> None:
        """`schema`: columns of a chunk without `key_hash`; `limit`: bytes that stay in memory."""
        # An engine of its own, which keeps rows in their order: a hash belongs to its row by its place.
        self._db = duckdb.connect(config={"preserve_insertion_order": True, "autoinstall_known_extensions": False})
        self.schema = schema.append(pa.field(KEY_HASH, pa.uint64()))
        self._spill = spill
        self._limit = limit
        self._held = 0
        self._chunks: list[pa.Table] = []
        self._contested: list[Mask | None] = []
        self._dates: Counter[date] = Counter()
        self._contested_dates: Counter[date] = Counter()

    def add(self, readings: pa.Table) -> None:
        """Take over a chunk; columns that the schema does not know are left out."""
        if readings.num_rows == 0:
            return
        names = [name for name in self.schema.names if name != KEY_HASH]
        whole = pa.table([_compact(readings.column(name)) for name in names], names=names)
        self._db.register("_chunk", whole)
        hashes = self._db.sql(f"select {HASHED} as {KEY_HASH} from _chunk").to_arrow_table().column(KEY_HASH)
        self._db.unregister("_chunk")
        self._dates += _dates_of(whole)
        self._chunks.append(self._kept(whole.append_column(KEY_HASH, hashes)))

    def _kept(self, chunk: pa.Table) -> pa.Table:
        if self._held + chunk.nbytes <= self._limit:
            self._held += chunk.nbytes
            return chunk
        path = self._spill / f"candidates-{len(self._chunks)}.arrow"
        with pa.ipc.new_file(path, chunk.schema) as out:
            out.write_table(chunk.unify_dictionaries())
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()

    def close(self) -> None:
        """Let go of all of them."""
        self._chunks.clear()
        self._db.close()

    def table(self) -> pa.Table:
        """All of them, with their hashes."""
        plain = pa.schema([pa.field(field.name, field.type) for field in self.schema])
        return pa.concat_tables(self._chunks) if self._chunks else plain.empty_table()

    def hashes(self) -> Hashes:
        """The key hash of each."""
        return np.concatenate([*self._hashes(), np.empty(0, np.uint64)])

    def _hashes(self) -> Iterator[Hashes]:
        for chunk in self._chunks:
            yield chunk.column(KEY_HASH).to_numpy()

    def contest(self, history: Hashes) -> pa.Table:
        """Those whose key hash another candidate has too, or one of `history`; from now on they are contested."""
        claims = np.concatenate([*self._hashes(), history])
        claims.sort()
        twice = np.unique(claims[1:][claims[1:] == claims[:-1]])
        self._contested = [_among(chunk.column(KEY_HASH).to_numpy(), twice) for chunk in self._chunks]
        parts = [
            chunk.filter(pa.array(mask))
            for chunk, mask in zip(self._chunks, self._contested, strict=True)
            if mask is not None
        ]
        found = pa.concat_tables(parts) if parts else self.table().slice(0, 0)
        self._contested_dates = _dates_of(found)
        return found

    def uncontested(self) -> Iterator[pa.Table]:
        """The others, chunk by chunk."""
        for chunk, mask in zip(self._chunks, self._contested, strict=True):
            yield chunk if mask is None else kept_rows(chunk, ~mask)

    def uncontested_dates(self) -> set[date]:
        """Dates of recorded_at of the others."""
        return set(self._dates - self._contested_dates)

    def uncontested_count(self) -> int:
        """How many the others are."""
        return (self._dates - self._contested_dates).total()


def _among(hashes: Hashes, few: Hashes) -> Mask | None:
    """Which of many hashes are among a few, sorted; None where none is."""
    if not len(few):
        return None
    # Most are told by their last bits alone, from a table small enough to be at hand.
    seen, last = np.zeros(_SEEN, np.bool_), np.uint64(_SEEN - 1)
    seen[few & last] = True
    maybe = np.flatnonzero(seen[hashes & last])
    mask = np.zeros(len(hashes), np.bool_)
    mask[maybe] = np.isin(hashes[maybe], few)
    return mask if mask.any() else None


def _dates_of(readings: pa.Table) -> Counter[date]:
    """Rows per date of recorded_at."""
    moments = readings.column("recorded_at")
    if (day := _only(moments, _DAY)) is not None:
        return Counter({date(1970, 1, 1) + timedelta(days=day): len(moments)})
    days = pc.value_counts(moments.cast(pa.date32()))
    return Counter({each["values"]: each["counts"] for each in days.to_pylist()})


def _only(instants: pa.ChunkedArray, length: int) -> int | None:
    """The number of the day or hour, of so many microseconds, that all of them are in."""
    ends = pc.min_max(instants.cast(pa.int64())).as_py()
    first, last = ends["min"], ends["max"]
    return None if first is None or first // length != last // length else int(first // length)


def constant(text: str, rows: int) -> pa.DictionaryArray:
    """The same text in each row."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([text]))


def hours_of(instants: pa.ChunkedArray) -> pa.DictionaryArray:
    """The enqueued hour of each instant, as rows name it."""
    if (only := _only(instants, _HOUR)) is not None:
        return constant(f"{datetime.fromtimestamp(only * 3600, UTC):%Y-%m-%d-%H}", len(instants))
    hours = pc.dictionary_encode(pc.divide(instants.cast(pa.int64()), _HOUR)).combine_chunks()
    starts = pc.multiply(hours.dictionary, _HOUR).cast(instants.type)
    return pa.DictionaryArray.from_arrays(hours.indices, pc.strftime(starts, format="%Y-%m-%d-%H"))


def _compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.dictionary_encode(column) if pa.types.is_string(column.type) else column
