"""Payloads of bytes inside JSON envelopes: decoded and put into their document.

Belongs here: finding the text, choosing the layout, and setting the decoded object into the envelope under its name.
Does not: base64 and hex (`layout_payload`), the bytes themselves (`documents`), or what is no envelope (`bodies`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from canonical import sql
from canonical.decoders.conditions import holds
from canonical.decoders.documents import Documents, cbor_documents, layout_documents
from canonical.decoders.json_objects import raw_cell
from canonical.decoders.layout_payload import payload_bytes
from canonical.paths import place
from canonical.spec.decode import Payload


class Payloads:
    """Decodes the payloads of sound documents (columns `keep`, record, document, body_fault, body_detail)."""

    def __init__(self, payload: Payload, keep: str, properties: Mapping[str, str]) -> None:
        self._payload = payload
        self._keep = keep
        self._properties = properties
        if payload.format == "cbor":
            self._decoders: list[Documents] = [cbor_documents()]
        else:
            self._decoders = [layout_documents(case.layout) for case in payload.cases]

    def read(self, documents: pa.Table, run: Callable[[str, pa.Table], pa.Table]) -> pa.Table:
        """The documents with their payloads in them; one whose payload cannot be read is at fault."""
        found = run(self._found(), documents)
        size = len(documents)
        written = pa.concat_arrays(found.column("text").cast(pa.string()).chunks)
        payloads, faults = payload_bytes(written, self._payload.encoding)
        texts = pa.nulls(size, pa.string())
        for number, decoder in enumerate(self._decoders):
            chosen = pc.fill_null(pc.equal(found.column("chosen"), number), False).combine_chunks()
            if not pc.any(chosen).as_py():
                continue
            chosen = pc.and_(chosen, payloads.is_valid())
            text, fault = decoder.documents(payloads.filter(chosen))
            texts = pc.replace_with_mask(texts, chosen, text.cast(pa.string()))
            faults = pc.replace_with_mask(faults, chosen, fault.cast(pa.string()))
        return run(
            self._joined(), documents.append_column("payload_text", texts).append_column("payload_fault", faults)
        )

    def _found(self) -> str:
        """The text, where a layout reads it, and the number of that layout."""
        cases = self._payload.cases
        paths = [self._payload.path, *(case.when.path for case in cases if case.when)]
        fields = sql.texts(place(path, 0).json for path in paths)
        whens, number = "", 1
        for layout, case in enumerate(cases):
            tests = ["true"]
            if case.when:
                number += 1
                tests.append(holds(case.when, raw_cell(f"f[{number}]")))
            for name, pattern in sorted(case.patterns.items()):
                tests.append(f"regexp_matches({self._properties[name]}, {sql.text(pattern)})")
            whens += f" WHEN {' AND '.join(tests)} THEN {layout}"
        chosen = f"CASE {whens} END" if whens else "0"
        text = raw_cell("f[1]")
        return (
            f"SELECT chosen, CASE WHEN chosen IS NOT NULL AND {text.given} THEN nullif({text.written}, '') END AS text "
            f"FROM (SELECT f, {chosen} AS chosen FROM (SELECT {self._keep}, CASE WHEN body_fault IS NULL "
            f"THEN json_extract(document, [{fields}])::VARCHAR[] END AS f FROM source))"
        )

    def _joined(self) -> str:
        """The payload goes first, because of a key written twice the first counts."""
        name = sql.text(f'{{"{self._payload.name}":')
        rest = "ltrim(document, ' ' || chr(9) || chr(10) || chr(13))[2:]"
        comma = f"CASE WHEN regexp_matches({rest}, '^[ \\t\\r\\n]*[}}]') THEN '' ELSE ',' END"
        whole = f"CASE WHEN payload_text IS NULL THEN document ELSE {name} || payload_text || {comma} || {rest} END"
        return (
            f"SELECT {self._keep}, record, CASE WHEN body_fault IS NULL THEN {whole} ELSE document END AS document, "
            "coalesce(body_fault, payload_fault) AS body_fault, CASE WHEN body_fault IS NOT NULL THEN body_detail "
            "WHEN payload_fault IS NOT NULL THEN left(document, 200) END AS body_detail FROM source"
        )
