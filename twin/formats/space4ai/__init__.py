"""SPACE4AI's files: system descriptions and solutions of SPACE4AI-D and SPACE4AI-R, read and written.

The dialects are explained in :mod:`twin.formats.space4ai.system`.
"""

from __future__ import annotations

from twin.formats.space4ai.continuum import Dialect
from twin.formats.space4ai.export import dump_system, save_system
from twin.formats.space4ai.losses import system_losses
from twin.formats.space4ai.solution import SolutionFigures, load_solution, solution_figures
from twin.formats.space4ai.solution_export import Tool, dump_solution, save_solution
from twin.formats.space4ai.system import SystemFile, load_system, read_system

__all__ = [
    "Dialect",
    "SolutionFigures",
    "SystemFile",
    "Tool",
    "dump_solution",
    "dump_system",
    "load_solution",
    "load_system",
    "read_system",
    "save_solution",
    "save_system",
    "solution_figures",
    "system_losses",
]
