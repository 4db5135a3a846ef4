"""Where Arrow takes its memory from.

Belongs here: the choice, made once a process, when `lake` is imported. Does not: how much a batch holds (`settings`).

Arrow's first choice, mimalloc, asks the kernel for huge pages and gives them back within milliseconds. A batch makes
hundreds of columns a second and lets go of most: clearing the same memory again and again was a seventh of Silver's
processor time, twice as much as with jemalloc, which takes small pages and keeps them for a second.
"""

from __future__ import annotations

import os

import pyarrow as pa

_OWN_CHOICE = "ARROW_DEFAULT_MEMORY_POOL"
"""Arrow's own environment variable: who sets it has chosen."""


def choose_memory_pool() -> None:
    """Take jemalloc where this build of Arrow has it and nobody has chosen."""
    if _OWN_CHOICE not in os.environ and "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
