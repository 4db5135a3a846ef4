"""HTTP and MQTT in front of the hub, for devices that speak no AMQP.

A gateway keeps nothing: it answers 202, or sends PUBACK, after the hub has accepted the event, and not before. Killed
at any instant it loses nothing that it had answered for; what it had not, the sender sends again, and Silver counts
what came twice as a duplicate. Bodies are not read: what the hub accepted is Bronze's, legible or not.

The way of an event: `http_app` or `mqtt_bridge` → `framing` or `mqtt_message` (an `event.Event`) → `acceptance` →
`lanes` (batches per partition) → `hub`.
"""
