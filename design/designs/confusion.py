"""Confusion matrices of components, and what follows from them for a chain of filters and a classifier.

A filter holds one class back and lets the others pass; the classifier at the end names the class of what it gets.
The stages are taken to err independently of each other, given the true class.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.errors import DesignError
from twin.formats.text_file import read_text, require_file

MATRIX = "confusion_matrix.npy"
CLASSES = "class_names_dictionary.csv"
MAX_BYTES = 50_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """How often each class is taken for which."""

    classes: tuple[str, ...]

    shares: Floats
    """Share of all samples, [true class, predicted class]; they sum to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainQuality:
    """How good the answers of a whole chain are."""

    confusion: Confusion
    """Of the chain as one: a sample that a filter holds back is answered with the filter's class."""

    passing: tuple[float, ...]
    """For each filter, the share it lets pass of what reaches it."""

    def value(self, metric: str) -> float:
        """Return ``average_f1``, ``average_precision``, ``average_recall`` (means over classes) or accuracy."""
        shares = self.confusion.shares
        hits, asked, answered = np.diag(shares), shares.sum(axis=1), shares.sum(axis=0)
        if metric == "average_accuracy":
            return float(hits.sum() / shares.sum())
        by_class = {
            "average_precision": _ratio(hits, answered),
            "average_recall": _ratio(hits, asked),
            "average_f1": _ratio(2 * hits, asked + answered),
        }[metric]
        return float(by_class[(asked + answered) > 0].mean())


def read_confusion(folder: Path, shown: str) -> Confusion:
    """Read both files of a folder ``classification_performance``, which messages call *shown*.

    The matrix may hold counts or shares. Raises DesignError with what is wrong.
    """
    classes = _read_classes(folder / CLASSES, f"{shown}/{CLASSES}")
    path, name = folder / MATRIX, f"{shown}/{MATRIX}"
    try:
        require_file(path, max_bytes=MAX_BYTES, error=DesignError)
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as bad:
        raise DesignError(f"{name}: is no array saved by numpy: {bad}") from None
    if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "iuf" or matrix.shape != (len(classes),) * 2:
        raise DesignError(f"{name}: expected numbers, {len(classes)} × {len(classes)} as {CLASSES} has classes")
    values = matrix.astype(np.float64)
    if not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        raise DesignError(f"{name}: expected counts or shares: finite, not negative, not all zero")
    return Confusion(classes=classes, shares=values / values.sum())


def _read_classes(path: Path, name: str) -> tuple[str, ...]:
    """Return the classes in the order of their indices."""
    try:
        rows = list(csv.DictReader(read_text(path, error=DesignError).splitlines()))
        indexed = {int(row["index"]): row["class"].strip() for row in rows}
    except (KeyError, TypeError, ValueError, AttributeError, csv.Error):
        raise DesignError(f"{name}: expected the header class,index and a whole number as each index") from None
    complete = sorted(indexed) == list(range(len(rows))) and len(set(indexed.values())) == len(rows) > 1
    if not complete:
        raise DesignError(f"{name}: expected at least two classes with indices from 0 on, each once")
    return tuple(indexed[i] for i in range(len(rows)))


def chain_quality(filters: Sequence[tuple[Confusion, str]], classifier: Confusion) -> ChainQuality:
    """Return the quality of *filters* (each with the class it holds back) and the classifier behind them.

    A filter's shares are of the samples it was measured with: for the first one of all samples, for a later one of
    those that are of no class held back before. With TN and FP of the held-back class and FN and TP of the others, the
    first filter lets TP + FP pass. A sample of a class that the classifier does not know is answered as its answers are
    distributed. ValueError if the classifier knows only classes that are held back before it.
    """
    held = tuple(dict.fromkeys(name for _, name in filters))
    classes = (*held, *(name for name in classifier.classes if name not in held))
    masses = _masses(filters, held, classifier)
    matrix = np.zeros((len(classes), len(classes)))
    reached = masses.copy()
    passing: list[float] = []
    for confusion, name in filters:
        pass_held, pass_others = _passing(confusion, name)
        share = np.where(np.array(classes) == name, pass_held, pass_others)
        matrix[:, classes.index(name)] += reached * (1 - share)
        passing.append(float((reached * share).sum() / reached.sum()) if reached.sum() else 0.0)
        reached = reached * share
    for i, name in enumerate(classes):
        matrix[i] += reached[i] * _answers(classifier, name, classes)
    return ChainQuality(confusion=Confusion(classes=classes, shares=matrix), passing=tuple(passing))


def _masses(filters: Sequence[tuple[Confusion, str]], held: tuple[str, ...], classifier: Confusion) -> Floats:
    """Return the share of samples of each class: those held back by the filters, then the classifier's own."""
    rest, found = 1.0, dict.fromkeys(held, 0.0)
    for confusion, name in filters:
        if not found[name]:
            share = float(confusion.shares[confusion.classes.index(name)].sum())
            found[name] = rest * share
            rest *= max(0.0, 1 - share)
    rows = {name: float(row.sum()) for name, row in zip(classifier.classes, classifier.shares, strict=True)}
    own = {name: share for name, share in rows.items() if name not in found}
    total = sum(own.values())
    if total <= 0:
        raise ValueError(f"the classifier has samples of no class but those held back before it: {', '.join(held)}")
    return np.array([*found.values(), *(rest * share / total for share in own.values())])


def _passing(confusion: Confusion, name: str) -> tuple[float, float]:
    """Return the probabilities that a filter lets a sample of its class pass, and one of any other class."""
    is_held = np.array(confusion.classes) == name
    rows = confusion.shares[is_held], confusion.shares[~is_held]
    # Sums of what passes, not one minus what does not: that would round below zero.
    held, others = (float(own[:, ~is_held].sum() / own.sum()) if own.sum() else 0.0 for own in rows)
    return min(held, 1.0), min(others, 1.0)


def _answers(classifier: Confusion, name: str, classes: tuple[str, ...]) -> Floats:
    """Return how the classifier answers samples of one class, in the order of *classes*."""
    row = classifier.shares[classifier.classes.index(name)] if name in classifier.classes else np.zeros(1)
    row = row if row.sum() > 0 else classifier.shares.sum(axis=0)
    answers = np.zeros(len(classes))
    answers[[classes.index(own) for own in classifier.classes]] = row / row.sum()
    return answers


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
