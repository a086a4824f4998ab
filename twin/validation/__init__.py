"""The proof of the twin: networks whose steady state theory knows, simulated beside it."""

from twin.validation.case import Case, Row, validate
from twin.validation.estimates import ESTIMATES
from twin.validation.networks import NETWORK_CASES
from twin.validation.stations import STATION_CASES
from twin.validation.worlds import WORLD_CASES

CASES: tuple[Case, ...] = (*STATION_CASES, *NETWORK_CASES, *WORLD_CASES)
"""Figures that theory knows exactly."""

__all__ = ["CASES", "ESTIMATES", "Case", "Row", "validate"]
