"""Events that differ in nothing the choice of a mapping asks for: one of each kind is routed for all.

Belongs here: which events stand for which. Bodies count where they are empty, too large for some mapping, or of a
content type for which a mapping looks into them: such events stand for themselves.
Does not: the choice (`routing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.spec_model import MAX_BODY_BYTES, MappingSpec

Places: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
Flags: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"
_ENVELOPE = ("content_type", "schema_ref", "content_encoding", "encoding_fault")


class Envelopes:
    """Tells the kinds of events apart, as a set of mappings does."""

    def __init__(self, specs: Sequence[MappingSpec], properties: Sequence[str]) -> None:
        """`properties`: the columns of the properties that mappings look at."""
        self._names = (*_ENVELOPE, *properties)
        self._looked_into = {media for spec in specs if spec.match.shape for media in spec.match.content_type}
        self._small = min([MAX_BODY_BYTES, *(spec.max_body_bytes for spec in specs)])

    def kinds(self, source: pa.Table) -> tuple[Places, Places]:
        """Places of the events that are routed, and for each event which of these stands for it."""
        kinds, count = np.zeros(len(source), np.int64), 1
        for name in self._names:
            codes, different = _codes(source.column(name))
            if different > 1:
                kinds, count = _renumbered(kinds * different + codes)
        alone = self._alone(source)
        kinds = np.where(alone, count + np.cumsum(alone), kinds)
        return _firsts(kinds)

    def _alone(self, source: pa.Table) -> Flags:
        lengths = pc.fill_null(pc.binary_length(source.column("body")), 0).to_numpy()
        alone: Flags = (lengths == 0) | (lengths > self._small)
        coded = source.column("content_type").combine_chunks().dictionary_encode()
        looked = [text.partition(";")[0].strip().lower() in self._looked_into for text in coded.dictionary.to_pylist()]
        if any(looked):
            alone |= np.array([*looked, False])[_indices(coded)]
        return alone


def _codes(column: pa.ChunkedArray) -> tuple[Places, int]:
    """A number for each different value, null among them."""
    coded = column.combine_chunks().dictionary_encode()
    different = len(coded.dictionary)
    if coded.null_count == 0:
        return coded.indices.to_numpy().astype(np.int64), different
    return pc.fill_null(coded.indices, different).to_numpy().astype(np.int64), different + 1


def _indices(coded: pa.DictionaryArray) -> Places:
    indices: Places = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy().astype(np.int64)
    return indices


def _renumbered(kinds: Places) -> tuple[Places, int]:
    """Numbers from 0 without gaps, so that they cannot overflow."""
    coded = pa.array(kinds).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), len(coded.dictionary)


def _firsts(kinds: Places) -> tuple[Places, Places]:
    """The first place of each kind, in the order of places, and each place's kind by its number in those."""
    kinds, count = _renumbered(kinds)
    firsts = np.zeros(count, np.int64)
    firsts[kinds[::-1]] = np.arange(len(kinds) - 1, -1, -1)
    return firsts, kinds
