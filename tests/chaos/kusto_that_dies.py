"""The Kusto endpoint, armed with the first of the points that has not killed it yet: POINTS and its own options.

Started again by the supervisor after each death, it so dies once at every point, while its clients are at work.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from local_azure.kusto.__main__ import main
from local_azure.kusto.failpoint import VARIABLE

if __name__ == "__main__":
    points = sys.argv.pop(1).split(",")
    data = Path(sys.argv[sys.argv.index("--data") + 1])
    os.environ[VARIABLE] = next((point for point in points if not (data / f"killed-at-{point}").exists()), "")
    raise SystemExit(main())
