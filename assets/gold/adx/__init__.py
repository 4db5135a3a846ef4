"""Azure Data Explorer's database as code: what it holds, how a cluster differs from that, and what is wrong offline.

Belongs here: `files` and `policies` (its parts), `wanted` (all of it), `found` (what a cluster holds), `plan` and
`apply` (the difference), `check` (without a cluster).
Does not: rows and loads (`assets.gold.load`).
"""
