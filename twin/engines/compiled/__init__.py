"""The compiled engine: the events of the reference engine, in machine code."""

from twin.engines.compiled.coverage import not_covered
from twin.engines.compiled.simulation import simulate_compiled, warm_up
from twin.engines.compiled.warm import is_warm

__all__ = ["is_warm", "not_covered", "simulate_compiled", "warm_up"]
