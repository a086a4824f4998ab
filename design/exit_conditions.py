"""When an answer leaves early, and how often that happens: counted on samples, with conditions that are built in.

The function in the user's code that decides in production (``condition_function``) is not run here; a calibration
never executes code it finds in an application.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from design.example_inputs import Inputs
from design.onnx_sessions import open_session, run_once
from design.partition.exits import Exit
from design.partition.graph import ModelGraph
from twin.errors import ProfileError, did_you_mean
from twin.formats.profile_schema import ExitFigures

Measure = Literal["confidence", "entropy"]

LABELS = "labels"
"""Array of right answers among the samples: whole numbers, the places of the right classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCondition:
    """An answer leaves if its largest probability is high, or the entropy of its probabilities (in nats) is low."""

    measure: Measure

    threshold: float

    def leaves(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows of *probabilities*, answers by classes, leave."""
        if self.measure == "confidence":
            return np.asarray(probabilities.max(axis=1) >= self.threshold)
        safe = np.maximum(probabilities, 1e-300)
        return np.asarray(-(probabilities * np.log(safe)).sum(axis=1) <= self.threshold)

    def __str__(self) -> str:
        return f"{self.measure} {'>=' if self.measure == 'confidence' else '<='} {self.threshold:g}"


def parse_condition(text: str) -> ExitCondition:
    """Return the condition that ``confidence=0.9`` or ``entropy=0.3`` says; ProfileError for anything else."""
    name, _, number = text.partition("=")
    if name not in get_args(Measure):
        raise ProfileError(f"{name!r} is no condition to leave{did_you_mean(name, get_args(Measure))}")
    try:
        threshold = float(number)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold < np.inf or (name == "confidence" and threshold > 1):
        raise ProfileError(f"cannot read {text!r}; write confidence=0.9 (0 to 1) or entropy=0.3 (nats, from 0)")
    return ExitCondition(measure=cast("Measure", name), threshold=threshold)


def count_exits(
    name: str, graph: ModelGraph, exits: Sequence[Exit], samples: Inputs, condition: ExitCondition
) -> ExitFigures:
    """Run the model on each of *samples* and count where it leaves; with labels, how often it is right there.

    The arrays hold one sample per index of their first axis. Raises ProfileError if they do not fit the model.
    """
    count = _count(graph, samples)
    places = [*(each.outputs[0] for each in exits), _last(graph, exits)]
    answers = _answers(graph, samples, count, places)
    going, left_at = np.ones(count, dtype=bool), np.full(count, len(exits))
    goes_on = []
    for place in range(len(exits)):
        leaving = going & condition.leaves(answers[place])
        goes_on.append(1 - leaving.sum() / going.sum() if going.any() else 0.0)
        left_at[leaving] = place
        going &= ~leaving
    return ExitFigures(
        model=name,
        exits=tuple(places[:-1]),
        condition=str(condition),
        continue_probabilities=tuple(round(float(share), 6) for share in goes_on),
        samples=count,
        **_rightness(answers, left_at, samples.get(LABELS)),
    )


def _count(graph: ModelGraph, samples: Inputs) -> int:
    missing = [name for name in graph.inputs if name not in samples]
    if missing:
        raise ProfileError(f"the samples have no array {missing[0]!r}{did_you_mean(missing[0], samples)}")
    counts = {len(samples[name]) for name in (*graph.inputs, *({LABELS} & samples.keys())) if samples[name].ndim}
    if len(counts) != 1 or 0 in counts:
        raise ProfileError("the arrays of the samples must have the same number of samples along their first axis")
    return counts.pop()


def _last(graph: ModelGraph, exits: Sequence[Exit]) -> str:
    early = {name for each in exits for name in each.outputs}
    return next(name for name in graph.outputs if name not in early)


def _answers(graph: ModelGraph, samples: Inputs, count: int, places: Sequence[str]) -> list[NDArray[np.float64]]:
    """Return probabilities by place, each of samples by classes."""
    session = open_session(graph.model)
    names = [output.name for output in session.get_outputs()]
    rows = []
    for index in range(count):
        given = {name: samples[name][index : index + 1] for name in graph.inputs}
        values = dict(zip(names, run_once(graph.model, session, given), strict=True))
        rows.append([probabilities(values[place], place) for place in places])
    return [np.stack([row[place] for row in rows]) for place in range(len(places))]


def probabilities(values: Any, place: str) -> NDArray[np.float64]:
    """Return the probabilities of one answer; what is none yet (logits) goes through the softmax function."""
    row = np.asarray(values, dtype=np.float64).ravel()
    if row.size < 2 or not np.isfinite(row).all():
        raise ProfileError(f"output {place!r} is no answer: it needs finite numbers for two classes or more")
    if row.min() >= 0 and abs(row.sum() - 1) < 1e-3:
        return np.asarray(row / row.sum())
    grown = np.exp(row - row.max())
    return np.asarray(grown / grown.sum())


def _rightness(answers: list[NDArray[np.float64]], left_at: NDArray[np.int64], labels: Any) -> dict[str, Any]:
    if labels is None:
        return {}
    said = np.array([answers[place][index].argmax() for index, place in enumerate(left_at)])
    right = said == np.asarray(labels).ravel()
    by_place = (right[left_at == place] for place in range(len(answers)))
    return {
        "accuracies": tuple(round(float(each.mean()), 6) if each.size else 0.0 for each in by_place),
        "accuracy": round(float(right.mean()), 6),
    }
