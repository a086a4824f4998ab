"""Find and prove the cuts of the architectures that onnx ships: ``python benchmarks/cuts.py [--all] [NAME...]``.

Without ``--all`` five cuts of each model are proved, spread evenly, and the widest of three cuts of several tensors.
The time is that of everything: finding, splitting, and running the whole model and both parts, with the optimiser and
without. It goes mostly into random weights, which the larger models have hundreds of megabytes of.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from design.onnx_models import load_model, shipped_models
from design.partition.cuts import Cut, cut_points
from design.partition.graph import read_graph
from design.partition.proof import prove
from design.partition.segments import split
from design.partition.wide_cuts import wide_cut_points

PROVED = 5


def main(arguments: Sequence[str]) -> int:
    """Print a line per model; return 1 if a cut is not proved."""
    names = [word for word in arguments if not word.startswith("--")] or list(shipped_models())
    print(
        f"{'model':<22}{'nodes':>6}{'cuts':>6}{'below input':>12}{'proved':>9}{'largest difference':>20}{'seconds':>9}"
    )
    return max(_line(name, every="--all" in arguments) for name in names)


def _line(name: str, *, every: bool) -> int:
    start = time.perf_counter()
    graph = read_graph(load_model(f"onnx:{name}"))
    cuts = cut_points(graph)
    wide = max(wide_cut_points(graph, positions=3), key=lambda cut: len(cut.tensors))
    chosen = [*(cuts if every else _spread(cuts)), wide]
    proofs = [prove(split(graph, [cut.tensors])) for cut in chosen]
    size = sum(array.nbytes for array in graph.example.values())
    proved = sum(proof.holds and proof.sensitive for proof in proofs)
    print(
        f"{name:<22}{len(graph.nodes):>6}{len(cuts):>6}{sum(cut.bytes < size for cut in cuts):>12}"
        f"{f'{proved}/{len(proofs)}':>9}{max(proof.difference for proof in proofs):>20.1e}"
        f"{time.perf_counter() - start:>9.1f}",
        flush=True,
    )
    return int(proved < len(proofs))


def _spread(cuts: Sequence[Cut]) -> list[Cut]:
    return [cuts[place * (len(cuts) - 1) // (PROVED - 1)] for place in range(PROVED)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
