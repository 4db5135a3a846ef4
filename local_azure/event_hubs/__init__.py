"""Event Hubs on a laptop: an AMQP 1.0 endpoint that serves the unmodified `azure-eventhub` SDK.

Start it with `python -m local_azure.event_hubs`, or run `server.EventHubsServer` inside a test. Events are kept
in one append-only log per partition and survive restarts. It is a development part: loopback only, one
process, no replication, no capture. It knows nothing of the product.
"""
