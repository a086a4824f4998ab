"""Prove a split: the chain must give what the whole model gives, and every part must be valid ONNX.

Two comparisons are made. Without the optimiser the chain does the same operations in the same order as the model, so
the results must agree almost to the last digit: this proves the cut. At full optimisation, as they will run, a cut may
part what would have been fused and rounded once; there the results may differ by 1e-4 of the largest value of an
output (1e-2 for 16-bit floats), or by twice what the optimiser itself changes in the whole model, if that is more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
import onnxruntime

from design.example_inputs import Inputs, example_inputs
from design.onnx_sessions import has_only_numbers, open_bytes, run_once
from design.partition.graph import ModelGraph
from design.partition.segments import Segment, Split, split
from design.partition.varied import GAINS, with_random_weights
from twin.errors import ProfileError

TRIALS = 2
"""Inputs a split is tried with: the example, and others of the same shapes."""

EXACT = 1e-6
"""Largest difference without the optimiser, in parts of an output's largest value; 1e-3 for 16-bit floats."""

FUSED = 1e-4
"""Largest difference at full optimisation, in parts of an output's largest value; 1e-2 for 16-bit floats."""

_HALF = {"float16": (1e-3, 1e-2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How far the outputs of a chain are from those of the whole model."""

    holds: bool

    difference: float
    """Largest difference of an output, as they will run, in parts of that output's largest value."""

    exact_difference: float
    """The same with the optimiser switched off everywhere."""

    optimiser_difference: float
    """What the optimiser alone changes in the whole model."""

    sensitive: bool
    """Whether other inputs change the outputs by more than the tolerance; if not, equal outputs say little."""

    reason: str = ""
    """Why it does not hold."""


def prove(parts: Split) -> Proof:
    """Run the chain and the whole model on the same inputs and compare; check every segment.

    A model whose outputs do not depend on its inputs, because its weights are made up, is cut and compared once more
    with random weights; the figures are then those of that comparison. Raises ProfileError if the whole model does
    not run, or returns what is no number, so that nothing can be proved.
    """
    proof = _compared(parts)
    telling = _telling(parts.graph)
    if not proof.holds or telling is parts.graph:
        return proof
    return _compared(split(telling, parts.cuts))


@lru_cache(maxsize=2)
def _telling(graph: ModelGraph) -> ModelGraph:
    """Return *graph*, or a copy with random weights, such that its outputs depend on its inputs; *graph* if none is."""
    if _whole(graph).sensitive:
        return graph
    for gain in GAINS:
        varied = with_random_weights(graph, gain)
        if varied is not None and _whole(varied).sensitive:
            return varied
    return graph


def _compared(parts: Split) -> Proof:
    whole = _whole(parts.graph)
    try:
        for segment in parts.segments:
            _check(segment)
        plain = run_chain(parts, whole.inputs, optimised=False)
        fused = run_chain(parts, whole.inputs, optimised=True)
    except (ProfileError, onnx.checker.ValidationError) as error:
        return _failed(whole, str(error))
    exact, close = _tolerances(whole)
    proof = Proof(
        holds=True,
        difference=_difference(fused, whole.fused),
        exact_difference=_difference(plain, whole.plain),
        optimiser_difference=whole.optimiser_difference,
        sensitive=whole.sensitive,
    )
    if proof.exact_difference > exact or proof.difference > close:
        return _failed(whole, f"outputs differ by {max(proof.difference, proof.exact_difference):.2g} of their size")
    return proof


def run_chain(parts: Split, inputs: Sequence[Inputs], *, optimised: bool = True) -> list[list[Any]]:
    """Return the outputs of the chain for each of *inputs*; one segment after the other is loaded."""
    return [[known[name] for name in parts.graph.outputs] for known in _filled(parts, inputs, optimised=optimised)]


def chain_inputs(parts: Split, inputs: Inputs) -> list[Inputs]:
    """Return what each segment of the chain reads when the whole model reads *inputs*."""
    (known,) = _filled(parts, [inputs], optimised=True)
    return [{name: known[name] for name in segment.inputs} for segment in parts.segments]


def _filled(parts: Split, inputs: Sequence[Inputs], *, optimised: bool) -> list[dict[str, Any]]:
    """Return, for each of *inputs*, everything that entered or left a segment, by its name."""
    places: list[dict[str, Any]] = [dict(each) for each in inputs]
    for segment in parts.segments:
        session = open_bytes(segment.proto.SerializeToString(), parts.graph.model.reference, optimised=optimised)
        for known in places:
            given = {name: known[name] for name in segment.inputs}
            known |= dict(zip(segment.outputs, _run(parts.graph, session, given, segment.outputs), strict=True))
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """What the whole model makes of the trial inputs."""

    inputs: list[Inputs]
    fused: list[list[Any]]
    plain: list[list[Any]]
    optimiser_difference: float
    sensitive: bool


@lru_cache(maxsize=4)
def _whole(graph: ModelGraph) -> _Whole:
    inputs = [graph.example, *(_other_inputs(graph, seed) for seed in range(1, TRIALS))]
    content = graph.proto.SerializeToString()
    found = []
    for optimised in (True, False):
        session = open_bytes(content, graph.model.reference, optimised=optimised)
        found.append([run_once(graph.model, session, each) for each in inputs])
    fused, plain = found
    if not has_only_numbers(fused):
        raise ProfileError(
            f"model {graph.model.reference!r} returns values that are no finite numbers (NaN or infinity), "
            "so no cut of it can be proved; give inputs it can digest with --inputs FILE.npz"
        )
    return _Whole(
        inputs=inputs,
        fused=fused,
        plain=plain,
        optimiser_difference=_difference(fused, plain),
        sensitive=_difference(fused[:1], fused[1:2]) > FUSED,
    )


def _other_inputs(graph: ModelGraph, seed: int) -> Inputs:
    """Return random inputs of the same shapes, or given ones with their values shuffled, so that they stay valid."""
    if graph.made_up:
        return example_inputs(graph.model, seed=seed, shapes={name: each.shape for name, each in graph.example.items()})
    rng = np.random.default_rng(seed)
    return {name: rng.permutation(each.ravel()).reshape(each.shape) for name, each in graph.example.items()}


def _run(graph: ModelGraph, session: onnxruntime.InferenceSession, given: Inputs, names: Sequence[str]) -> list[Any]:
    made = (output.name for output in session.get_outputs())
    values = dict(zip(made, run_once(graph.model, session, given), strict=True))
    return [values[name] for name in names]


def _check(segment: Segment) -> None:
    """Raise ValidationError if a segment is no valid ONNX; operators of other makers are not looked into."""
    onnx.checker.check_model(segment.proto.SerializeToString())


def _failed(whole: _Whole, reason: str) -> Proof:
    return Proof(
        holds=False,
        difference=np.inf,
        exact_difference=np.inf,
        optimiser_difference=whole.optimiser_difference,
        sensitive=whole.sensitive,
        reason=" ".join(reason.split()),
    )


def _tolerances(whole: _Whole) -> tuple[float, float]:
    """Return the largest differences allowed without and with the optimiser."""
    half = any(np.asarray(output).dtype == np.float16 for output in whole.fused[0])
    exact, close = _HALF["float16"] if half else (EXACT, FUSED)
    return exact, max(close, 2 * whole.optimiser_difference)


def _difference(some: list[list[Any]], others: list[list[Any]]) -> float:
    """Return the largest difference between outputs, in parts of the output's largest value; inf if shapes differ."""
    pairs = zip((each for trial in some for each in trial), (each for trial in others for each in trial), strict=True)
    return max((_distance(one, other) for one, other in pairs), default=0.0)


def _distance(one: Any, other: Any) -> float:
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return 0.0 if repr(one) == repr(other) else np.inf
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.inf
    if one.dtype.kind != "f" or not one.size:
        return 0.0 if np.array_equal(one, other) else np.inf
    gap = float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())
    return gap / max(float(np.abs(other).max()), 1e-30) if gap else 0.0
