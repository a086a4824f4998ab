"""Heuristics for systems that are too large for a proof; they share one neighbourhood and one way of stopping."""
