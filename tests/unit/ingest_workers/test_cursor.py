from __future__ import annotations

import pytest

from ingest_workers.receiver import Cursor


@pytest.mark.parametrize(
    ("last", "opened", "numbers", "accepted", "whole", "after"),
    [
        pytest.param(4, False, [5, 6, 7], [5, 6, 7], True, 7, id="what follows"),
        pytest.param(None, True, [0, 1], [0, 1], True, 1, id="the beginning"),
        pytest.param(None, True, [40, 41], [40, 41], True, 41, id="a beginning that retention has moved"),
        pytest.param(4, False, [3, 4, 5], [5], True, 5, id="events read again"),
        pytest.param(4, False, [2, 3], [], True, 4, id="only events read again"),
        pytest.param(4, False, [6, 5], [], False, 4, id="two events swapped: read again"),
        pytest.param(4, False, [5, 7, 8], [5], False, 5, id="a hole within a link: read again"),
        pytest.param(4, True, [9, 10], [9, 10], True, 10, id="a hole at the start of a link: believed"),
        pytest.param(4, True, [9, 11], [9], False, 9, id="only the first hole of a link is believed"),
        pytest.param(4, False, [], [], True, 4, id="nothing"),
    ],
)
def test_only_what_follows_is_accepted(make_rows, last, opened, numbers, accepted, whole, after):
    cursor = Cursor(last, opened)
    events, placed = cursor.accept(make_rows("0", numbers))
    assert list(events.sequence_number) == accepted
    assert events.content["body"].to_pylist() == [f"x 0/{number}".encode() for number in accepted]
    assert placed is whole
    assert cursor.last == after
