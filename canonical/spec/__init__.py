"""The words of mapping specs, one module a part of the file.

Belongs here: the shape of a spec, as Pydantic models.
Does not: whether what it names exists (`canonical.spec_checks`), or how it runs (`canonical.compilation`).
"""
