"""Stop 0 of the data path: devices that do not exist, and files that play devices.

Belongs here: making telemetry and sending it to Event Hubs as a device would, with a manifest of what should come
of it.
Does not: reading events, or knowing what the pipeline does with them beyond the promise in the manifest.
"""
