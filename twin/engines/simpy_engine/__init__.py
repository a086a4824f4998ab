"""The reference engine: SimPy's event core, driven by callbacks instead of one process per request."""

from twin.engines.simpy_engine.simulation import Billing, simulate_network

__all__ = ["Billing", "simulate_network"]
