from __future__ import annotations

import threading

import pytest

from simulator.ahead import ahead


def test_items_come_in_order_and_all_of_them():
    assert list(ahead(iter(range(1, 500)))) == list(range(1, 500))


def test_the_next_item_is_made_while_the_last_is_used():
    made = [threading.Event() for _ in range(3)]

    def items():
        for n in range(3):
            made[n].set()
            yield n + 1

    first = next(used := ahead(items()))

    assert first == 1
    assert made[1].wait(timeout=5)
    assert not made[2].is_set()
    used.close()


def test_an_error_is_raised_where_its_item_was_due():
    def items():
        yield 1
        raise ValueError("the second cannot be made")

    used = ahead(items())

    assert next(used) == 1
    with pytest.raises(ValueError, match="second"):
        next(used)
