"""The stream every contender reads: the same events, made from a seed.

Belongs here: bodies of a wanted size. Does not: how they get into a broker (`fill`).
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator

DEVICES = 500
CONTENT_TYPE, SCHEMA = "application/json", "bench.v1"
_LETTERS = string.ascii_letters + string.digits


def bodies(count: int, size: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """`count` device ids with JSON bodies of exactly `size` bytes; the filling is random text, not padding."""
    source = random.Random(seed)
    for number in range(count):
        device = f"dev-{source.randrange(DEVICES):05d}"
        reading = {
            "device": device,
            "n": number,
            "t": 1_700_000_000_000 + number,
            "temperature": round(source.gauss(21, 3), 3),
            "humidity": round(source.uniform(20, 80), 2),
            "co2": source.randrange(400, 2000),
            "status": source.choice(("ok", "ok", "ok", "warming", "low battery")),
        }
        text = json.dumps(reading | {"note": ""}, separators=(",", ":"))
        note = "".join(source.choices(_LETTERS, k=size - len(text)))
        yield device, (text[:-2] + note + '"}').encode()
