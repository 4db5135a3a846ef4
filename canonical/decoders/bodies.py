"""Bodies to sound JSON documents, one a record: what comes before fields where a body is more than one JSON object.

Belongs here: lists and lines as records, charsets, and calling the decoders of bytes (`documents`). A body or a record
that cannot be read becomes a row with `body_fault`; its neighbours never notice.
Does not: fields (`json_objects`, `json_entries`), or payloads inside an envelope (`payloads`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from canonical.decoders.charsets import as_utf8
from canonical.decoders.documents import Documents, documents_of
from canonical.decoders.json_objects import broken, not_an_object
from canonical.decoders.payloads import Payloads
from canonical.spec.decode import CsvDecode, Decode, JsonDecode, reads_documents

Run = Callable[[str, pa.Table], pa.Table]
WHOLE = -1
"""In place of a record's number: what is at fault is the whole message."""


class Bodies:
    """Reads the bodies of one mapping: a table with the columns `keep`, record, document, body_fault, body_detail.

    CSV rows come as `text` (and `header`, where the body begins with it) in place of a document.
    """

    def __init__(self, decode: Decode, keep: Sequence[str], properties: Mapping[str, str], *, scalars: bool) -> None:
        """With `scalars` an element of a list need not be an object; `properties` are names to columns of `keep`."""
        self._decode = decode
        self._keep = ", ".join(keep)
        self._scalars = scalars
        self._documents: Documents | None = documents_of(decode)
        payload = decode.payload if isinstance(decode, JsonDecode) else None
        self._payloads = Payloads(payload, self._keep, properties) if payload else None

    @staticmethod
    def needed(decode: Decode, *, grouped: bool) -> bool:
        """Whether a mapping has to go this way: its body is not just one JSON object, row or message."""
        if isinstance(decode, CsvDecode):
            return decode.many or decode.charset != "utf-8"
        if not reads_documents(decode):
            return False
        plain = isinstance(decode, JsonDecode) and decode.charset == "utf-8" and decode.payload is None
        return grouped or decode.many or not plain

    def read(self, source: pa.Table, run: Run) -> pa.Table:
        """The records of the bodies in `source`."""
        charset = getattr(self._decode, "charset", "utf-8")
        if charset != "utf-8":
            source = _replaced(source, "body", as_utf8(source.column("body"), charset))
        if isinstance(self._decode, CsvDecode):
            return self._rows(source, run)
        if self._documents is not None:
            source = _decoded(source, self._documents)
            table = run(self._of_documents(), source)
        elif self._decode.format == "ndjson":
            table = run(self._of_lines(), _in_lines(source))
        else:
            table = run(self._of_texts(), source)
        return table if self._payloads is None else self._payloads.read(table, run)

    def _rows(self, source: pa.Table, run: Run) -> pa.Table:
        """Rows of CSV; which of them are sound is told with their fields (`csv_rows`)."""
        assert isinstance(self._decode, CsvDecode)
        none = "NULL::VARCHAR AS body_fault, NULL::VARCHAR AS body_detail"
        if not self._decode.many:
            return run(f"SELECT {self._keep}, 0 AS record, try(decode(body)) AS text, {none} FROM source", source)
        source = _in_lines(source)
        header, first = "NULL::VARCHAR AS header", self._decode.skip
        if self._decode.header == "first_line":
            first += 1
            header = f"try(decode(lines[{first}])) AS header"
            first += self._decode.skip_below_header
        every = f"SELECT {self._keep}, lines, {header} FROM source"
        return run(
            f"SELECT {self._keep}, record, text, rtrim(header, chr(13)) AS header, {none} FROM ("
            f"SELECT {self._keep}, header, record, try(decode(line)) AS text FROM ("
            f"SELECT {self._keep}, header, unnest(lines) AS line, unnest(range(0, len(lines))) AS record "
            f"FROM ({every})) WHERE record >= {first}) WHERE {_not_blank('text')}",
            source,
        )

    def _of_texts(self) -> str:
        """JSON: one object, or an array of records."""
        texts = f"SELECT {self._keep}, try(decode(body)) AS text FROM source"
        if not self._decode.many:
            shape = _fault("text", f"WHEN {not_an_object('text')} THEN 'not_an_object'")
            return self._tail(
                f"SELECT {self._keep}, 0 AS record, text AS document, {shape} AS body_fault FROM ({texts})"
            )
        shape = _fault("text", "WHEN json_type(text) <> 'ARRAY' THEN 'not_a_list'")
        return self._tail(self._unlisted(f"SELECT *, {shape} AS fault FROM ({texts})"))

    def _of_documents(self) -> str:
        """What a decoder of bytes made: a text and a fault."""
        if not self._decode.many:
            shape = f"CASE WHEN fault IS NOT NULL THEN fault WHEN {not_an_object('text')} THEN 'not_an_object' END"
            return self._tail(f"SELECT {self._keep}, 0 AS record, text AS document, {shape} AS body_fault FROM source")
        shape = "CASE WHEN fault IS NOT NULL THEN fault WHEN json_type(text) <> 'ARRAY' THEN 'not_a_list' END"
        return self._tail(self._unlisted(f"SELECT * REPLACE ({shape} AS fault) FROM source"))

    def _unlisted(self, texts: str) -> str:
        """Each element of an array as a record; a text that is at fault as one row with the whole of it."""
        elements = "CASE WHEN fault IS NULL THEN json_extract(text, '$[*]')::VARCHAR[] ELSE [text] END"
        each = (
            f"SELECT {self._keep}, fault, unnest(elements) AS document, unnest(range(0, len(elements))) AS place "
            f"FROM (SELECT *, {elements} AS elements FROM ({texts}))"
        )
        shape = "NULL" if self._scalars else f"CASE WHEN {not_an_object('document')} THEN 'not_an_object' END"
        return (
            f"SELECT {self._keep}, CASE WHEN fault IS NULL THEN place ELSE {WHOLE} END AS record, document, "
            f"CASE WHEN fault IS NULL THEN {shape} ELSE fault END AS body_fault FROM ({each})"
        )

    def _of_lines(self) -> str:
        """ndjson: each line by itself; blank ones are none."""
        fault = _fault("document", f"WHEN {not_an_object('document')} THEN 'not_an_object'")
        return self._tail(
            f"SELECT {self._keep}, record, document, {fault} AS body_fault FROM ("
            f"SELECT {self._keep}, record, ltrim(try(decode(line)), chr(65279)) AS document FROM ("
            f"SELECT {self._keep}, unnest(lines) AS line, unnest(range(0, len(lines))) AS record FROM source)) "
            f"WHERE {_not_blank('document')}"
        )

    def _tail(self, records: str) -> str:
        return (
            f"SELECT {self._keep}, record, document, body_fault, "
            f"CASE WHEN body_fault IS NOT NULL THEN left(document, 200) END AS body_detail FROM ({records})"
        )


def _fault(text: str, shape: str) -> str:
    """What is wrong with a JSON text; `shape` says what else it should be."""
    return (
        f"CASE WHEN {text} IS NULL THEN 'invalid_utf8' "
        f"WHEN try_cast({text} AS JSON) IS NULL OR ({broken(text)}) THEN 'invalid_json' {shape} END"
    )


def _not_blank(text: str) -> str:
    return f"({text} IS NULL OR trim({text}, ' ' || chr(9) || chr(13)) <> '')"


def _in_lines(source: pa.Table) -> pa.Table:
    """`lines` in place of the bodies. Cut as bytes, so that a line that is no UTF-8 spoils no other."""
    return _replaced(source, "lines", pc.split_pattern(source.column("body"), pattern="\n"))


def _decoded(source: pa.Table, documents: Documents) -> pa.Table:
    """`text` and `fault` in place of the bodies."""
    parts = [documents.documents(chunk) for chunk in source.column("body").chunks]
    texts = pa.chunked_array([text for text, _ in parts], pa.string())
    faults = pa.chunked_array([fault for _, fault in parts], pa.string())
    return _replaced(source, "text", texts).append_column("fault", faults)


def _replaced(source: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return source.drop_columns(["body"]).append_column(name, column)
