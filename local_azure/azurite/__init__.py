"""Azurite, Microsoft's storage emulator, as an endpoint beside the others: a lake over `abfss://` on a laptop.

Belongs here: which packages it is made of, installing them, and how it is started.
Does not: the emulator itself, which comes from npm, or anything of the product.
"""
