"""Gold to the warm tier and the analysts' questions measured; run by `python -m benchmarks.gold`."""
