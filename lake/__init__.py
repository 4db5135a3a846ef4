"""Delta tables: where they lie, and commits that happen once."""

from lake.arrow_memory import choose_memory_pool

choose_memory_pool()
