"""Cutting models: every place is found, the parts make the whole, and what cannot be cut is refused with a reason."""

from __future__ import annotations

import errno
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from design.example_inputs import example_inputs
from design.onnx_models import load_model
from design.onnx_sessions import open_session
from design.partition import proof as proof_module
from design.partition.chain import best_chain
from design.partition.cuts import Cut, cut_points, forwarding_that_helps
from design.partition.graph import ModelGraph, read_graph
from design.partition.proof import prove
from design.partition.segments import Segment, Split, split, write_segments
from design.partition.sizes import sizes
from design.partition.wide_cuts import wide_cut_points
from design.partition.work import estimated_seconds
from tests.onnx_graphs import saved, value
from twin.errors import ProfileError, TwinError

Nodes = list[onnx.NodeProto]
SQUEEZENET = "onnx:light_squeezenet"


def node(operator: str, reads: str, makes: str, **attributes: Any) -> onnx.NodeProto:
    """Return a node that reads and makes the tensors of two lists of words."""
    return helper.make_node(operator, reads.split(), makes.split(), **attributes)


def graph_of(
    path: Path,
    nodes: Nodes,
    inputs: dict[str, list[int | str]],
    outputs: list[str],
    weights: dict[str, np.ndarray[Any, Any]] | None = None,
    **options: Any,
) -> ModelGraph:
    """Write a model of float tensors and read its graph."""
    given_values = [value(name, shape) for name, shape in inputs.items()]
    made = [value(name, None) for name in outputs]
    return read_graph(load_model(saved(path / "m.onnx", nodes, given_values, made, weights)), **options)


def tensors(cuts: tuple[Cut, ...]) -> list[tuple[str, ...]]:
    """Return what crosses each cut."""
    return [cut.tensors for cut in cuts]


CHAIN = [node("Relu", "x", "a"), node("Neg", "a", "b"), node("Tanh", "b", "y")]
SKIP = [node("Relu", "x", "a"), node("Tanh", "a", "b"), node("Add", "a b", "c"), node("Neg", "c", "y")]


# Finding cuts


def test_a_chain_can_be_cut_after_every_node_but_the_last(tmp_path: Path) -> None:
    """Shapes and bytes are those of the example."""
    cuts = cut_points(graph_of(tmp_path, CHAIN, {"x": [2, 3]}, ["y"]))
    assert tensors(cuts) == [("a",), ("b",)]
    assert [(cut.shapes, cut.bytes, cut.dtypes) for cut in cuts] == [(((2, 3),), 24, ("float32",))] * 2
    assert [cut.before for cut in cuts] == [{0}, {0, 1}]
    assert 0 < cuts[0].share < cuts[1].share < 1


def test_no_single_tensor_cuts_between_the_ends_of_a_skip_connection(tmp_path: Path) -> None:
    """Only what comes before the fork and after the join does."""
    assert tensors(cut_points(graph_of(tmp_path, SKIP, {"x": [2]}, ["y"]))) == [("a",), ("c",)]


def test_open_sizes_come_from_the_example(tmp_path: Path) -> None:
    """They are 1 unless the example says otherwise."""
    model = graph_of(tmp_path, CHAIN, {"x": ["batch", 3]}, ["y"]).model
    assert [cut.bytes for cut in cut_points(model)] == [12, 12]
    graph = read_graph(model, shapes={"x": (5, 3)})
    assert [(cut.shapes, cut.bytes) for cut in cut_points(graph)] == [(((5, 3),), 60)] * 2


def test_sizes_that_inference_cannot_know_are_seen_in_a_run(tmp_path: Path) -> None:
    """How many elements are not zero depends on the values."""
    nodes = [node("NonZero", "x", "where"), node("Cast", "where", "z", to=1), node("Neg", "z", "y")]
    example = {"x": np.array([1, 0, 2, 0, 0], np.float32)}
    cuts = cut_points(graph_of(tmp_path, nodes, {"x": [5]}, ["y"], example=example))
    assert [(cut.shapes, cut.dtypes, cut.bytes) for cut in cuts] == [
        (((1, 2),), ("int64",), 16),
        (((1, 2),), ("float32",), 8),
    ]


def test_what_nodes_make_of_weights_alone_is_on_both_sides(tmp_path: Path) -> None:
    """It is no part of the flow, so it neither is a cut nor hinders one."""
    nodes = [node("Neg", "w", "v"), node("Add", "x v", "a"), node("Mul", "a v", "y")]
    graph = graph_of(tmp_path, nodes, {"x": [2]}, ["y"], {"w": np.ones(2, np.float32)})
    assert tensors(cut_points(graph)) == [("a",)]
    parts = split(graph, ["a"])
    assert [[each.op_type for each in part.proto.graph.node] for part in parts.segments] == [
        ["Neg", "Add"],
        ["Neg", "Mul"],
    ]
    assert all(part.proto.graph.initializer[0].name == "w" for part in parts.segments)
    assert prove(parts).holds


def test_an_output_made_early_has_to_cross_every_later_cut(tmp_path: Path) -> None:
    """Several outputs are cut where all depend on one tensor; the early output itself can be part of a wider cut."""
    nodes = [*CHAIN[:2], node("Tanh", "a", "early"), CHAIN[2]]
    graph = graph_of(tmp_path, nodes, {"x": [2]}, ["early", "y"])
    assert tensors(cut_points(graph)) == [("a",)]
    with pytest.raises(ProfileError, match=r"'b' does not cut .*'early', 'y' also depends on input 'x' by another way"):
        split(graph, ["b"])
    parts = split(graph, [("b", "early")])
    assert (parts.segments[1].outputs, parts.segments[1].carried) == (("y",), ("early",))
    assert prove(parts).holds


def test_an_output_that_others_build_on_can_be_the_cut(tmp_path: Path) -> None:
    """The tail hands it on."""
    graph = graph_of(tmp_path, CHAIN, {"x": [2]}, ["b", "y"])
    assert tensors(cut_points(graph)) == [("a",), ("b",)]
    parts = split(graph, ["b"])
    assert parts.segments[1].carried == ("b",)
    assert prove(parts).holds


def test_a_second_input_hinders_cuts_until_it_is_forwarded(tmp_path: Path) -> None:
    """As the mask of a text encoder does; its bytes then cross, and what is made of it alone is made twice."""
    nodes = [
        node("Neg", "mask", "no"),
        node("Relu", "x", "a"),
        node("Add", "a no", "b"),
        node("Tanh", "b", "c"),
        node("Mul", "c no", "y"),
    ]
    inputs: dict[str, list[int | str]] = {"x": [1, 4], "mask": [1, 4]}
    graph = graph_of(tmp_path, nodes, inputs, ["y"])
    assert cut_points(graph) == ()
    assert forwarding_that_helps(graph) == {"x": 1, "mask": 3}
    eased = read_graph(graph.model, forward=["mask"])
    cuts = cut_points(eased)
    assert tensors(cuts) == [("a", "mask"), ("b", "mask"), ("c", "mask")]
    assert {cut.bytes for cut in cuts} == {32}
    parts = split(eased, ["a", "c"])
    assert [part.inputs for part in parts.segments] == [("x",), ("a", "mask"), ("c", "mask")]
    assert prove(parts).holds


def test_captures_of_inner_graphs_are_edges(tmp_path: Path) -> None:
    """A branch of If reads a tensor that no input of the node names; a cut that missed it could not be run."""
    branches = {
        name: helper.make_graph([node(operator, "a", f"{name}_out")], name, [], [value(f"{name}_out", [2])])
        for name, operator in (("then_branch", "Neg"), ("else_branch", "Relu"))
    }
    nodes = [
        node("Tanh", "x", "a"),
        node("Sigmoid", "a", "b"),
        node("ReduceSum", "b", "total", keepdims=0),
        node("Greater", "total w", "big"),
        node("If", "big", "c", **branches),
        node("Neg", "c", "y"),
    ]
    graph = graph_of(tmp_path, nodes, {"x": [2]}, ["y"], {"w": np.array(0.5, np.float32)})
    assert tensors(cut_points(graph)) == [("a",), ("c",)]
    for cut in cut_points(graph):
        assert prove(split(graph, [cut.tensors])).holds
    with pytest.raises(ProfileError, match="does not cut"):
        split(graph, ["big"])


def test_loops_that_read_weights_and_tensors_from_outside_are_cut(tmp_path: Path) -> None:
    """The body adds an outer tensor and an outer weight three times."""
    body = helper.make_graph(
        [
            node("Add", "state a", "sum"),
            node("Add", "sum w", "next"),
            node("Identity", "go", "on"),
        ],
        "body",
        [value("step", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("state", [2])],
        [value("on", [], TensorProto.BOOL), value("next", [2])],
    )
    nodes = [
        node("Relu", "x", "a"),
        helper.make_node("Loop", ["three", "", "a"], ["b"], body=body),
        node("Neg", "b", "c"),
        node("Mul", "c w", "y"),
    ]
    weights = {"three": np.array(3, np.int64), "w": np.array([1, 2], np.float32)}
    graph = graph_of(tmp_path, nodes, {"x": [2]}, ["y"], weights)
    assert tensors(cut_points(graph)) == [("a",), ("b",), ("c",)]
    parts = split(graph, ["a", "b"])
    assert [sorted(tensor.name for tensor in part.proto.graph.initializer) for part in parts.segments] == [
        [],
        ["three", "w"],
        ["w"],
    ]
    assert prove(parts).holds


def test_values_that_are_no_tensors_are_never_a_cut(tmp_path: Path) -> None:
    """A sequence has no bytes to count."""
    nodes = [node("Relu", "x", "a"), node("SplitToSequence", "a", "s"), node("ConcatFromSequence", "s", "y", axis=0)]
    assert tensors(cut_points(graph_of(tmp_path, nodes, {"x": [4]}, ["y"]))) == [("a",)]


# Cuts of several tensors


def test_a_wide_cut_takes_the_cheapest_tensors(tmp_path: Path) -> None:
    """Inside two parallel branches the narrow places are far from each other, and the cut finds both."""
    nodes = [
        node("MatMul", "x thin", "a"),
        node("MatMul", "a wide", "b"),
        node("MatMul", "x wider", "c"),
        node("MatMul", "c thinner", "d"),
        node("MatMul", "d wide", "e"),
        node("Add", "b e", "y"),
    ]
    weights = {
        "thin": np.ones((64, 2), np.float32),
        "wide": np.ones((2, 64), np.float32),
        "wider": np.ones((64, 4), np.float32),
        "thinner": np.ones((4, 2), np.float32),
    }
    graph = graph_of(tmp_path, nodes, {"x": [1, 64]}, ["y"], weights)
    assert cut_points(graph) == ()
    (cut,) = wide_cut_points(graph, positions=1)
    assert (set(cut.tensors), cut.bytes) == ({"a", "d"}, 16)
    assert prove(split(graph, [cut.tensors])).holds


def test_a_wide_cut_never_runs_backwards(tmp_path: Path) -> None:
    """The cheapest set of edges would put a node before the cut, and what it reads after it; that is no cut."""
    nodes = [
        node("MatMul", "x w64_32", "t"),
        node("MatMul", "x w64_2", "s"),
        node("MatMul", "s w2_30", "u"),
        node("Concat", "t u", "both", axis=1),
        node("MatMul", "both w62_2", "v"),
        node("Concat", "v u", "late", axis=1),
        node("MatMul", "late w32_64", "z"),
        node("ReduceSum", "z", "y", keepdims=1),
    ]
    sides = ((64, 32), (64, 2), (2, 30), (62, 2), (32, 64))
    weights = {f"w{high}_{wide}": np.ones((high, wide), np.float32) for high, wide in sides}
    graph = graph_of(tmp_path, nodes, {"x": [1, 64]}, ["y"], weights)
    (cut,) = wide_cut_points(graph, positions=1)
    assert separates(graph, set(cut.tensors))
    assert cut.bytes == cheapest(graph, 0.25, 0.75) == 128


@st.composite
def layered(draw: st.DrawFn) -> tuple[Nodes, dict[str, np.ndarray[Any, Any]]]:
    """Draw a graph of up to four products of vectors, each of one or two earlier tensors, all joined at the end."""
    widths = {"x": 3}
    nodes: Nodes = []
    weights: dict[str, np.ndarray[Any, Any]] = {}
    unread = {"x"}
    for number in range(draw(st.integers(2, 4))):
        reads = draw(st.lists(st.sampled_from(sorted(widths)), min_size=1, max_size=2, unique=True))
        width = draw(st.integers(1, 5))
        products = []
        for place, name in enumerate(reads):
            weights[f"w{number}_{place}"] = np.full((widths[name], width), 0.5, np.float32)
            products.append(f"p{number}_{place}")
            nodes.append(node("MatMul", f"{name} w{number}_{place}", products[-1]))
        nodes.append(node("Sum", " ".join(products), f"t{number}"))
        widths[f"t{number}"] = width
        unread = (unread - set(reads)) | {f"t{number}"}
    sums = []
    for name in sorted(unread):
        nodes.append(node("ReduceSum", name, f"s{name}", keepdims=1))
        sums.append(f"s{name}")
    nodes.append(node("Sum", " ".join(sums), "y"))
    return nodes, weights


@settings(max_examples=20, deadline=None)
@given(drawn=layered())
def test_cuts_are_exactly_the_tensors_that_split_and_wide_ones_the_cheapest(
    drawn: tuple[Nodes, dict[str, np.ndarray[Any, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Compared with trying every tensor, and every set of nodes that can come first."""
    graph = graph_of(tmp_path_factory.mktemp("layered"), drawn[0], {"x": [1, 3]}, ["y"], drawn[1])
    single = {name for name in graph.dynamic_tensors - {"x", "y"} if separates(graph, {name})}
    assert {cut.tensors for cut in cut_points(graph)} == {(name,) for name in single}
    for cut in wide_cut_points(graph, positions=1):
        assert separates(graph, set(cut.tensors))
        assert cut.bytes == cheapest(graph, 0.25, 0.75)


def separates(graph: ModelGraph, names: set[str]) -> bool:
    """Say whether nothing after *names* needs the input."""
    after = graph.nodes_before(["y"], given=names)
    return bool(after) and not any("x" in graph.reads[index] - names for index in after)


def cheapest(graph: ModelGraph, earliest: float, latest: float) -> int:
    """Return the fewest bytes of any cut that leaves the nodes where their own needs put them."""
    seconds = estimated_seconds(graph)
    total = sum(seconds.values())
    parents = {index: {graph.maker[name] for name in graph.reads[index] & graph.maker.keys()} for index in graph.alive}
    above = {index: graph.nodes_before(graph.nodes[index].output) for index in graph.alive}
    known = sizes(graph, sorted(graph.dynamic_tensors))

    def share(nodes: set[int], index: int) -> float:
        return sum(seconds[each] for each in nodes - {index}) / total

    last = {index for index in graph.alive if share(set(above[index]), index) >= latest}
    first = {
        index
        for index in graph.alive - last
        if share({each for each in graph.alive if index in above[each]}, index) >= 1 - earliest
    }

    def price(head: frozenset[int]) -> int:
        made = {name for index in head for name in graph.nodes[index].output} | {"x"}
        wanted = {name for index in graph.alive - head for name in graph.reads[index]} | {"y"}
        return sum(known[name].bytes for name in made & wanted)

    heads = {frozenset[int]()}
    for index in sorted(graph.alive):
        heads |= {head | {index} for head in heads if parents[index] <= head}
    return min(price(head) for head in heads if first <= head and not head & last)


# Splitting and proving


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet", "inception_v1"])
def test_shipped_architectures_are_cut_and_proved(name: str) -> None:
    """At the first, a middle and the last place, and by a cut of several tensors; benchmarks/cuts.py does all."""
    graph = read_graph(load_model(f"onnx:light_{name}"))
    cuts = cut_points(graph)
    assert len(cuts) == {"squeezenet": 33, "shufflenet": 39, "inception_v1": 25}[name]
    chain = [cuts[0].tensors, cuts[len(cuts) // 2].tensors, cuts[-1].tensors]
    proof = prove(split(graph, chain))
    assert proof.holds, proof.reason
    assert proof.sensitive
    wide = min(wide_cut_points(graph, positions=3), key=lambda cut: -len(cut.tensors))
    assert prove(split(graph, [wide.tensors])).holds


def swapped(parts: Split) -> Split:
    """Return *parts* with the two inputs of the last segment exchanged."""
    last = parts.segments[-1]
    return Split(
        graph=parts.graph,
        cuts=parts.cuts,
        segments=(
            *parts.segments[:-1],
            Segment(proto=renamed(last.proto), inputs=last.inputs, outputs=last.outputs, carried=last.carried),
        ),
    )


def renamed(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Exchange the names of the first two inputs."""
    other = onnx.ModelProto()
    other.CopyFrom(proto)
    first, second = other.graph.input[0].name, other.graph.input[1].name
    other.graph.input[0].name, other.graph.input[1].name = second, first
    for each in other.graph.node:
        each.input[:] = [{first: second, second: first}.get(name, name) for name in each.input]
    return other


def test_a_chain_that_mixes_up_its_tensors_is_not_proved(tmp_path: Path) -> None:
    """The parts are all valid models; only the outputs tell."""
    nodes = [node("Relu", "x", "a"), node("Tanh", "x", "b"), node("Sub", "a b", "y")]
    parts = split(graph_of(tmp_path, nodes, {"x": [1, 8]}, ["y"]), [("a", "b")])
    assert prove(parts).holds
    proof = prove(swapped(parts))
    assert not proof.holds
    assert "outputs differ by" in proof.reason


@pytest.mark.parametrize("optimised", [False, True])
def test_both_comparisons_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimised: bool) -> None:
    """A difference of a thousandth is too much, with the optimiser as without."""
    real = proof_module.run_chain

    def off(parts: Split, inputs: Any, *, optimised: bool) -> list[list[Any]]:
        factor = np.float32(1.001 if optimised == wrong else 1)
        return [[output * factor for output in outputs] for outputs in real(parts, inputs, optimised=optimised)]

    wrong = optimised
    monkeypatch.setattr(proof_module, "run_chain", off)
    proof = prove(split(graph_of(tmp_path, CHAIN, {"x": [1, 8]}, ["y"]), ["a"]))
    assert not proof.holds
    assert "outputs differ by 0.001" in proof.reason


def test_made_up_weights_are_varied_for_the_proof() -> None:
    """The outputs of the shipped model are the same whatever goes in, so that equal ones would prove nothing."""
    graph = read_graph(load_model(SQUEEZENET))
    session = open_session(graph.model)
    first, second = (session.run(None, example_inputs(graph.model, seed=seed))[0] for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    parts = split(graph, [next(tuple(each.input) for each in graph.nodes if each.op_type == "Concat")])
    assert prove(parts).sensitive
    assert not prove(swapped(parts)).holds


def test_segments_are_files_with_the_names_of_ai_sprint(tmp_path: Path) -> None:
    """Each passes the checker, and keeps the sizes open that the model leaves open."""
    parts = split(graph_of(tmp_path, CHAIN, {"x": ["batch", 3]}, ["y"]), ["a", "b"])
    paths = write_segments(parts, tmp_path / "parts", component="blur", number=10)
    assert [path.name for path in paths] == [f"blur_partition10_{place}.onnx" for place in (1, 2, 3)]
    for path in paths:
        onnx.checker.check_model(path)
    assert load_model(str(paths[1])).inputs[0].shape == ("batch", 3)
    assert write_segments(parts, tmp_path, component="")[0].name == "partition1_1.onnx"


def test_weights_of_other_files_go_into_the_segments(tmp_path: Path) -> None:
    """A segment stands alone."""
    nodes = [node("MatMul", "x w", "a"), node("MatMul", "a v", "y")]
    weights = {"w": np.ones((40, 40), np.float32), "v": np.ones((40, 40), np.float32)}
    graph = graph_of(tmp_path, nodes, {"x": [1, 40]}, ["y"], weights)
    onnx.save(
        onnx.load(graph.model.path), graph.model.path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    parts = split(load_model(str(graph.model.path)), ["a"])
    first, second = write_segments(parts, tmp_path / "parts")
    (tmp_path / "w.bin").unlink()
    assert [len(onnx.load(path).graph.initializer) for path in (first, second)] == [1, 1]
    assert first.stat().st_size > 6400


def test_a_full_disk_is_said_and_what_was_finished_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file does not fit; the first is whole, and no half of the second is left."""
    parts = split(graph_of(tmp_path, CHAIN, {"x": [2]}, ["y"]), ["a"])
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "_2.onnx" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TwinError, match=r"cannot write .*m_partition1_2.onnx: No space left on device"):
        write_segments(parts, tmp_path / "parts")
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["m_partition1_1.onnx"]


def test_models_without_numbers_to_compare_are_refused(tmp_path: Path) -> None:
    """NaN equals nothing, so it proves nothing."""
    nodes = [node("Log", "x", "a"), node("Neg", "a", "y")]
    parts = split(graph_of(tmp_path, nodes, {"x": [50]}, ["y"]), ["a"])
    with pytest.raises(ProfileError, match=r"returns values that are no finite numbers .*--inputs FILE.npz"):
        prove(parts)


def test_models_that_draw_random_numbers_are_refused(tmp_path: Path) -> None:
    """Even inside a branch: no two runs would agree."""
    nodes = [node("RandomNormalLike", "x", "a"), node("Add", "a x", "y")]
    with pytest.raises(ProfileError, match=r"draws random numbers \(RandomNormalLike"):
        graph_of(tmp_path, nodes, {"x": [2]}, ["y"])


def test_impossible_cuts_are_explained(tmp_path: Path) -> None:
    """Unknown names get a suggestion; order and emptiness are told apart."""
    graph = graph_of(tmp_path, [*CHAIN[:2], node("Tanh", "b", "logits"), node("Neg", "logits", "y")], {"x": [2]}, ["y"])
    with pytest.raises(ProfileError, match=r"no tensor 'logit' to cut at; did you mean 'logits'"):
        split(graph, ["logit"])
    with pytest.raises(ProfileError, match=r"does not cut|nothing of model"):
        split(graph, ["b", "a"])
    with pytest.raises(ProfileError, match=r"nothing of model 'm.onnx' lies between 'a' and 'a'"):
        split(graph, ["a", "a"])
    with pytest.raises(ProfileError, match=r"nothing of model 'm.onnx' lies between 'x' and 'x'"):
        split(graph, ["x"])


# Choosing


def line_of_cuts(sizes: list[int]) -> list[Cut]:
    """Return cuts of the given bytes, one after the other."""
    return [
        Cut(tensors=(str(place),), shapes=((),), dtypes=("",), bytes=size, before=frozenset(range(place + 1)), share=0)
        for place, size in enumerate(sizes)
    ]


@given(data=st.data(), segments=st.integers(2, 4))
def test_the_best_chain_is_the_best_of_all(data: st.DataObject, segments: int) -> None:
    """Compared with every combination of up to seven cuts."""
    count = data.draw(st.integers(segments - 1, 7))
    stretches = data.draw(st.lists(st.integers(1, 50), min_size=count + 1, max_size=count + 1))
    cuts = line_of_cuts(data.draw(st.lists(st.integers(1, 50), min_size=count, max_size=count)))
    seconds = [float(sum(stretches[: place + 1])) for place in range(count)]
    total = float(sum(stretches))

    def cost(chosen: tuple[int, ...]) -> float:
        ends = [0.0, *(seconds[place] for place in chosen), total]
        return max(b - a for a, b in pairwise(ends)) + sum(cuts[place].bytes for place in chosen)

    best = best_chain(cuts, seconds, total, segments=segments, bandwidth_mbit_per_s=8e-6)
    places = tuple(int(cut.tensors[0]) for cut in best)
    assert cost(places) == min(cost(chosen) for chosen in combinations(range(count), segments - 1))


def test_too_few_cuts_are_an_error() -> None:
    """Two cuts make three segments at most, and crossing ones not even that."""
    cuts = line_of_cuts([1, 1])
    with pytest.raises(ProfileError, match="not enough cuts for 4 segments: 2 found"):
        best_chain(cuts, [1.0, 2.0], 3.0, segments=4)
    with pytest.raises(ProfileError, match="not enough cuts for 3 segments"):
        best_chain([cuts[0], cuts[0]], [1.0, 1.0], 2.0, segments=3)
