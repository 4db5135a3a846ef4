from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from canonical.decoders.layout import LayoutDocuments
from canonical.layout_model import Layout

Outcome = dict[str, Any] | str | None
Decode = Callable[[Mapping[str, Any], Sequence[str | None]], list[Outcome]]


@pytest.fixture(scope="session")
def layout() -> Callable[[Mapping[str, Any]], Layout]:
    adapter: TypeAdapter[Layout] = TypeAdapter(Layout)
    return adapter.validate_python


@pytest.fixture(scope="session")
def decode(layout) -> Decode:
    """Payloads in hex to what each gives: the document, the fault, or None."""

    def run(description: Mapping[str, Any], payloads: Sequence[str | None]) -> list[Outcome]:
        bodies = pa.array([None if text is None else bytes.fromhex(text) for text in payloads], pa.binary())
        texts, faults = LayoutDocuments(layout(description)).documents(bodies)
        pairs = zip(texts.to_pylist(), faults.to_pylist(), strict=True)
        return [fault if text is None else json.loads(text) for text, fault in pairs]

    return run
