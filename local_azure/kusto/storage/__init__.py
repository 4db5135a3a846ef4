"""The blob container and the queues that queued ingestion needs, in the subset the storage SDKs send."""
