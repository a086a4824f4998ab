"""Sweeps: one scenario at every point of a grid, kept as it goes, so that nothing is ever done twice."""
