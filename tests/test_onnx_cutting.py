"""Designs get real segments: chained, they compute what the whole model computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from design.designs.designing import plan_designs
from design.designs.onnx_cutting import OnnxCutting
from design.designs.output import write_files
from design.starter_models import extractor
from design.starting import start_application
from tests.annotated_apps import candidate, code, write_app


def run(model: bytes, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return all outputs of *model*, given those of *values* that it takes."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    given = {one.name: values[one.name] for one in session.get_inputs()}
    return dict(zip(names, session.run(names, given), strict=True))


def test_segments_compute_what_the_whole_model_does(tmp_path: Path) -> None:
    """In every cut, of two segments and of three; no two cuts are the same."""
    (tmp_path / "m.onnx").write_bytes(extractor())
    image = np.random.default_rng(1).random((1, 3, 64, 64)).astype(np.float32)
    whole = run(extractor(), {"image": image})["features"]
    cuts = OnnxCutting().cuts(tmp_path / "m.onnx", [2, 2, 3])
    assert [len(segments) for segments in cuts] == [2, 2, 3]
    assert len({segments[0] for segments in cuts}) == 3
    for segments in cuts:
        values = {"image": image}
        for segment in segments:
            values |= run(segment, values)
        assert np.allclose(values["features"], whole, atol=1e-6)


def test_a_model_has_only_so_many_cuts(tmp_path: Path) -> None:
    """Fewer are returned than were asked for, and the designs say so."""
    (tmp_path / "m.onnx").write_bytes(extractor())
    assert 3 <= len(OnnxCutting().cuts(tmp_path / "m.onnx", [2] * 50)) < 50


def test_equal_models_give_equal_segments(tmp_path: Path) -> None:
    """So that designing again changes nothing."""
    app = tmp_path / "app"
    start_application(app)
    write_files(app, plan_designs(app, cutting=OnnxCutting()).files)
    segment = app / "aisprint/designs/extract/partition2_2/onnx/partition2_2.onnx"
    onnx.checker.check_model(str(segment))
    assert write_files(app, plan_designs(app, cutting=OnnxCutting()).files).written == []


def test_models_are_cut_at_the_exits_of_the_table(tmp_path: Path) -> None:
    """The segment before an exit makes its answer and what is passed on."""
    exits = "early_exits_model(onnx_file='m.onnx', condition_function='sure', transition_probabilities=[0.4])"
    entries = [candidate(name, "VM") for name in ("a", "a_partitionX_1", "a_partitionX_2")]
    app = write_app(tmp_path / "app", {"a": code("a", exits)}, [], entries)
    model = onnx.load_from_string(extractor())
    model.graph.node.extend(
        [
            onnx.helper.make_node("GlobalAveragePool", ["pool1"], ["early"]),
        ]
    )
    model.graph.output.append(onnx.helper.make_tensor_value_info("early", onnx.TensorProto.FLOAT, [1, 8, 1, 1]))
    (app / "src/a/onnx").mkdir()
    onnx.save(model, app / "src/a/onnx/m.onnx")
    table = "exits,input_nodes,output_nodes\nexit1,['pool1'],['early']\n"
    (app / "src/a/onnx/early_exits.csv").write_text(table)
    write_files(app, plan_designs(app, cutting=OnnxCutting()).files)
    first = onnx.load(app / "aisprint/designs/a/partition1_1/onnx/partition1_1.onnx")
    assert {one.name for one in first.graph.output} == {"pool1", "early"}
    second = onnx.load(app / "aisprint/designs/a/partition1_2/onnx/partition1_2.onnx")
    assert [one.name for one in second.graph.output] == ["features"]
