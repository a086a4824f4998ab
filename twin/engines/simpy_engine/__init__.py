"""The reference engine: SimPy's event core, driven by callbacks instead of one process per request."""

from twin.engines.simpy_engine.simulation import simulate_network

__all__ = ["simulate_network"]
