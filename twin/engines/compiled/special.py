"""SciPy's special functions inside the kernel: called by address, since machine code on disk may not hold addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import get_cython_function_address, intrinsic

from twin.engines.compiled.world import CLOCK, World

REAL = ir.DoubleType()
WORD = ir.IntType(64)
FLAG = ir.IntType(32)
"""The last argument of a function that Cython exports; 0 says that nobody has replaced it."""

EXPORTED = {"ndtri": 1, "gammaincinv": 2}
"""Functions of ``scipy.special.cython_special`` that the kernel calls, with the number of their arguments."""


def addresses() -> dict[str, int]:
    """Return where the functions lie in this process, by the fields of the clock."""
    return {f"{name}_function": get_cython_function_address("scipy.special.cython_special", name) for name in EXPORTED}


def _call(name: str, world: Any, builder: Any, arguments: list[Any]) -> Any:
    """Generate the call of a function whose address stands in the clock."""
    fields: Any = CLOCK.fields
    kind = ir.FunctionType(REAL, [REAL] * EXPORTED[name] + [FLAG])
    place = builder.add(world, WORD(fields[f"{name}_function"][1]))
    function = builder.load(builder.inttoptr(place, kind.as_pointer().as_pointer()))
    return builder.call(function, [*arguments, FLAG(0)])


def _ndtri(_context: Any, _world: Any, _probability: Any) -> tuple[Any, Any]:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _call("ndtri", arguments[0], builder, list(arguments[1:]))

    return types.float64(types.int64, types.float64), generate


def _gammaincinv(_context: Any, _world: Any, _shape: Any, _probability: Any) -> tuple[Any, Any]:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _call("gammaincinv", arguments[0], builder, list(arguments[1:]))

    return types.float64(types.int64, types.float64, types.float64), generate


normal_quantile = cast(Callable[[World, float], float], intrinsic(_ndtri))
"""The quantile of the standard normal law."""

gamma_quantile = cast(Callable[[World, float, float], float], intrinsic(_gammaincinv))
"""The quantile of the gamma law with a shape and scale 1."""
