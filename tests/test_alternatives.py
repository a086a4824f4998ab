"""Alternatives are ranked by what their confusion matrices say of a chain of filters and a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from design.designs.confusion import Confusion, chain_quality, read_confusion
from design.designs.designing import Designs, plan_designs
from design.designs.output import write_files
from tests.annotated_apps import candidate, code, write_app
from twin.errors import DesignError
from twin.formats.aisprint import load_application

PEOPLE = ("nobody", "person")
FILTER = [[0.3, 0.1], [0.05, 0.55]]
"""Of all samples: 0.3 rightly held back, 0.1 passed wrongly, 0.05 lost, 0.55 passed."""


def confusion(classes: Sequence[str], shares: Any) -> Confusion:
    """Return a matrix as shares."""
    values = np.array(shares, dtype=float)
    return Confusion(classes=tuple(classes), shares=values / values.sum())


def test_a_filter_and_a_classifier_by_hand() -> None:
    """TP + FP pass; a class the classifier does not know is answered as its answers are distributed."""
    classifier = confusion(("mask", "bare"), [[0.4, 0.1], [0.2, 0.3]])
    quality = chain_quality([(confusion(PEOPLE, FILTER), "nobody")], classifier)
    assert quality.passing == (pytest.approx(0.65),)
    assert quality.confusion.classes == ("nobody", "mask", "bare")
    # Half of the people are of each class, 0.3 of all samples; 0.55 / 0.6 of them pass.
    passed = 0.3 * 0.55 / 0.6
    expected = [
        [0.3, 0.1 * 0.6, 0.1 * 0.4],
        [0.025, passed * 0.8, passed * 0.2],
        [0.025, passed * 0.4, passed * 0.6],
    ]
    assert quality.confusion.shares == pytest.approx(np.array(expected))
    matrix = np.array(expected)
    recall = np.diag(matrix) / matrix.sum(axis=1)
    precision = np.diag(matrix) / matrix.sum(axis=0)
    assert quality.value("average_recall") == pytest.approx(recall.mean())
    assert quality.value("average_precision") == pytest.approx(precision.mean())
    assert quality.value("average_f1") == pytest.approx((2 * recall * precision / (recall + precision)).mean())
    assert quality.value("average_accuracy") == pytest.approx(np.trace(matrix))


def test_a_classifier_that_knows_the_filtered_class() -> None:
    """It repairs what the filter let pass."""
    classifier = confusion(("mask", "nobody"), [[0.5, 0], [0, 0.5]])
    quality = chain_quality([(confusion(PEOPLE, FILTER), "nobody")], classifier)
    assert quality.confusion.classes == ("nobody", "mask")
    assert quality.confusion.shares == pytest.approx(np.array([[0.4, 0], [0.05, 0.55]]))


def test_a_classifier_alone() -> None:
    """Its own matrix is that of the chain."""
    matrix = [[0.3, 0.1], [0.2, 0.4]]
    quality = chain_quality([], confusion(PEOPLE, matrix))
    assert quality.passing == ()
    assert quality.confusion.shares == pytest.approx(np.array(matrix))


def test_a_chain_agrees_with_drawn_samples() -> None:
    """Two filters and a classifier against samples that walk through them one by one."""
    rng = np.random.default_rng(3)
    first = confusion(("dark", "lit"), [[0.15, 0.05], [0.08, 0.72]])
    second = confusion(("empty", "full"), [[0.3, 0.1], [0.06, 0.54]])
    last = confusion(("a", "b"), [[0.45, 0.05], [0.1, 0.4]])
    quality = chain_quality([(first, "dark"), (second, "empty")], last)
    names = ("dark", "empty", "a", "b")
    masses = [0.2, 0.8 * 0.4, 0.8 * 0.6 * 0.5, 0.8 * 0.6 * 0.5]
    n = 200_000
    true = rng.choice(4, n, p=masses)
    pass_first = rng.random(n) < np.where(true == 0, 0.05 / 0.2, 0.72 / 0.8)
    pass_second = rng.random(n) < np.where(true == 1, 0.1 / 0.4, 0.54 / 0.6)
    share_of_a = np.select([true == 2, true == 3], [0.9, 0.2], 0.55)
    answer = np.where(rng.random(n) < share_of_a, 2, 3)
    answer = np.where(~pass_first, 0, np.where(~pass_second, 1, answer))
    drawn = np.zeros((4, 4))
    np.add.at(drawn, (true, answer), 1 / n)
    assert quality.confusion.classes == names
    # Five standard errors of a share estimated from n samples.
    assert np.all(np.abs(quality.confusion.shares - drawn) <= 5 * np.sqrt(drawn * (1 - drawn) / n) + 1e-5)
    reached = pass_first.mean()
    assert quality.passing == pytest.approx((reached, (pass_first & pass_second).mean() / reached), abs=0.01)


MATRICES = st.lists(st.lists(st.integers(0, 50), min_size=2, max_size=2), min_size=2, max_size=2).filter(
    lambda rows: sum(map(sum, rows)) > 0
)


@given(MATRICES, MATRICES, MATRICES)
def test_a_chain_neither_loses_nor_makes_samples(first: Any, second: Any, last: Any) -> None:
    """Shares stay shares, whatever the matrices; every metric lies between 0 and 1."""
    filters = [(confusion(("f", "x"), first), "f"), (confusion(("g", "x"), second), "g")]
    quality = chain_quality(filters, confusion(("a", "b"), last))
    shares = quality.confusion.shares
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    assert all(0 <= share <= 1 + 1e-12 for share in quality.passing)
    for metric in ("average_f1", "average_precision", "average_recall", "average_accuracy"):
        assert 0 <= quality.value(metric) <= 1 + 1e-12


@given(MATRICES)
def test_a_filter_passes_what_it_does_not_hold_back(matrix: Any) -> None:
    """TP + FP, for every matrix of two classes."""
    own = confusion(PEOPLE, matrix)
    quality = chain_quality([(own, "nobody")], confusion(("a", "b"), [[1, 0], [0, 1]]))
    assert quality.passing[0] == pytest.approx(own.shares[:, 1].sum())


# --- in an application -----------------------------------------------------------------------------------------------


def performance(app: Path, name: str, classes: Sequence[str], matrix: Any) -> None:
    """Write the confusion matrix of a component."""
    folder = app / "src" / name / "classification_performance"
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "confusion_matrix.npy", np.array(matrix))
    rows = [f"{own},{i}" for i, own in enumerate(classes)]
    (folder / "class_names_dictionary.csv").write_text("\n".join(["class,index", *rows]) + "\n")


def chain(folder: Path, threshold: float = 0.0, probability: float = 0.65) -> Path:
    """Write filter → classifier, each with an alternative: a better filter that can be cut, and a worse classifier."""
    holds = "model_performance(filtered_class='nobody')"
    names = f"model_performance(metric='average_accuracy', metric_thr={threshold})"
    sources = {
        "filter": code("filter", holds),
        "clf": code("clf", names),
        "filter2": code("filter2", holds, "partitionable_model(onnx_file='m.onnx')"),
        "clf2": code("clf2", names),
    }
    entries = [candidate(name, "VM") for name in (*sources, "filter2_partitionX_1", "filter2_partitionX_2")]
    alternatives = {"filter": ["filter2"], "clf": ["clf2"]}
    app = write_app(folder, sources, [["filter", "clf", probability]], entries, alternatives)
    performance(app, "filter", PEOPLE, FILTER)
    performance(app, "filter2", PEOPLE, [[0.4, 0.0], [0.05, 0.55]])
    performance(app, "clf", ("a", "b"), [[9, 1], [1, 9]])
    performance(app, "clf2", ("a", "b"), [[6, 4], [4, 6]])
    return app


def write(app: Path) -> Designs:
    """Design an application and write what follows."""
    designed = plan_designs(app)
    write_files(app, designed.files)
    return designed


def ranking(app: Path) -> dict[str, Any]:
    """Return deployments_performance.yaml."""
    found: dict[str, Any] = yaml.safe_load((app / "space4ai-r/deployments_performance.yaml").read_text())["System"]
    return found


def test_alternatives_are_ranked(tmp_path: Path) -> None:
    """Best first, the original among them, with the probability that the filter in use lets pass."""
    app = chain(tmp_path)
    write(app)
    found = ranking(app)
    assert (found["metric_name"], found["metric_thr"]) == ("average_accuracy", 0)
    entries = [pair for entry in found["sorted_deployments_performance"] for pair in entry.items()]
    assert [(key, body["components"]) for key, body in entries] == [
        ("alternative_deployment1", ["filter2", "clf"]),
        ("original_deployment", ["filter", "clf"]),
        ("alternative_deployment2", ["filter2", "clf2"]),
        ("alternative_deployment3", ["filter", "clf2"]),
    ]
    assert [body["dependencies"] for _, body in entries][:2] == [[["filter2", "clf", 0.55]], [["filter", "clf", 0.65]]]
    # Held back rightly + passed rightly × right answers of the classifier.
    assert [body["metric_value"] for _, body in entries] == pytest.approx(
        [0.4 + 0.55 * 0.9, 0.3 + 0.55 * 0.9, 0.4 + 0.55 * 0.6, 0.3 + 0.55 * 0.6]
    )


def test_the_twin_knows_the_quality_of_alternatives(tmp_path: Path) -> None:
    """And the probabilities they change; the graph of a deployment says the same as the ranking."""
    app = chain(tmp_path)
    designed = write(app)
    deployments = load_application(app, require_profiles=False).scenario.application.components["filter"].deployments
    assert deployments["filter2"].accuracy == pytest.approx(0.895)
    assert deployments["base"].accuracy == pytest.approx(0.795)
    assert deployments["filter2"].transition_probabilities == {"clf": 0.55}
    assert "filter2_partition1" in deployments
    for deployment in designed.deployments:
        graph = yaml.safe_load((app / f"aisprint/deployments/{deployment.name}/application_dag.yaml").read_text())
        assert graph["System"]["name"] == "app"
        assert graph["System"]["dependencies"][-1][2] == (0.55 if "filter2" in deployment.models else 0.65)


def test_the_ranking_is_not_copied_into_the_deployments(tmp_path: Path) -> None:
    """What was prepared beside it is, and designing again finds nothing to do."""
    app = chain(tmp_path)
    (app / "space4ai-r").mkdir()
    (app / "space4ai-r" / "mine.yaml").write_text("a: 1\n")
    write(app)
    assert not write_files(app, plan_designs(app).files).written
    copied = app / "aisprint/deployments/base/space4ai-r"
    assert [path.name for path in copied.iterdir()] == ["mine.yaml"]


def test_thresholds_are_honoured(tmp_path: Path) -> None:
    """What misses the threshold is neither ranked nor deployed; the original stays, and its failing is told."""
    designed = write(chain(tmp_path / "x", threshold=0.7))
    assert {deployment.models for deployment in designed.deployments} == {
        ("filter", "clf"),
        ("filter2", "clf"),
        ("filter2", "clf2"),
    }
    assert len(ranking(tmp_path / "x")["sorted_deployments_performance"]) == 3
    assert any("1 combinations of alternatives miss average_accuracy 0.7" in note for note in designed.notes)
    strict = write(chain(tmp_path / "y", threshold=0.85))
    assert {deployment.models for deployment in strict.deployments} == {("filter", "clf"), ("filter2", "clf")}
    assert any("without alternatives reaches average_accuracy 0.795, not 0.85" in note for note in strict.notes)


def test_a_graph_that_says_otherwise_is_noted(tmp_path: Path) -> None:
    """The matrix counts for the ranking, the graph for the base."""
    app = chain(tmp_path, probability=0.5)
    (app / "src/class_weights.csv").write_text("class,weight\n")
    designed = write(app)
    assert any("src/class_weights.csv is not read" in note for note in designed.notes)
    assert any("filter > clf has probability 0.5 in the graph; the confusion matrix" in one for one in designed.notes)
    graph = yaml.safe_load((app / "aisprint/deployments/base/application_dag.yaml").read_text())
    assert graph["System"]["dependencies"] == [["filter", "clf", 0.5]]


def three(folder: Path, annotations: Mapping[str, str], edges: Sequence[Sequence[Any]]) -> Path:
    """Write three components with annotations and the matrices of two filters and a classifier."""
    sources = {name: code(name, annotation) for name, annotation in annotations.items()}
    app = write_app(folder, sources, edges, [candidate(name, "VM") for name in sources])
    performance(app, "one", ("dark", "lit"), [[2, 1], [1, 6]])
    performance(app, "two", ("empty", "full"), [[3, 1], [1, 5]])
    performance(app, "three", ("a", "b"), [[4, 1], [1, 4]])
    return app


CHAIN = {
    "one": "model_performance(filtered_class='dark')",
    "two": "model_performance(filtered_class='empty')",
    "three": "model_performance(metric='average_f1')",
}
STRAIGHT = [["one", "two", 0.7], ["two", "three", 0.6]]


def test_longer_chains(tmp_path: Path) -> None:
    """Filters follow each other in the order of the graph."""
    app = three(tmp_path, CHAIN, STRAIGHT)
    write(app)
    (entry,) = ranking(app)["sorted_deployments_performance"]
    edges = entry["original_deployment"]["dependencies"]
    assert [edge[:2] for edge in edges] == [edge[:2] for edge in STRAIGHT]
    assert edges[0][2] == pytest.approx(0.7)
    # Of 'dark' 1/3 passes, of 'lit' 6/7; then of 'empty' (0.4 of the rest) 1/4, of all others 5/6.
    masses, first, second = (0.3, 0.28, 0.42), (1 / 3, 6 / 7, 6 / 7), (5 / 6, 1 / 4, 5 / 6)
    passed = sum(m * p * q for m, p, q in zip(masses, first, second, strict=True))
    assert edges[1][2] == pytest.approx(passed / 0.7)


@pytest.mark.parametrize(
    ("changes", "edges", "message"),
    [
        ({"two": CHAIN["three"]}, STRAIGHT, "expected one component with a metric, the classifier; found two, three"),
        ({"three": CHAIN["two"]}, STRAIGHT, "expected one component with a metric, the classifier; found none"),
        ({}, [["three", "two", 0.7], ["two", "one", 0.6]], "no path leads from 'one' to 'three'"),
        ({}, [["one", "three", 0.7], ["two", "three", 0.6]], "no path leads from 'one' to 'two'"),
        ({"one": "model_performance(filtered_class='drak')"}, STRAIGHT, "has no class 'drak', the filtered_class of"),
    ],
)
def test_chains_that_are_none(changes: dict[str, str], edges: Any, message: str, tmp_path: Path) -> None:
    """Filters lead to one classifier, and hold back a class of theirs."""
    with pytest.raises(DesignError) as caught:
        plan_designs(three(tmp_path, {**CHAIN, **changes}, edges))
    assert message in str(caught.value)


def test_an_alternative_says_the_same_as_what_it_replaces(tmp_path: Path) -> None:
    """Another metric could not be compared; and the classifier must have something to do."""
    app = chain(tmp_path)
    main = app / "src/clf2/main.py"
    main.write_text(main.read_text().replace("average_accuracy", "average_f1"))
    with pytest.raises(DesignError, match="is 'average_f1' here and 'average_accuracy' for 'clf'"):
        plan_designs(app)
    performance(app, "clf", ("nobody",), [[1]])
    with pytest.raises(DesignError, match="at least two classes"):
        plan_designs(app)
    performance(chain(app), "clf", ("nobody", "b"), [[1, 1], [0, 0]])
    with pytest.raises(DesignError, match="no class but those held back before"):
        plan_designs(app)


@pytest.mark.parametrize(
    ("matrix", "classes", "message"),
    [
        (None, "class,index\na,0\nb,1\n", "confusion_matrix.npy: no such file"),
        (b"text", "class,index\na,0\nb,1\n", "is no array saved by numpy"),
        (np.array([[1, 2]]), "class,index\na,0\nb,1\n", "expected numbers, 2 × 2"),
        (np.array([["a", "b"], ["c", "d"]]), "class,index\na,0\nb,1\n", "expected numbers, 2 × 2"),
        (np.array([[1, -2], [1, 1]]), "class,index\na,0\nb,1\n", "expected counts or shares"),
        (np.array([[1, np.nan], [1, 1]]), "class,index\na,0\nb,1\n", "expected counts or shares"),
        (np.zeros((2, 2)), "class,index\na,0\nb,1\n", "expected counts or shares"),
        (np.array([[{}, 1], [1, 1]], dtype=object), "class,index\na,0\nb,1\n", "is no array saved by numpy"),
        (np.eye(2), "name,index\na,0\n", "expected the header class,index"),
        (np.eye(2), "class,index\na,x\n", "expected the header class,index"),
        (np.eye(2), "class,index\na,0\nb,2\n", "indices from 0 on, each once"),
        (np.eye(2), "class,index\na,0\na,1\n", "indices from 0 on, each once"),
        (np.eye(2), "class,index\na,0\nb,0\n", "indices from 0 on, each once"),
        (np.eye(2), None, "class_names_dictionary.csv: no such file"),
    ],
)
def test_matrices_that_are_none(matrix: Any, classes: str | None, message: str, tmp_path: Path) -> None:
    """One clear message; arrays that would run code on loading are refused."""
    if isinstance(matrix, bytes):
        (tmp_path / "confusion_matrix.npy").write_bytes(matrix)
    elif matrix is not None:
        np.save(tmp_path / "confusion_matrix.npy", matrix, allow_pickle=True)
    if classes is not None:
        (tmp_path / "class_names_dictionary.csv").write_text(classes)
    with pytest.raises(DesignError, match=message):
        read_confusion(tmp_path, "shown")


def test_too_many_alternatives(tmp_path: Path) -> None:
    """More combinations than anybody ranks are refused, not begun."""
    names = [f"c{i}" for i in range(4)]
    alternatives = {name: [f"{name}alt{j}" for j in range(6)] for name in names}
    everything = [*names, *(one for own in alternatives.values() for one in own)]
    edges = [[a, b, 1] for a, b in pairwise(names)]
    sources = {name: code(name) for name in everything}
    app = write_app(tmp_path, sources, edges, [candidate(name, "VM") for name in everything], alternatives)
    with pytest.raises(DesignError, match="2401 combinations of alternatives; at most 1000"):
        plan_designs(app)
