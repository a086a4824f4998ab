"""Engines run a network: closed forms, SimPy, machine code."""
