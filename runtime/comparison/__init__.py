"""Policies compared on the same days: each replication has the same arrivals and work whoever decides."""
