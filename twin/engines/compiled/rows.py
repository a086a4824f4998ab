"""Access to the rows of all tables from compiled code: ``tokens(world, 3).service``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from twin.engines.compiled.world import CLOCK, TABLES, Row, World

WORD = ir.IntType(64)
BYTES = ir.IntType(8).as_pointer()

Access = Callable[[World, int], Row]


def _rows(name: str) -> Access:
    """Return what gives the kernel row *index* of table *name*."""
    record = from_dtype(TABLES[name])
    size = TABLES[name].itemsize
    fields: Any = CLOCK.fields
    offset = fields[f"{name}_address"][1]

    def access(_context: Any, _world: Any, _index: Any) -> tuple[Any, Any]:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            world, index = arguments
            field = builder.inttoptr(builder.add(world, WORD(offset)), BYTES.as_pointer())
            first = builder.load(field)
            # Tables move between two calls of the kernel only; so an address read once may be kept.
            first.set_metadata("invariant.load", builder.module.add_metadata([]))
            row = builder.gep(first, [builder.mul(index, WORD(size))])
            return builder.bitcast(row, context.get_value_type(record))

        return record(types.int64, types.int64), generate

    return cast(Access, intrinsic(access))


def _clock(_context: Any, _world: Any) -> tuple[Any, Any]:
    record = from_dtype(CLOCK)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(record))

    return record(types.int64), generate


clock_of = cast(Callable[[World], Row], intrinsic(_clock))
"""What gives the kernel the clock."""


def _bits(_context: Any, _value: Any) -> tuple[Any, Any]:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], WORD)

    return types.int64(types.float64), generate


def _from_bits(_context: Any, _bits: Any) -> tuple[Any, Any]:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


bits_of = cast(Callable[[float], int], intrinsic(_bits))
"""The 64 bits of a number, as a whole number."""

from_bits = cast(Callable[[int], float], intrinsic(_from_bits))
"""The number with these 64 bits."""

agenda = _rows("agenda")
noted = _rows("noted")
tokens = _rows("tokens")
places = _rows("places")
steps = _rows("steps")
stages = _rows("stages")
sends = _rows("sends")
hops = _rows("hops")
laws = _rows("laws")
ring = _rows("ring")
samples = _rows("samples")
entered = _rows("entered")
final = _rows("final")
joins = _rows("joins")
ancestors = _rows("ancestors")
stations = _rows("stations")
nodes = _rows("nodes")
shares = _rows("shares")
instances = _rows("instances")
links = _rows("links")
timeline = _rows("timeline")
extras = _rows("extras")
sources = _rows("sources")
times = _rows("times")
rules = _rows("rules")
outages = _rows("outages")
slots = _rows("slots")
spots = _rows("spots")
visited = _rows("visited")
arrivals = _rows("arrivals")
ends = _rows("ends")
entries = _rows("entries")
lost = _rows("lost")
visits = _rows("visits")
executions = _rows("executions")
passages = _rows("passages")
billed = _rows("billed")
invocations = _rows("invocations")
