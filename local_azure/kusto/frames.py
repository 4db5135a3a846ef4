"""Answers as the SDKs parse them: version 2 frames for queries, version 1 tables for commands."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from local_azure.kusto.errors import KustoError, LimitsExceededError
from local_azure.kusto.kql_types import Column


@dataclass(frozen=True)
class Answer:
    """Columns and rows; a row is the text of a JSON array. `cut` says that rows are missing, and why."""

    columns: tuple[Column, ...]
    rows: list[str] = field(default_factory=list)
    cut: LimitsExceededError | None = None
    visualization: str | None = None


_PROPERTIES = (Column("TableId", "int"), Column("Key", "string"), Column("Value", "dynamic"))
_COMPLETION = (
    Column("Timestamp", "datetime"),
    Column("ClientRequestId", "string"),
    Column("ActivityId", "guid"),
    Column("SubActivityId", "guid"),
    Column("ParentActivityId", "guid"),
    Column("Level", "int"),
    Column("LevelName", "string"),
    Column("StatusCode", "int"),
    Column("StatusCodeName", "string"),
    Column("EventType", "int"),
    Column("EventTypeName", "string"),
    Column("Payload", "string"),
)


def _data_table(number: int, kind: str, name: str, columns: tuple[Column, ...], rows: list[str]) -> str:
    # The streaming client reads these keys in this order.
    head = json.dumps(
        {
            "FrameType": "DataTable",
            "TableId": number,
            "TableKind": kind,
            "TableName": name,
            "Columns": [{"ColumnName": column.name, "ColumnType": column.type} for column in columns],
        }
    )
    return f'{head[:-1]}, "Rows": [{",".join(rows)}]}}'


def _completion_row(request_id: str, error: KustoError | None) -> str:
    activity = str(uuid.uuid4())
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    level: tuple[Any, ...] = (4, "Info", 0, "S_OK (0)", 4, "QueryInfo")
    payload = json.dumps({"Count": 1, "Text": "Query completed successfully"})
    if error:
        level = (2, "Error", -2133196797, "E_QUERY_RESULT_SET_TOO_LARGE (80DA0003)", 4, "QueryInfo")
        payload = json.dumps({"Count": 1, "Text": str(error)})
    return json.dumps([now, request_id, activity, activity, activity, *level, payload])


def version_2(answer: Answer, request_id: str, *, defer_failures: bool = False) -> bytes:
    """The frames of a query's answer. A cut answer carries its error among the rows, or, deferred, in the status."""
    rows, completion = answer.rows, '{"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false}'
    if answer.cut:
        error = json.dumps(answer.cut.body(request_id))
        completion = (
            f'{{"FrameType": "DataSetCompletion", "HasErrors": true, "Cancelled": false, "OneApiErrors": [{error}]}}'
        )
        if not defer_failures:
            rows = [*rows, f'{{"OneApiErrors": [{error}]}}']
    properties = json.dumps([1, "Visualization", json.dumps({"Visualization": answer.visualization})])
    header = (
        '{"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0", "IsFragmented": false, '
        '"ErrorReportingPlacement": "InData"}'
    )
    frames = [
        header,
        _data_table(0, "QueryProperties", "@ExtendedProperties", _PROPERTIES, [properties]),
        _data_table(1, "PrimaryResult", "PrimaryResult", answer.columns, rows),
        _data_table(
            2,
            "QueryCompletionInformation",
            "QueryCompletionInformation",
            _COMPLETION,
            [_completion_row(request_id, answer.cut)],
        ),
        completion,
    ]
    return f"[{','.join(frames)}]".encode()


def version_1(answer: Answer) -> bytes:
    """One table. A cut answer says so among the rows and beside the tables."""
    columns = [
        {"ColumnName": column.name, "DataType": column.net_type.rsplit(".", 1)[-1], "ColumnType": column.type}
        for column in answer.columns
    ]
    rows, exceptions = answer.rows, ""
    if answer.cut:
        message = json.dumps([str(answer.cut)])
        rows = [*rows, f'{{"Exceptions": {message}}}']
        exceptions = f', "Exceptions": {message}'
    table = f'{{"TableName": "Table_0", "Columns": {json.dumps(columns)}, "Rows": [{",".join(rows)}]}}'
    return f'{{"Tables": [{table}]{exceptions}}}'.encode()
