"""Schema drift: what payloads hold that their mapping does not say, or no longer hold although it does."""
