"""Questions about quarantine, for the command line: the answers of `assets.silver.quarantined` with names and places.

Belongs here: an event's name in each row, its history, and the line of the mapping spec that a rejection goes back to.
Does not: what is selected, or a row's status (`assets.silver.quarantined`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.silver import quarantined
from assets.silver.quarantined import Selection
from canonical.specs import FOLDER
from canonical.yaml_lines import read_yaml
from lake.store import Lake
from orchestration.trace import is_event
from quality.contracts.tables import EVENT_NAMES
from settings.model import Settings

_PART = {
    "body_too_large": "max_body_bytes",
    "missing_device": "device", "device_mismatch": "device",
    "missing_time": "time", "bad_time": "time", "future": "time", "too_old": "time",
    "invalid_utf8": "decode", "invalid_json": "decode", "invalid_csv": "decode", "invalid_protobuf": "decode",
    "invalid_cbor": "decode", "invalid_senml": "decode", "bad_payload": "decode", "bad_encoding": "decode",
    "unknown_schema": "match", "no_readings": "readings",
}  # fmt: skip
"""Part of a spec that a rejection of a whole event goes back to."""


@dataclass(frozen=True)
class SpecLine:
    """Where in the folder of specs a rejection was decided."""

    file: str
    line: int
    text: str
    version: int | None
    """Of the spec as the folder has it now."""


def listed(settings: Settings, selection: Selection, *, status: str | None, limit: int) -> list[dict[str, Any]]:
    """Newest rows, at most `limit`, each with the name of its event."""
    rows = quarantined.listed(Lake.of(settings), selection, status=status, limit=limit)
    return [{"event": _named(row), **row} for row in rows]


def of_event(settings: Settings, event: str) -> list[dict[str, Any]]:
    """Every row of one event that is in quarantine now, with its bytes and where its mapping decided so."""
    rows = quarantined.of_event(Lake.of(settings), is_event(event))
    folder = settings.specs or FOLDER
    return [{"event": event, **row, "spec": spec_line(folder, row)} for row in rows]


def replays_of(settings: Settings, event: str) -> list[dict[str, Any]]:
    """What replays took back of one event."""
    return quarantined.replayed(Lake.of(settings), Selection(event=is_event(event)), limit=1000)


def spec_line(folder: Path, row: Mapping[str, Any]) -> SpecLine | None:
    """The line of the mapping that a row goes back to; None where no mapping took the event, or the folder lacks it."""
    file = _file_of(folder, row["mapping_id"]) if row["mapping_id"] else None
    if file is None:
        return None
    data, lines = read_yaml(file)
    place = _reading(data, row) if row["index"] >= 0 else None
    number = lines.of(place or (_PART.get(row["reason"], "match"),))
    text = file.read_text(encoding="utf-8").splitlines()[number - 1].strip()
    return SpecLine(file.name, number, text, data.get("version"))


def _file_of(folder: Path, mapping: str) -> Path | None:
    wanted = re.compile(rf"^id:\s*[\"']?{re.escape(mapping)}[\"']?\s*(#.*)?$", re.MULTILINE)
    return next((f for f in sorted(folder.glob("*.yaml")) if wanted.search(f.read_text(encoding="utf-8"))), None)


def _reading(data: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """The entry that reads the row's field as the row's metric, else the one that does either."""
    judged = [
        (2 * (row["field"] is not None and entry.get("path") == row["field"]) + _makes(entry, row["metric"]), -n, place)
        for n, (place, entry) in enumerate(_readings(data))
    ]
    score, _, place = max(judged, default=(0, 0, ()))
    return place if score else None


def _makes(entry: Mapping[str, Any], metric: str | None) -> bool:
    named = [m["metric"] if isinstance(m, dict) else m for m in dict(entry.get("metrics") or {}).values()]
    return metric is not None and metric in {entry.get("metric"), *named}


def _readings(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for n, entry in enumerate(data.get("readings") or ()):
        yield ("readings", n), entry
    for g, group in enumerate(data.get("records") or ()):
        for n, entry in enumerate(group.get("readings") or ()):
            yield ("records", g, "readings", n), entry


def _named(row: Mapping[str, Any]) -> str:
    return "/".join(str(row[name]) for name in EVENT_NAMES)
