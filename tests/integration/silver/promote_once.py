"""Promote in a process of its own: LAKE CONTENT-FILE BATCH_EVENTS [START-FILE | HOUR...].

With a start file it waits until that exists; with hours it replaces them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from lake.store import Lake
from settings.model import Silver

if __name__ == "__main__":
    root, content, batch_events, *rest = sys.argv[1:]
    canonicaliser = Canonicaliser.from_content(Path(content).read_text(encoding="utf-8"))
    promoter = Promoter(Lake(root), canonicaliser, Silver(batch_events=int(batch_events)))
    if rest and rest[0].startswith("/"):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        until = time.monotonic() + 60
        while not Path(rest[0]).exists() and time.monotonic() < until:
            time.sleep(0.005)
        promoter.promote()
    elif rest:
        promoter.replace(rest)
    else:
        promoter.promote()
