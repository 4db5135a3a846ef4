"""Silver to Gold measured, beside the same aggregates as people write them."""
