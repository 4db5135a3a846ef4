"""Which memory pool Arrow uses in a process that has imported `lake`."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow as pa
import pytest

ASK = "import lake, pyarrow; print(pyarrow.default_memory_pool().backend_name)"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [(None, "jemalloc" if "jemalloc" in pa.supported_memory_backends() else "mimalloc"), ("system", "system")],
)
def test_a_choice_made_from_outside_holds(chosen, expected):
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    environment |= {} if chosen is None else {"ARROW_DEFAULT_MEMORY_POOL": chosen}

    told = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)

    assert told.stdout.strip() == expected
