"""Give each part of a cut model what the part before it really returns, instead of numbers that are made up.

The parts of a model are known by their names, ``X_partition<k>_<s>``: part s reads what the parts before it returned,
and the inputs of the whole, by the names of the tensors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from design.example_inputs import Inputs
from design.onnx_models import OnnxModel
from design.onnx_sessions import open_session, run_once

_Chain = tuple[str, str, str]
"""Model, number of its cut, and what the name ends with; a whole model is a chain of its own."""

_PART = re.compile(r"(.+)_partition(\d+)_(\d+)(.*)")


def chained_inputs(models: Mapping[str, OnnxModel], made_up: Callable[[OnnxModel], Inputs]) -> dict[str, Inputs]:
    """Return the inputs of *models*, by the names of their segments: handed on where a part before it is among them.

    *made_up* gives the inputs of a model; it is asked for what nothing before returns. Raises ProfileError if a model
    cannot be run.
    """
    found: dict[str, Inputs] = {}
    tensors: dict[_Chain, Inputs] = {}
    for name in sorted(models, key=lambda each: _place(each)[1]):
        chain, place = _place(name)
        model, known = models[name], tensors.setdefault(chain, {})
        found[name] = _inputs(model, known, made_up)
        if _has_next(chain, place, models):
            outputs = run_once(model, open_session(model), found[name])
            known |= found[name] | dict(zip((tensor.name for tensor in model.outputs), outputs, strict=True))
    return {name: found[name] for name in models}


def _inputs(model: OnnxModel, known: Inputs, made_up: Callable[[OnnxModel], Inputs]) -> Inputs:
    names = [tensor.name for tensor in model.inputs]
    others = {} if known.keys() >= set(names) else made_up(model)
    return {name: known[name] if name in known else others[name] for name in names}


def _place(name: str) -> tuple[_Chain, int]:
    """Return the chain a segment belongs to and its place there; 0 for a whole model."""
    part = _PART.fullmatch(name)
    return ((name, "", ""), 0) if part is None else ((part[1], part[2], part[4]), int(part[3]))


def _has_next(chain: _Chain, place: int, models: Mapping[str, OnnxModel]) -> bool:
    model, cut, rest = chain
    return place > 0 and f"{model}_partition{cut}_{place + 1}{rest}" in models
