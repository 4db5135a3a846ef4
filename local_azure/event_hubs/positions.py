"""Where a consumer starts: from the SDK's selector to an event in the log.

Belongs here: the three annotations a selector may name, and which positions cannot exist. Does not: reading.
"""

from __future__ import annotations

import re
from typing import Any

from local_azure.event_hubs import codec
from local_azure.event_hubs.errors import ARGUMENT_ERROR, AmqpError
from local_azure.event_hubs.log import PartitionLog

_SELECTOR_FILTER = "apache.org:selector-filter:string"
_SELECTOR = re.compile(r"amqp\.annotation\.(x-opt-[a-z-]+)\s*(>=?)\s*'([^']*)'")


def start_of(source: codec.Described, log: PartitionLog) -> int:
    """Sequence number of the first event for a receiver's source; `log.next` is the next event to come.

    What retention has taken is passed over in silence, as the service does: reading starts with the oldest event.

    Raises:
        AmqpError: the selector is not understood, or names a position beyond the end of the log.
    """
    selector = _selector(source.value)
    if selector is None:
        return log.first
    match = _SELECTOR.fullmatch(selector.strip())
    if match is None:
        raise AmqpError(ARGUMENT_ERROR, f'selector "{selector}" is not "amqp.annotation.KEY > \'VALUE\'"')
    annotation, operator, value = match.groups()
    inclusive = operator == ">="
    if annotation == "x-opt-offset":
        return _at_offset(value, log, inclusive=inclusive)
    if annotation == "x-opt-sequence-number":
        return _at_sequence_number(_number(annotation, value), log, inclusive=inclusive)
    if annotation == "x-opt-enqueued-time":
        return log.first_at_time(_number(annotation, value), inclusive=inclusive)
    raise AmqpError(ARGUMENT_ERROR, f"a receiver cannot start by {annotation}")


def _selector(source: Any) -> str | None:
    filters = source[7] if isinstance(source, list) and len(source) > 7 else None
    for name, described in (filters or {}).items():
        if name == _SELECTOR_FILTER and isinstance(described, codec.Described):
            value = described.value
            return value.decode() if isinstance(value, bytes) else str(value)
    return None


def _number(annotation: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise AmqpError(ARGUMENT_ERROR, f"{annotation} '{value}' is not a whole number") from None


def _at_offset(value: str, log: PartitionLog, *, inclusive: bool) -> int:
    if value == "@latest":
        return max(log.first, log.next - 1) if inclusive else log.next
    offset = _number("x-opt-offset", value)
    if offset > log.end_offset:
        raise AmqpError(
            ARGUMENT_ERROR,
            f"The supplied offset '{offset}' is invalid. The last offset in the system is '{log.last_offset}'",
        )
    return log.first_at_offset(offset, inclusive=inclusive)


def _at_sequence_number(number: int, log: PartitionLog, *, inclusive: bool) -> int:
    index = number if inclusive else number + 1
    # A hub that was deleted and made again is shorter than a reader's memory: waiting would hide the loss.
    if index > log.next:
        raise AmqpError(
            ARGUMENT_ERROR,
            f"The supplied sequence number '{number}' is invalid. "
            f"The last sequence number in the system is '{log.last_sequence_number}'",
        )
    return max(log.first, index)
