"""The ways to run a component: whole, cut, with early exits, or by an alternative – each of them again whole or cut.

Names are those of AI-SPRINT: ``base`` for a whole one, ``partition<k>`` for the k-th cut, whose segments in a
deployment are called ``<component>_partition<k>_<s>``. A cut has two segments, as Studio makes them, or as many as
candidate_deployments.yaml has entries for: ``X_partition<k>_<s>``, or ``X_partitionX_<s>`` for all k. A model with n
early exits has one cut, ``partition1``, of n + 1 segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from design.designs.inputs import Inputs, missing_candidates
from twin.errors import Problem
from twin.formats.aisprint.names import BASE, template_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run a component."""

    component: str

    model: str
    """The component or the alternative in its place."""

    design: str
    """``base`` or ``partition<k>``."""

    parts: tuple[str, ...]
    """What runs, in order, under the names of the files."""

    goes_on: tuple[float, ...] = ()
    """Probability that a request goes on after each part but the last; empty without early exits."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders under aisprint/designs/<model> of the parts."""
        return (BASE,) if self.design == BASE else tuple(f"{self.design}_{s}" for s in range(1, len(self.parts) + 1))


def ways_of(inputs: Inputs, component: str) -> tuple[list[Way], list[Problem]]:
    """Return the ways to run *component*, its base first, and the parts that no candidates are given for."""
    found = [way for model in inputs.models[component] for way in _of_model(inputs, component, model)]
    known = {part for way in found for part in way.parts if layers_of(inputs, part)}
    lacking = {_asked(part): None for way in found for part in way.parts if part not in known}
    return found, [missing_candidates(part) for part in lacking]


def layers_of(inputs: Inputs, part: str) -> tuple[int, ...]:
    """Return the layers on which *part* may run, the preferred one first: its own, or those of its template."""
    return inputs.layers.get(part) or inputs.layers.get(template_of(part) or part, ())


def _asked(part: str) -> str:
    """Return the name under which an entry is asked for."""
    return template_of(part) or part


def _of_model(inputs: Inputs, component: str, model: str) -> list[Way]:
    code = inputs.codes[model]
    ways = [Way(component=component, model=model, design=BASE, parts=(model,))]
    goes_on = code.value("early_exits_model", "transition_probabilities")
    if isinstance(goes_on, list | tuple):
        parts = tuple(f"{model}_partition1_{s}" for s in range(1, len(goes_on) + 2))
        probabilities = tuple(float(one) for one in goes_on)
        ways.append(Way(component=component, model=model, design="partition1", parts=parts, goes_on=probabilities))
    if code.has("partitionable_model"):
        wanted = code.value("partitionable_model", "num_partitions", 1)
        assert isinstance(wanted, int)
        ways += [_cut(inputs, component, model, k) for k in range(1, wanted + 1)]
    return ways


def _cut(inputs: Inputs, component: str, model: str, k: int) -> Way:
    names = (f"{model}_partition{k}_{s}" for s in count(1))
    parts: list[str] = []
    for name in names:
        if len(parts) >= 2 and not layers_of(inputs, name):
            break
        parts.append(name)
    return Way(component=component, model=model, design=f"partition{k}", parts=tuple(parts))
