"""Drift of data: detectors, how often they may be wrong, the loop from an alarm to a retrained model."""
