"""Event Hubs on a laptop: an AMQP 1.0 endpoint that serves the unmodified SDKs of Microsoft.

Start it with `python -m local_azure.event_hubs`, or run `server.EventHubsServer` inside a test. Events are kept
in an append-only log per partition and survive restarts; `remote.Remote` makes a running endpoint fail on demand. It
is a development part: loopback only, one process, no replication, no capture. It knows nothing of the product.
"""
