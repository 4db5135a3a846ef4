"""KQL read by Microsoft's own language service, without a cluster.

Belongs here: installing the service (`packages`), asking it (`service`), and the rules it does not know (`rules`).
Does not: which texts there are and against which tables they are read (`assets.gold.adx.check`).
"""
