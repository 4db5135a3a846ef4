"""Any payload to canonical readings: mapping specs, decoders, units.

Belongs here: pure functions of event, envelope and digest. No clock, no network, no tables of the lake.
Does not: where events come from (`ingest_workers`), what becomes of readings (`assets.silver`).
"""
