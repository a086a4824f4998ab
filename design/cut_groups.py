"""What to measure when a model is cut: every cut, each head beside its tail, or one chain that is worth it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from design.campaign import CutPlace, Group, Subjects
from design.onnx_models import load_model
from design.onnx_sessions import open_bytes, run_once
from design.partition.chain import BANDWIDTH_MBIT_PER_S, best_chain
from design.partition.cuts import Cut, cut_points, cuts_at, forwarding_that_helps
from design.partition.exits import Exit, split_at_exits
from design.partition.graph import ModelGraph
from design.partition.proof import chain_inputs, prove
from design.partition.segments import Split, segment_name, split, write_segments
from design.partition.wide_cuts import wide_cut_points
from twin.errors import ProfileError

MOST_CUTS = 60
"""Cuts of one model that are measured; of more, as many are taken, spread evenly."""

TOGETHER = 4
"""Cuts whose heads and tails are measured turn by turn."""

_HEAVY_BYTES = 50_000_000
"""A model with more weights than this has its cuts measured one by one, for the sake of memory."""

_TRIED_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CutWish:
    """How a model is to be cut."""

    chain: int | None
    """Number of cuts of one chain; None for every cut on its own."""

    bandwidth_mbit_per_s: float = BANDWIDTH_MBIT_PER_S


def cut_groups(name: str, graph: ModelGraph, wish: CutWish, *, warn: Callable[[str], None]) -> list[Group]:
    """Return the groups that measure the cuts of the model that is segment *name*.

    A group fails with ProfileError, and is told to *warn*, if a cut could not be proved. Raises ProfileError if there
    is no cut at all.
    """
    cuts = cut_points(graph)
    if wish.chain is not None:
        everywhere = _distinct([*cuts, *wide_cut_points(graph)])
        if not everywhere:
            raise _no_cut(graph)
        return [Group(name=f"{name}: chain", make=lambda folder: _chain(name, graph, everywhere, wish, folder))]
    found = cuts or wide_cut_points(graph)
    if not found:
        raise _no_cut(graph)
    if len(found) > MOST_CUTS:
        warn(f"{name}: {MOST_CUTS} of {len(found)} cuts are measured, spread evenly over the model")
        found = tuple(found[place * (len(found) - 1) // (MOST_CUTS - 1)] for place in range(MOST_CUTS))
    return list(_pairs(name, graph, found, warn))


def exit_group(name: str, graph: ModelGraph, exits: Sequence[Exit]) -> Group:
    """Return the group that measures the segments of the model *name* cut at its early exits."""

    def make(folder: Path) -> Subjects:
        cuts = list(cuts_at(graph, [each.passes_on for each in exits]))
        if len(cuts) < len(exits):
            raise ProfileError(f"model {graph.model.reference!r} does nothing before an exit, or nothing after it")
        return _only_proved(graph, proved_subjects(name, split_at_exits(graph, exits), cuts, 1, folder))

    return Group(name=f"{name}: early exits", make=make)


def _only_proved(graph: ModelGraph, found: Subjects) -> Subjects:
    if not found.cuts[0].proved:
        raise ProfileError(f"model {graph.model.reference!r}: the chain of segments does not give the same outputs")
    return found


def _pairs(name: str, graph: ModelGraph, cuts: Sequence[Cut], warn: Callable[[str], None]) -> Iterator[Group]:
    step = 1 if graph.proto.ByteSize() > _HEAVY_BYTES else TOGETHER
    for first in range(0, len(cuts), step):
        numbered = list(enumerate(cuts, start=1))[first : first + step]
        yield Group(
            name=f"{name}: cuts {first + 1} to {first + len(numbered)} of {len(cuts)}",
            make=lambda folder, some=numbered: _both_sides(name, graph, some, folder, warn),  # type: ignore[misc]
            together=False,
        )


def _both_sides(
    name: str, graph: ModelGraph, numbered: Iterable[tuple[int, Cut]], folder: Path, warn: Callable[[str], None]
) -> Subjects:
    """Return head and tail of each cut that is proved."""
    whole = Subjects(models={}, inputs={}, cuts=())
    for number, cut in numbered:
        part = _subjects(name, graph, [cut], number, folder)
        if part.cuts[0].proved:
            whole = _joined(whole, part)
        else:
            warn(f"{name}: the cut at {' + '.join(cut.tensors)} is left out, its segments do not give the same outputs")
    if not whole.cuts:
        raise ProfileError(f"model {graph.model.reference!r}: the chain of segments does not give the same outputs")
    return whole


def _chain(name: str, graph: ModelGraph, cuts: Sequence[Cut], wish: CutWish, folder: Path) -> Subjects:
    seconds, total = tried_seconds(graph, cuts)
    chosen = best_chain(
        cuts,
        seconds,
        total,
        segments=(wish.chain or 1) + 1,
        bandwidth_mbit_per_s=wish.bandwidth_mbit_per_s,
    )
    return _only_proved(graph, _subjects(name, graph, chosen, 1, folder))


def tried_seconds(graph: ModelGraph, cuts: Sequence[Cut]) -> tuple[list[float], float]:
    """Return how long the model takes up to each cut, and as a whole: CPU time of the fastest of a few runs.

    CPU time, because other work on the machine must not decide where to cut. What comes later cannot take less, so a
    head that seems faster than a part of it is as fast as that part.
    """
    heads = [_fastest(graph, split(graph, [cut.tensors]).segments[0].proto.SerializeToString()) for cut in cuts]
    whole = _fastest(graph, graph.proto.SerializeToString())
    grown = [max(heads[other] for other, part in enumerate(cuts) if part.before <= cut.before) for cut in cuts]
    total = max(whole, *grown)
    return grown, total


def _fastest(graph: ModelGraph, content: bytes) -> float:
    session = open_bytes(content, graph.model.reference)
    given = {each.name: graph.example[each.name] for each in session.get_inputs()}
    times = []
    for _ in range(_TRIED_RUNS):
        start = time.process_time()
        run_once(graph.model, session, given)
        times.append(time.process_time() - start)
    return float(np.min(times))


def _subjects(name: str, graph: ModelGraph, cuts: Sequence[Cut], number: int, folder: Path) -> Subjects:
    return proved_subjects(name, split(graph, [cut.tensors for cut in cuts]), cuts, number, folder)


def proved_subjects(name: str, parts: Split, cuts: Sequence[Cut], number: int, folder: Path) -> Subjects:
    """Prove *parts*, and write and return the segments of model *name*; none if the proof fails."""
    proof = prove(parts)
    names = [segment_name(name, number, place) for place in range(1, len(parts.segments) + 1)]
    places = tuple(
        CutPlace(
            model=name,
            tensors=cut.tensors,
            shapes=cut.shapes,
            bytes=cut.bytes,
            head=tuple(names[: place + 1]),
            tail=tuple(names[place + 1 :]),
            proved=proof.holds,
            difference=proof.difference if proof.holds else None,
        )
        for place, cut in enumerate(cuts)
    )
    if not proof.holds:
        return Subjects(models={}, inputs={}, cuts=places)
    paths = write_segments(parts, folder, component=name, number=number)
    inputs = chain_inputs(parts, parts.graph.example)
    return Subjects(
        models={each: load_model(str(path)) for each, path in zip(names, paths, strict=True)},
        inputs=dict(zip(names, inputs, strict=True)),
        cuts=places,
    )


def _joined(some: Subjects, more: Subjects) -> Subjects:
    return Subjects(
        models={**some.models, **more.models}, inputs={**some.inputs, **more.inputs}, cuts=(*some.cuts, *more.cuts)
    )


def _distinct(cuts: Iterable[Cut]) -> list[Cut]:
    return list({frozenset(cut.tensors): cut for cut in cuts}.values())


def _no_cut(graph: ModelGraph) -> ProfileError:
    eased = forwarding_that_helps(graph)
    hint = "; all its work may be in one node, or in a single pass over a sequence"
    if eased:
        best = max(eased, key=lambda each: eased[each])
        hint = f"; with --forward {best} there are {eased[best]}"
    return ProfileError(f"model {graph.model.reference!r} has no cut{hint}")
