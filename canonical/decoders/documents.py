"""Bodies to JSON documents: the one interface between bytes of any kind and the machinery that reads fields.

Belongs here: what a document decoder is. JSON, CBOR, SenML and binary layouts all come to one JSON text an event.
Does not: which fields are read (`canonical.compilation`), or a decoder (its own module beside this one).
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from canonical.layout_model import Layout
from canonical.spec.decode import BinaryDecode, CborDecode, Decode, ProtobufDecode, SenmlDecode


class Documents(Protocol):
    """Turns bodies into JSON texts, all bodies of a batch at once; one bad body never fails its neighbours."""

    def documents(self, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
        """JSON text per body (string, null where it cannot be read) and the fault.

        `bodies` is one chunk of binary; the results have its length. The fault is string: null, or the code of
        `quality.contracts.reasons` that rejects the event. A null body is an event of another mapping: null, null.
        """
        ...


def documents_of(decode: Decode) -> Documents | None:
    """The decoder of bytes that a format needs, or None where the body is a text already."""
    # Imported where they are needed: a lake of JSON and CSV loads none of them.
    if isinstance(decode, BinaryDecode):
        return layout_documents(decode.layout)
    if isinstance(decode, CborDecode):
        return cbor_documents()
    if isinstance(decode, SenmlDecode):
        from canonical.decoders.senml import SenmlDocuments  # noqa: PLC0415

        return SenmlDocuments(cbor=decode.format == "senml_cbor")
    if isinstance(decode, ProtobufDecode) and decode.documents:
        from canonical.decoders.protobuf_documents import ProtobufDocuments  # noqa: PLC0415
        from canonical.schemas.registry import descriptor  # noqa: PLC0415

        return ProtobufDocuments(descriptor(decode.message))
    return None


def layout_documents(layout: Layout) -> Documents:
    """The decoder of payloads of a layout."""
    from canonical.decoders.layout import LayoutDocuments  # noqa: PLC0415

    return LayoutDocuments(layout)


def cbor_documents() -> Documents:
    """The decoder of CBOR."""
    from canonical.decoders.cbor_documents import CborDocuments  # noqa: PLC0415

    return CborDocuments()
