"""The analytic engine: the steady state of a network from queueing theory, in milliseconds, without a simulation."""

from twin.engines.closed_form.figures import (
    ClosedForm,
    LinkFigures,
    Overload,
    PathFigures,
    StageFigures,
    StationFigures,
    StepFigures,
)
from twin.engines.closed_form.solve import solve_network

__all__ = [
    "ClosedForm",
    "LinkFigures",
    "Overload",
    "PathFigures",
    "StageFigures",
    "StationFigures",
    "StepFigures",
    "solve_network",
]
