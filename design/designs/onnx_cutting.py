"""Cuts the models of designs by :mod:`design.partition`: the best chain first, then the best of what is left.

Nothing is timed here: how long a model takes up to a cut is estimated from its operators. Models are cut again on each
run; equal models give equal segments. ``ctwin calibrate`` proves and times the cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twin.errors import ProfileError

SAME_SHARE = 0.02
"""Two cuts of as many bytes that lie closer than this part of the model's time are as good as one."""


class OnnxCutting:
    """Cuts ONNX models; onnx is imported when the first one is to be cut."""

    def cuts(self, model: Path, segments: Sequence[int]) -> Sequence[Sequence[bytes]]:
        """Return for each entry of *segments* another cut of *model* into so many; fewer cuts if it has no more."""
        from design.onnx_models import load_model
        from design.partition.chain import best_chain
        from design.partition.cuts import cut_points
        from design.partition.graph import read_graph
        from design.partition.segments import split

        graph = read_graph(load_model(str(model)))
        left = list(cut_points(graph))
        found: list[list[bytes]] = []
        for count in segments:
            try:
                chain = best_chain(left, [cut.share for cut in left], 1.0, segments=count)
            except ProfileError:
                break
            parts = split(graph, [cut.tensors for cut in chain])
            found.append([segment.proto.SerializeToString(deterministic=True) for segment in parts.segments])
            left = [
                cut
                for cut in left
                if all(cut.bytes != own.bytes or abs(cut.share - own.share) > SAME_SHARE for own in chain)
            ]
        return found

    def exits(self, model: Path, table: Path) -> Sequence[bytes]:
        """Return the segments of *model* cut at the early exits that *table* (early_exits.csv) names."""
        from design.onnx_models import load_model
        from design.partition.exits import read_exits, split_at_exits
        from design.partition.graph import read_graph

        graph = read_graph(load_model(str(model)))
        parts = split_at_exits(graph, read_exits(table, graph))
        return [segment.proto.SerializeToString(deterministic=True) for segment in parts.segments]
