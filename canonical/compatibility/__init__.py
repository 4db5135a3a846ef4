"""Versions of schemas, mapping specs and tables: what changed, in words, and whether readers of the other one break."""
