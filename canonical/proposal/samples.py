"""Sample files taken apart into messages, and which format the messages are in.

Belongs here: telling JSON, JSON lines, JSON arrays, SenML, CSV, CBOR and bytes written as hex or base64 apart, the
charset, and whether a file is one message or holds many. A guess that could be wrong is said in `unsure`.
Does not: what the messages mean (`fields`, `roles`), or how a table of a CSV file is laid out (`rows`).
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import cbor2

Format = Literal["json", "ndjson", "json_array", "senml_json", "senml_cbor", "csv", "cbor", "binary"]
CONTENT_TYPES: dict[str, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "json_array": "application/json",
    "senml_json": "application/senml+json",
    "senml_cbor": "application/senml+cbor",
    "csv": "text/csv",
    "cbor": "application/cbor",
    "binary": "application/octet-stream",
}
MOST_MESSAGES = 1000
"""More samples teach nothing new and cost time."""

_HEX = re.compile(r"(0x)?([0-9a-fA-F]{2}[ :-]?)+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SENML_LABELS = {-2: "bn", -3: "bt", -4: "bu", -5: "bv", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t"}
_SENML_KEYS = {"bn", "n"}
_SENML_VALUES = {"v", "vs", "vb", "vd", "s"}


class SamplesError(ValueError):
    """The files hold nothing that a proposal could be made from; the text says why."""


@dataclass(slots=True)
class Samples:
    """Messages of one vendor as bytes, and what they look like."""

    format: Format
    messages: list[bytes]
    charset: str = "utf-8"
    unsure: list[str] = field(default_factory=list)
    many: bool = False
    """One message holds many records (a file of rows sent whole)."""

    @property
    def content_type(self) -> str:
        """The media type such messages usually bear."""
        return CONTENT_TYPES[self.format]

    def documents(self) -> list[Any]:
        """The messages of a JSON-like format as Python data."""
        return [_document(body, self) for body in self.messages]


def read_samples(files: Sequence[bytes], *, whole: bool = False) -> Samples:
    """The messages of some files; with `whole` each file is one message whatever is in it. Raises: SamplesError."""
    contents = [gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content for content in files]
    contents = [content for content in contents if content.strip()]
    if not contents:
        raise SamplesError("the sample files are empty")
    found = [_one_file(content, whole=whole, alone=len(contents) == 1) for content in contents]
    formats = sorted({samples.format for samples in found})
    if len(formats) > 1:
        raise SamplesError(
            f"the files are of different formats ({', '.join(formats)}); give the samples of one kind of message"
        )
    first = found[0]
    messages = [body for samples in found for body in samples.messages]
    if len(messages) > MOST_MESSAGES:
        first.unsure.append(f"there are {len(messages):,} messages; the first {MOST_MESSAGES:,} were looked at")
    charset = next((samples.charset for samples in found if samples.charset != "utf-8"), "utf-8")
    return Samples(first.format, messages[:MOST_MESSAGES], charset, first.unsure, first.many)


def _one_file(content: bytes, *, whole: bool, alone: bool) -> Samples:
    text, charset = _text(content)
    if text is None:
        return _bytes(content)
    stripped = text.strip().lstrip("\ufeff")
    if stripped[:1] in "{[":
        found = _json(stripped, whole=whole, alone=alone)
        if found is not None:
            found.charset = charset
            return found
    lines = [line.strip() for line in stripped.splitlines() if line.strip()]
    for pattern, read in ((_HEX, _from_hex), (_BASE64, _from_base64)):
        if all(len(line) >= 4 and pattern.fullmatch(line) for line in lines):
            bodies = [read(line) for line in lines]
            if all(bodies) and not all(line.isdigit() and len(line) < 8 for line in lines):
                return Samples("binary", [body for body in bodies if body])
    return Samples("csv", [stripped.encode(charset)], charset, many=whole)


def _text(content: bytes) -> tuple[str | None, str]:
    try:
        return content.decode(), "utf-8"
    except UnicodeDecodeError:
        # Bytes that no text has: control characters other than tabs and line ends.
        if any(byte < 32 and byte not in b"\t\r\n\f" for byte in content[:4096]):
            return None, ""
        return content.decode("latin-1"), "latin-1"


def _json(text: str, *, whole: bool, alone: bool) -> Samples | None:
    try:
        document = json.loads(text)
    except ValueError:
        return _json_lines(text, whole=whole)
    if isinstance(document, dict):
        return Samples("json", [text.encode()])
    if not document or not all(isinstance(element, (dict, list)) for element in document):
        raise SamplesError("the file is a JSON array, but not of objects; no mapping reads that")
    if all(map(is_senml, document)):
        return Samples("senml_json", _dumped(document))
    if is_senml(document):
        return Samples("senml_json", [text.encode()])
    if not all(isinstance(element, dict) for element in document):
        raise SamplesError("the file is a JSON array of arrays; give each message as an object")
    if whole or not alone:
        return Samples("json_array", [text.encode()], many=True)
    said = (
        "the file was taken as a list of messages, one object each. If the device sends such arrays, run this again "
        "with --whole (format json_array)"
    )
    return Samples("json", _dumped(document), unsure=[said])


def _json_lines(text: str, *, whole: bool) -> Samples | None:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        documents = [json.loads(line) for line in lines]
    except ValueError:
        return None
    if len(lines) > 1 and all(map(is_senml, documents)):
        return Samples("senml_json", [line.encode() for line in lines])
    if not all(isinstance(document, dict) for document in documents):
        return None
    if whole:
        return Samples("ndjson", [text.encode()], many=True)
    said = (
        "each line was taken as a message. If the device sends several lines at once, run this again with --whole "
        "(format ndjson)"
    )
    return Samples("json", [line.encode() for line in lines], unsure=[said])


def _bytes(content: bytes) -> Samples:
    try:
        document = cbor2.loads(content)
    except (cbor2.CBORDecodeError, ValueError, TypeError):
        return Samples("binary", [content])
    if isinstance(document, dict):
        return Samples("cbor", [content])
    if is_senml(_senml_from_labels(document)):
        return Samples("senml_cbor", [content])
    return Samples("binary", [content])


def is_senml(document: Any) -> bool:
    """Whether this is a SenML pack: records, the first or each of which has a name, with values by SenML's labels."""
    if not isinstance(document, list) or not document or not all(isinstance(record, dict) for record in document):
        return False
    named = all(record.keys() & _SENML_KEYS for record in document[:1])
    return named and any(record.keys() & _SENML_VALUES for record in document)


def _senml_from_labels(document: Any) -> Any:
    if not isinstance(document, list) or not all(isinstance(record, dict) for record in document):
        return document
    return [{_SENML_LABELS.get(label, label): value for label, value in record.items()} for record in document]


def _document(body: bytes, samples: Samples) -> Any:
    if samples.format == "cbor":
        return cbor2.loads(body)
    if samples.format == "senml_cbor":
        return _senml_from_labels(cbor2.loads(body))
    text = body.decode(samples.charset)
    if samples.format == "ndjson":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return json.loads(text)


def _dumped(documents: Iterable[Any]) -> list[bytes]:
    return [json.dumps(document, ensure_ascii=False).encode() for document in documents]


def _from_hex(line: str) -> bytes | None:
    try:
        return bytes.fromhex(re.sub(r"^0x|[ :-]", "", line))
    except ValueError:
        return None


def _from_base64(line: str) -> bytes | None:
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return None
