"""A commit happens once, whoever tries and however often."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from lake.fence import on_fresh_table, once, write
from lake.store import Lake
from quality.contracts.tables import DIGESTS

Row = Callable[[str], pa.Table]


def held(lake: Lake) -> list[str]:
    return sorted(lake.rows(DIGESTS)["digest"].to_pylist())


def test_once_writes_once(lake: Lake, row: Row) -> None:
    assert once(lake, DIGESTS, "app", 1, lambda: row("a")) is True
    version = lake.version(DIGESTS)

    assert once(lake, DIGESTS, "app", 1, lambda: row("b")) is False
    assert (held(lake), lake.version(DIGESTS)) == (["a"], version)


def test_a_version_that_is_passed_is_not_written(lake: Lake, row: Row) -> None:
    once(lake, DIGESTS, "app", 5, lambda: row("five"))

    assert once(lake, DIGESTS, "app", 4, lambda: row("four")) is False
    assert once(lake, DIGESTS, "app", 6, lambda: row("six")) is True
    assert held(lake) == ["five", "six"]


def test_a_skipped_commit_computes_no_rows(lake: Lake, row: Row) -> None:
    once(lake, DIGESTS, "app", 1, lambda: row("a"))

    def fails() -> pa.Table:
        raise AssertionError("the rows were asked for")

    assert once(lake, DIGESTS, "app", 1, fails) is False


def test_each_app_has_a_fence_of_its_own(lake: Lake, row: Row) -> None:
    assert [once(lake, DIGESTS, app, 1, lambda app=app: row(app)) for app in ("x", "y")] == [True, True]
    assert held(lake) == ["x", "y"]


def test_an_overwrite_replaces_what_its_predicate_names(lake: Lake, row: Row) -> None:
    for version, digest in enumerate(("a", "b"), start=1):
        once(lake, DIGESTS, "app", version, lambda digest=digest: row(digest))

    once(lake, DIGESTS, "app", 3, lambda: row("a").slice(0, 0), mode="overwrite", predicate="digest = 'a'")

    assert held(lake) == ["b"]
    assert lake.open(DIGESTS).transaction_version("app") == 3


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_two_objects_of_one_version_cannot_both_commit_one_app(lake: Lake, row: Row, mode: str) -> None:
    first, second = lake.open(DIGESTS), lake.open(DIGESTS)
    write(first, row("a"), {"app": 1})
    predicate = "digest = 'a'" if mode == "overwrite" else None

    with pytest.raises(CommitFailedError):
        write(second, row("a"), {"app": 1}, mode=mode, predicate=predicate)
    assert held(lake) == ["a"]


def test_a_commit_of_another_app_in_between_is_no_conflict(lake: Lake, row: Row) -> None:
    first, second = lake.open(DIGESTS), lake.open(DIGESTS)
    write(first, row("a"), {"one": 1})
    write(second, row("b"), {"other": 1})

    assert held(lake) == ["a", "b"]


def test_after_a_conflict_the_attempt_sees_what_the_winner_wrote(lake: Lake, row: Row) -> None:
    seen: list[int | None] = []

    def attempt(target: DeltaTable) -> bool:
        seen.append(target.transaction_version("app"))
        if len(seen) == 1:
            once(lake, DIGESTS, "app", 1, lambda: row("winner"))
        if seen[-1] is not None:
            return False
        write(target, row("loser"), {"app": 1})
        return True

    assert on_fresh_table(lake, DIGESTS, attempt) is False
    assert seen == [None, 1]
    assert held(lake) == ["winner"]


def test_what_is_no_conflict_is_not_retried(lake: Lake) -> None:
    calls: list[int] = []

    def attempt(_target: DeltaTable) -> None:
        calls.append(1)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        on_fresh_table(lake, DIGESTS, attempt)
    assert len(calls) == 1


@pytest.mark.timeout(120)
def test_of_many_threads_one_writes(lake: Lake, row: Row) -> None:
    with ThreadPoolExecutor(6) as pool:
        wrote = list(pool.map(lambda n: once(lake, DIGESTS, "app", 1, lambda: row(str(n))), range(6)))

    assert sorted(wrote) == [False] * 5 + [True]
    assert held(lake) == [str(wrote.index(True))]
