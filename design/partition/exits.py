"""Early exits (BranchyNet, Teerapittayanon et al. 2016): cut a model where answers may leave before its end.

Each segment but the last makes the output of its exit and what it passes on. Exits are named by their outputs, or by
AI-SPRINT's ``early_exits.csv`` (``exits,input_nodes,output_nodes``, lists of names in the last two columns), where
``input_nodes`` is what is passed on and ``output_nodes`` what may leave.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from design.partition.graph import ModelGraph
from design.partition.segments import Split, split
from twin.errors import Problem, ProfileError, did_you_mean
from twin.formats.text_file import read_text

_COLUMNS = ("exits", "input_nodes", "output_nodes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A place where an answer may leave."""

    name: str

    outputs: tuple[str, ...]
    """Outputs of the model that hold the answer."""

    passes_on: tuple[str, ...]
    """What the rest of the model wants if the answer does not leave."""


def exits_at(graph: ModelGraph, outputs: Sequence[str]) -> tuple[Exit, ...]:
    """Return the exits whose answers are *outputs*, in the order in which the model makes them.

    What they pass on is found: everything made up to there that the rest of the model reads. Raises ProfileError if
    one is no output, or all are, so that nothing would come after the last exit.
    """
    for name in outputs:
        if name not in graph.outputs:
            hint = did_you_mean(name, graph.outputs)
            raise ProfileError(f"model {graph.model.reference!r} has no output {name!r} to exit at{hint}")
    if set(outputs) >= set(graph.outputs):
        raise ProfileError(f"all outputs of model {graph.model.reference!r} are exits; leave out the last one")
    order = sorted(dict.fromkeys(outputs), key=lambda name: len(graph.nodes_before([name])))
    return tuple(
        Exit(name=name, outputs=(name,), passes_on=_passed_on(graph, order[: place + 1]))
        for place, name in enumerate(order)
    )


def read_exits(path: Path, graph: ModelGraph) -> tuple[Exit, ...]:
    """Read ``early_exits.csv``; ProfileError with every line that is wrong."""
    rows = csv.DictReader(read_text(path).splitlines(), quotechar='"')
    if tuple(name.strip() for name in rows.fieldnames or ()) != _COLUMNS:
        raise ProfileError(f"{path}: the first line must be {','.join(_COLUMNS)}")
    exits, problems = [], []
    for line, row in enumerate(rows, start=2):
        passes_on, outputs = (_names(row[column]) for column in _COLUMNS[1:])
        faults = list(_faults(graph, passes_on, outputs))
        problems += [Problem("", fault, line=line) for fault in faults]
        exits.append(Exit(name=row["exits"].strip(), passes_on=passes_on, outputs=outputs))
    if problems:
        raise ProfileError(str(path), problems)
    if not exits:
        raise ProfileError(f"{path} names no exit; add a line such as exit1,['tensor'],['output']")
    return tuple(exits)


def split_at_exits(graph: ModelGraph, exits: Sequence[Exit]) -> Split:
    """Cut the model behind each of *exits*, which are in the order of the model.

    Outputs of earlier exits are carried to the end of the chain, so that `prove` compares them, too; they are part of
    no transfer. Raises ProfileError if what an exit passes on is not enough for the rest.
    """
    cuts = []
    for place, each in enumerate(exits):
        left = [name for other in exits[: place + 1] for name in other.outputs]
        cuts.append(tuple(dict.fromkeys((*each.passes_on, *left))))
    return split(graph, cuts)


def _passed_on(graph: ModelGraph, outputs: Sequence[str]) -> tuple[str, ...]:
    before = graph.nodes_before(outputs)
    rest = graph.alive - before
    wanted = {name for index in rest for name in graph.reads[index]} & graph.dynamic_tensors
    made = {name for index in before for name in graph.nodes[index].output} | set(graph.inputs)
    return tuple(sorted(wanted & made))


def _names(cell: str | None) -> tuple[str, ...]:
    """Return the names of a list as text; none if the cell holds something else."""
    try:
        found = ast.literal_eval((cell or "").strip())
    except (ValueError, SyntaxError):
        return ()
    is_list = isinstance(found, list) and found and all(isinstance(name, str) for name in found)
    return tuple(found) if is_list else ()


def _faults(graph: ModelGraph, passes_on: tuple[str, ...], outputs: tuple[str, ...]) -> Iterator[str]:
    known = (("input_nodes", passes_on, graph.dynamic_tensors), ("output_nodes", outputs, graph.outputs))
    for column, names, possible in known:
        if not names:
            yield f"{column} must be a list of names such as ['tensor']"
        for name in names:
            if name not in possible:
                yield f"{column}: the model has no {name!r}{did_you_mean(name, possible)}"
