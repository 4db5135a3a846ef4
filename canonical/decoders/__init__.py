"""One module a format: bytes to cells, as column work."""
