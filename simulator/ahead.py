"""Making the next piece while the hub takes the last one.

Belongs here: one thread that stays one item ahead of its consumer, in order.
Does not: knowing what the items are.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order, each next one made while the consumer works on the one before.

    An error in making an item is raised where the item was due.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item
