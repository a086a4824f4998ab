"""The one place where numba is asked to compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

# No reference counting: the kernel allocates nothing, and all its arrays outlive it. No fast mathematics: the digits
# must be those of the reference.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}


def compiled(function: Function) -> Function:
    """Compile *function* as a part of the kernel; it lives in the machine code of whoever calls it."""
    part: Function = njit(**OPTIONS)(function)
    return part


def inlined(function: Function) -> Function:
    """Compile *function* into its callers: what every event passes through."""
    part: Function = njit(**OPTIONS, forceinline=True)(function)
    return part


def cached(function: Function) -> Any:
    """Compile *function* as a whole and keep its machine code on disk."""
    return njit(**OPTIONS, cache=True)(function)
