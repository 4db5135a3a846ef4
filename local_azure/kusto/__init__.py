"""A Kusto endpoint for laptops and tests: the unmodified Azure SDKs talk to it over HTTP.

Belongs here: the wire protocol, the management commands and the queued ingestion the lakehouse uses, on DuckDB.
Does not: anything of the product. Nothing here imports it and it never imports this.
"""
