"""SPACE4AI's files: read as its tools read them, written so that they can, refused with every fault and its place."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from twin.errors import PlanError, ScenarioError, TwinError
from twin.formats.space4ai import (
    Dialect,
    SolutionFigures,
    dump_solution,
    dump_system,
    load_solution,
    load_system,
    read_system,
    save_solution,
    save_system,
    solution_figures,
    system_losses,
)
from twin.model.constraints import GlobalConstraint, LocalConstraint
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import chosen_deployments, plan_problems
from twin.model.profile import Profile
from twin.model.scenario import Scenario
from twin.model.workload import Poisson

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SYSTEMS = sorted(
    [
        *SHARED.glob("space4ai/*/*/*/system_description.json"),
        *SHARED.glob("space4ai/generated/*/system.json"),
        *SHARED.glob("space4ai_runtime/replayed/*/system.json"),
        *SHARED.glob("space4ai_runtime/UseCase/*/*/system_description.json"),
    ]
)
DIALECTS: tuple[Dialect, ...] = ("d", "d-pre2023", "d-file", "r", "r-orig")

MINIMAL: dict[str, Any] = {
    "Components": {
        "c1": {
            "s1": {"h1": {"next": ["c2"], "early_exit_probability": 0, "data_size": [5]}},
            "s2": {
                "h2": {"next": ["h3"], "early_exit_probability": 0.2, "data_size": [2]},
                "h3": {"next": ["c2"], "early_exit_probability": 0, "data_size": [3]},
            },
        },
        "c2": {"s1": {"h1": {"next": [], "early_exit_probability": 0, "data_size": [1]}}},
    },
    "DirectedAcyclicGraph": {"c1": {"next": ["c2"], "transition_probability": [0.9]}},
    "EdgeResources": {
        "computationalLayer1": {"EN1": {"number": 2, "cost": 4.5, "memory": 4096, "n_cores": 4, "description": "Pi"}}
    },
    "CloudResources": {"computationalLayer2": {"VM1": {"number": 3, "cost": 0.75, "memory": 8192, "n_cores": 4}}},
    "FaaSResources": {
        "computationalLayer3": {
            "transition_cost": 0.01,
            "F1": {"cost": 0.06, "memory": 4096, "idle_time_before_kill": 600},
        }
    },
    "CompatibilityMatrix": {
        "c1": {
            "h1": [{"resource": "EN1", "memory": 256}],
            "h2": [{"resource": "EN1", "memory": 128}],
            "h3": [{"resource": "VM1", "memory": 128}],
        },
        "c2": {"h1": [{"resource": "VM1", "memory": 512}, {"resource": "F1", "memory": 512}]},
    },
    "Performance": {
        "c1": {
            "h1": {"EN1": {"model": "QTedge", "demand": 0.3}},
            "h2": {"EN1": {"model": "QTedge", "demand": 0.1}},
            "h3": {"VM1": {"model": "QTcloud", "demand": 0.1}},
        },
        "c2": {
            "h1": {
                "VM1": {"model": "QTcloud", "demand": 0.2},
                "F1": {"model": "PACSLTK", "demandWarm": 0.4, "demandCold": 1.1},
            }
        },
    },
    "Lambda": 1.5,
    "LocalConstraints": {"c1": {"local_res_time": 2}, "c2": {"local_res_time": "inf"}},
    "GlobalConstraints": {"p1": {"components": ["c1", "c2"], "global_res_time": 3}},
    "NetworkTechnology": {
        "ND1": {
            "computationalLayers": ["computationalLayer1", "computationalLayer2", "computationalLayer3"],
            "AccessDelay": 0.001,
            "Bandwidth": 1000,
        }
    },
    "Time": 2,
}

YEAR_2021 = """{ # all components
 "Components": {"c1": {"s1": {"h1": {"memory": 10, "next": "c2", "stop_probability": 0, "data_size": 4}}},
                "c2": {"s1": {"h1": {"memory": 50, "next": "h2", "stop_probability": 0, "data_size": 3},
                              "h2": {"memory": 25, "next": "", "stop_probability": 0.1, "data_size": 5}}}},
 "EdgeResources": {"computationallayer1": {"EN#1": {"number": 1, "cost": 4.5, "memory": 100}}},
 "FaaSResources": {"computationallayer4": {"F1": {"cost": 0.06, "memory": 50, "idle_time_before_kill": 600}},
                   "transition_cost": 0},
 "CompatibilityMatrix": {"c1": {"h1": ["EN#1"]}, "c2": {"h1": ["EN#1", "F1"], "h2": ["F1"]}},
 "DemandMatrix": {"c1": {"h1": {"EN#1": 1.26}}, "c2": {"h1": {"EN#1": 1.2, "F1": [0.25, 0.3]},
                  "h2": {"F1": [0.5, 0.6]}}},
 "Lambda": 0.25,
 "GlobalConstraints": {"path 1": {"components": ["c1", "c2"], "global_res_time": 2}},
 "NetworkTechnology": {"ND1": {"computationallayers": ["computationallayer1", "computationallayer4"],
                               "AccessDelay": 0, "Bandwidth": 150}},
 "DirectedAcyclicGraph": {"c1": {"next": ["c2"], "transition_probability": [0.9]}},
 "Time": 1
}"""


@pytest.fixture
def minimal() -> dict[str, Any]:
    """Return a copy of the minimal system that a test may spoil."""
    return copy.deepcopy(MINIMAL)


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    """Return the scenario of the minimal system."""
    return load_system(written(tmp_path, MINIMAL))


@pytest.fixture
def plan() -> Plan:
    """Return a plan for the minimal system that uses a resource, two nodes of another, and a function."""
    return Plan(
        placements={
            "c1.h2": Placement(resource="EN1", replicas=2),
            "c1.h3": Placement(resource="VM1"),
            "c2.h1": Placement(resource="F1"),
        }
    )


FIGURES = SolutionFigures(
    arrival_rate=1.5,
    partitions={"c1.h2": 0.11, "c1.h3": 0.2, "c2.h1": 0.41},
    components={"c1": 0.27, "c2": math.inf},
    paths={"p1": 0.72},
    total_cost=6.06,
    feasible=True,
)


def written(folder: Path, document: dict[str, Any] | str, name: str = "system.json") -> Path:
    """Write a document into *folder* and return its path."""
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def faults(path: Path) -> dict[str, str]:
    """Return place → message of every fault in a system file."""
    with pytest.raises(ScenarioError) as caught:
        load_system(path)
    return {problem.where: problem.message for problem in caught.value.problems}


def shared_systems() -> list[Path]:
    """Return the systems beside the project, or skip."""
    if not SYSTEMS:
        pytest.skip("../shared is absent")
    return SYSTEMS


def solutions_of(system: Path) -> list[Path]:
    """Return the solution files that belong to a shared system."""
    names = ("best_sol_1.8.json", "initial_placement.json", "DTbest_sol.json", "solutions/*.json")
    return [path for name in names for path in sorted(system.parent.glob(name))]


# ---------------------------------------------------------------------------------------------------- reading systems


def test_components_and_partitions_become_the_application(scenario: Scenario) -> None:
    """Names, chains, exits, candidates and data of the minimal example, all of them."""
    first, second = scenario.application.components.values()
    assert list(first.deployments) == ["s1", "s2"]
    chain = first.deployments["s2"].chain
    assert [partition.name for partition in chain] == ["c1.h2", "c1.h3"]
    assert [(p.exit_probability, p.data_mb) for p in chain] == [(0.2, 2.0), (0.0, 0.0)]
    assert chain[0].candidates["EN1"].memory_mb == 128
    assert chain[0].candidates["EN1"].computing_units == 1
    assert set(second.deployments["s1"].partitions["c2.h1"].candidates) == {"VM1", "F1"}
    (edge,) = scenario.application.dependencies
    assert (edge.origin, edge.to, edge.probability, edge.data_mb) == ("c1", "c2", 0.9, 5.0)
    assert first.deployments["s1"].dependency_data_mb == {}
    assert first.deployments["s2"].dependency_data_mb == {"c2": 3.0}


def test_resources_and_networks_become_the_continuum(scenario: Scenario) -> None:
    """An instance is one processor-sharing server; layers know AI-SPRINT's type and number."""
    continuum = scenario.continuum
    types = [(layer.name, layer.type, layer.number) for layer in continuum.layers.values()]
    assert types == [
        ("computationalLayer1", "PhysicalToBeProvisioned", 1),
        ("computationalLayer2", "Virtual", 2),
        ("computationalLayer3", "NativeCloudFunction", 3),
    ]
    device, function = continuum.resources["EN1"], continuum.functions["F1"]
    assert (device.nodes, device.cores, device.discipline, device.dispatch) == (2, 1.0, "ps", "random")
    assert (device.cost_per_hour, device.memory_mb, device.description) == (4.5, 4096.0, "Pi")
    assert device.properties == {"n_cores": 4}
    assert (function.idle_time, function.cost_per_hour, function.memory_mb) == (600.0, 0.06, 4096.0)
    assert function.properties == {"transition_cost": 0.01}
    assert function.cost_per_request == 0, "both tools read the price of a request and never charge it"
    domain = continuum.domains["ND1"]
    assert (domain.access_delay, domain.bandwidth_mbit_per_s, domain.contention) == (0.001, 1000.0, "none")
    assert len(domain.layers) == 3


def test_times_load_and_limits_become_profiles_workload_and_constraints(scenario: Scenario) -> None:
    """Bare means; one Poisson source; limits on means, infinite ones left out."""
    cloud, function = scenario.profiles["c2.h1"]["VM1"], scenario.profiles["c2.h1"]["F1"]
    assert (cloud.service_time.mean, cloud.service_time.law, cloud.source) == (0.2, None, "SPACE4AI QTcloud")
    assert function.cold_service_time is not None
    assert (function.service_time.mean, function.cold_service_time.mean) == (0.4, 1.1)
    (source,) = scenario.workload.sources.values()
    assert (source.name, source.entry, source.arrivals) == ("requests", "c1", Poisson(rate=1.5))
    assert scenario.constraints == (
        LocalConstraint(kind="local", component="c1", limit=2.0),
        GlobalConstraint(kind="global", name="p1", path=("c1", "c2"), limit=3.0),
    )
    assert scenario.run.transfers_within_resource == "free"
    assert scenario.run.discipline == "ps"


@pytest.mark.parametrize(("dialect", "factor"), list(zip(DIALECTS, (1, 8, 1, 8, 8), strict=True)))
def test_the_dialect_decides_on_the_factor_eight(tmp_path: Path, dialect: Dialect, factor: int) -> None:
    """Where the tool has no factor 8, the bandwidth takes it up; every note says which way was taken."""
    file = read_system(written(tmp_path, MINIMAL), dialect=dialect)
    assert file.scenario.continuum.domains["ND1"].bandwidth_mbit_per_s == 1000 * factor
    assert (file.dialect, file.hours, file.version) == (dialect, 2.0, "v3 (since 2023)")
    assert any(note.startswith(f"dialect {dialect}:") for note in file.notes)
    assert any("transition_cost" in note for note in file.notes)


def test_auto_is_the_present_tool_and_other_dialects_are_refused(tmp_path: Path) -> None:
    """The head of SPACE4AI-D is what a file is for unless someone knows better."""
    path = written(tmp_path, MINIMAL)
    assert read_system(path).dialect == "d"
    with pytest.raises(ValueError, match="dialect must be auto, d, d-pre2023"):
        read_system(path, dialect="python")  # type: ignore[arg-type]


def test_the_heuristics_of_the_tool_see_no_data_between_components(tmp_path: Path) -> None:
    """Dialect d-file keeps data inside a component only."""
    scenario = load_system(written(tmp_path, MINIMAL), dialect="d-file")
    assert scenario.application.dependencies[0].data_mb == 0
    assert scenario.application.components["c1"].deployments["s2"].dependency_data_mb == {}
    assert scenario.application.components["c1"].deployments["s2"].chain[0].data_mb == 2


def test_a_given_arrival_rate_replaces_the_files(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """Then the file needs none."""
    del minimal["Lambda"]
    path = written(tmp_path, minimal)
    assert load_system(path, arrival_rate=7.5).workload.sources["requests"].arrivals == Poisson(rate=7.5)
    message = "is missing; put the arrival rate (requests/s) there or give one on loading"
    assert faults(path) == {"Lambda": message}


def test_every_root_gets_the_full_load(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """Two components that nothing precedes have a source each, as in SPACE4AI-R."""
    minimal["DirectedAcyclicGraph"] = {"c1": {"next": [], "transition_probability": []}, "c2": {}}
    minimal["Components"]["c1"]["s1"]["h1"] = {"next": [], "data_size": []}
    minimal["Components"]["c1"]["s2"]["h3"] = {"next": [], "data_size": []}
    minimal["GlobalConstraints"] = {}
    scenario = load_system(written(tmp_path, minimal))
    loads = {source.entry: source.arrivals for source in scenario.workload.sources.values()}
    assert loads == {"c1": Poisson(rate=1.5), "c2": Poisson(rate=1.5)}


@pytest.mark.parametrize("limit", ["inf", "Infinity", None, 1e300])
def test_infinite_limits_are_no_constraints(tmp_path: Path, minimal: dict[str, Any], limit: object) -> None:
    """Whatever way a tool writes that there is no limit."""
    minimal["LocalConstraints"]["c1"]["local_res_time"] = limit
    minimal["GlobalConstraints"]["p1"]["global_res_time"] = limit
    assert load_system(written(tmp_path, minimal)).constraints == ()


def test_models_with_regressors_need_a_mean(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """Regressors are not run: their meanTime is taken, with a note; without one the file is refused."""
    row = minimal["Performance"]["c1"]["h1"]
    row["EN1"] = {"model": "CoreBasedPredictor", "regressor_file": "c1.pickle", "meanTime": 0.25}
    minimal["Performance"]["c2"]["h1"]["F1"] = {"model": "MLLIBfaas", "demandWarm": 0.4, "demandCold": 1.1}
    file = read_system(written(tmp_path, minimal))
    profile = file.scenario.profiles["c1.h1"]["EN1"]
    assert profile.service_time.mean == 0.25
    assert profile.source == "SPACE4AI CoreBasedPredictor, regressor_file c1.pickle"
    assert file.scenario.profiles["c2.h1"]["F1"].service_time.mean == 0.4
    assert sum("regressors are not executed" in note for note in file.notes) == 2
    del row["EN1"]["meanTime"]
    message = faults(written(tmp_path, minimal))["Performance.c1.h1.EN1"]
    assert "regressors are not executed; add meanTime" in message


def test_the_order_of_partitions_is_the_files_for_one_tool_and_that_of_next_for_the_other(
    tmp_path: Path, minimal: dict[str, Any]
) -> None:
    """Where they differ, SPACE4AI-D and -R compute different things from one file."""
    chain = minimal["Components"]["c1"]["s2"]
    minimal["Components"]["c1"]["s2"] = {"h3": chain["h3"], "h2": chain["h2"]}
    minimal["Components"]["c1"]["s2"]["h2"]["early_exit_probability"] = 0
    path = written(tmp_path, minimal)
    ordered = load_system(path, dialect="r").application.components["c1"].deployments["s2"]
    assert list(ordered.partitions) == ["c1.h2", "c1.h3"]
    minimal["Components"]["c1"]["s2"]["h2"]["next"] = ["h2"]
    with pytest.raises(ScenarioError, match="'next' does not chain the partitions h3, h2"):
        load_system(written(tmp_path, minimal), dialect="r")
    minimal["Components"]["c1"]["s2"] = chain
    chain["h2"]["next"] = ["h2"]
    file = read_system(written(tmp_path, minimal))
    assert list(file.scenario.application.components["c1"].deployments["s2"].partitions) == ["c1.h2", "c1.h3"]
    assert any("'next' does not follow the order" in note for note in file.notes)


# ------------------------------------------------------------------------------------------------------ the dialects


def test_a_file_of_2021_is_read(tmp_path: Path) -> None:
    """Comments, a demand matrix, stop probabilities, memory at the partition, bare names, text where lists are now."""
    file = read_system(written(tmp_path, YEAR_2021))
    scenario = file.scenario
    assert file.version == "v0 (2021)"
    assert set(scenario.continuum.resources) == {"EN#1"}, "a # inside a string is no comment"
    chain = scenario.application.components["c2"].deployments["s1"].chain
    assert [partition.exit_probability for partition in chain] == [0.1, 0.0], "moved to the partition that is left"
    assert [partition.data_mb for partition in chain] == [3.0, 0.0]
    assert chain[0].candidates["F1"].memory_mb == 50
    assert scenario.application.dependencies[0].data_mb == 4
    warm_and_cold = scenario.profiles["c2.h1"]["F1"]
    assert warm_and_cold.cold_service_time is not None
    assert (warm_and_cold.service_time.mean, warm_and_cold.cold_service_time.mean) == (0.25, 0.3)
    assert scenario.profiles["c1.h1"]["EN#1"].service_time.mean == 1.26
    for said in ("comments", "stop_probability", "DemandMatrix", "n_cores", "computationallayers", "early exits"):
        assert any(said in note for note in file.notes), said


def test_the_earliest_files_have_no_deployments(tmp_path: Path) -> None:
    """Their components become one partition each, their chain a graph."""
    early = {
        "Components": {"c1": {"memory": 5}, "c2": {"memory": 0}},
        "EdgeResources": {"computationallayer1": {"EN1": {"number": 1, "cost": 1, "memory": 100}}},
        "CompatibilityMatrix": {"c1": ["EN1"], "c2": ["EN1"]},
        "DemandMatrix": {"c1": {"EN1": 0.5}, "c2": {"EN1": 0.25}},
        "Lambda": 0.07,
        "NetworkTechnology": {
            "ND1": {"computationallayers": ["computationallayer1"], "AccessDelay": 0, "Bandwidth": 10000}
        },
        "DataTransfer": {"c1": {"next": ["c2"], "data_size": [4]}},
        "Time": 1,
    }
    file = read_system(written(tmp_path, early))
    (edge,) = file.scenario.application.dependencies
    assert (edge.origin, edge.to, edge.probability, edge.data_mb) == ("c1", "c2", 1.0, 4.0)
    assert file.scenario.application.partition("c1.h1")[2].candidates["EN1"].memory_mb == 5
    assert file.scenario.profiles["c2.h1"]["EN1"].service_time.mean == 0.25
    assert file.version == "v0 (2021)"


def test_a_file_of_2022_is_read(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """Performance models already, but still one successor and one size without lists; one size goes to all."""
    minimal["Components"] = {
        "c1": {"s1": {"h1": {"memory": 10, "next": "c2", "early_exit_probability": 0, "data_size": 4}}},
        "c2": {"s1": {"h1": {"memory": 20, "next": "", "early_exit_probability": 0, "data_size": 5}}},
    }
    minimal["CompatibilityMatrix"] = {"c1": {"h1": ["EN1"]}, "c2": {"h1": ["VM1", "F1"]}}
    minimal["Performance"]["c1"] = {"h1": {"EN1": {"model": "QTedge", "demand": 0.3}}}
    minimal["FaaSResources"]["transition_cost"] = 0.02
    del minimal["FaaSResources"]["computationalLayer3"]["transition_cost"]
    file = read_system(written(tmp_path, minimal))
    assert file.scenario.continuum.functions["F1"].properties == {"transition_cost": 0.02}
    assert file.version == "v1 (2022)"
    assert file.scenario.application.dependencies[0].data_mb == 4
    assert file.scenario.application.partition("c2.h1")[2].candidates["F1"].memory_mb == 20


def test_a_file_of_2022_23_spells_its_layers_otherwise(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """``computationallayers`` is put right, and that is said; a layer without resources is left out, and that too."""
    domain = minimal["NetworkTechnology"]["ND1"]
    domain["computationallayers"] = [*domain.pop("computationalLayers"), "computationalLayer9"]
    file = read_system(written(tmp_path, minimal))
    assert file.version == "v2 (2022-23)"
    assert len(file.scenario.continuum.domains["ND1"].layers) == 3
    assert any("'computationalLayer9', which holds no resources" in note for note in file.notes)


def test_exits_of_present_files_belong_to_the_partition_that_is_left(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """What a last partition says about exits is left out, as both tools do, and said."""
    minimal["Components"]["c1"]["s2"]["h3"]["early_exit_probability"] = 0.3
    file = read_system(written(tmp_path, minimal))
    chain = file.scenario.application.components["c1"].deployments["s2"].chain
    assert [partition.exit_probability for partition in chain] == [0.2, 0.0]
    assert any("no early exit from the last partition; 0.3 left out" in note for note in file.notes)
    minimal["Components"]["c1"]["s2"]["h2"]["early_exit_probability"] = 0
    chain = load_system(written(tmp_path, minimal)).application.components["c1"].deployments["s2"].chain
    assert [partition.exit_probability for partition in chain] == [0.0, 0.0], "only old files give exits to the next"


# ------------------------------------------------------------------------------------------------- all shared systems


def test_shared_files_and_their_solutions_fit() -> None:
    """Every system loads, and every plan places all of its partitions where they may run."""
    plans = 0
    for path in shared_systems():
        scenario = load_system(path)
        for solution in solutions_of(path):
            assert plan_problems(scenario, load_solution(solution, scenario)) == []
            plans += 1
    assert plans >= len(SYSTEMS) - 4


@pytest.mark.parametrize("dialect", DIALECTS)
def test_writing_a_shared_file_and_reading_it_gives_the_same_scenario(tmp_path: Path, dialect: Dialect) -> None:
    """In each dialect; nothing is lost, and what is written is of the present format."""
    for path in shared_systems():
        file = read_system(path, dialect=dialect)
        assert system_losses(file.scenario) == ()
        copied = tmp_path / path.name
        save_system(file.scenario, copied, dialect=dialect, hours=file.hours)
        again = read_system(copied, dialect=dialect)
        assert again.scenario == file.scenario, path
        assert (again.version, again.hours) == ("v3 (since 2023)", file.hours)


def test_the_figures_of_the_tool_follow_from_what_was_read() -> None:
    """Loads, exits, sharing, networks and data: with SPACE4AI-D's formulas they give its own figures to the last digit.

    Source: the published model, R = D / (1 - U) for a shared server, sums along chains and paths.
    """
    solutions = [path for system in shared_systems() for path in system.parent.glob("best_sol_1.8.json")]
    for solution in solutions:
        figures = solution_figures(solution)
        scenario = load_system(solution.with_name("system_description.json"), dialect="d-pre2023")
        plan = load_solution(solution, scenario)
        times = partition_times(scenario, plan, figures)
        components = component_times(scenario, plan, times)
        assert times == pytest.approx(figures.partitions, rel=1e-12)
        assert components == pytest.approx(figures.components, rel=1e-12)
        assert path_times(scenario, plan, components) == pytest.approx(figures.paths, rel=1e-12)


def partition_times(scenario: Scenario, plan: Plan, figures: SolutionFigures) -> dict[str, float]:
    """Return mean response times; those of functions are the file's own, for they need a chain of their own."""
    loads = partition_loads(scenario, plan, figures.arrival_rate or 0.0)
    demands = {name: expected_time(scenario, plan, name) for name in loads}
    used: dict[str, float] = {}
    for name, load in loads.items():
        place = plan.placements[name]
        used[place.resource] = used.get(place.resource, 0.0) + demands[name] * load / place.replicas
    return {
        name: demands[name] / (1 - used[plan.placements[name].resource])
        if plan.placements[name].resource in scenario.continuum.resources
        else figures.partitions[name]
        for name in loads
    }


def expected_time(scenario: Scenario, plan: Plan, partition: str) -> float:
    """Return the mean service time of a partition where the plan puts it."""
    profile = scenario.profile(partition, plan.placements[partition].resource)
    assert profile is not None
    return profile.service_time.expectation


def partition_loads(scenario: Scenario, plan: Plan, rate: float) -> dict[str, float]:
    """Return arrival rates: along the edges by their probabilities, along a chain thinned by exits."""
    application = scenario.application
    graph: nx.DiGraph[str] = nx.DiGraph([(edge.origin, edge.to) for edge in application.dependencies])
    graph.add_nodes_from(application.components)
    components: dict[str, float] = {}
    for name in nx.topological_sort(graph):
        entering = [edge for edge in application.dependencies if edge.to == name]
        components[name] = sum(e.probability * components[e.origin] for e in entering) if entering else rate
    loads: dict[str, float] = {}
    for name, deployment in chosen_deployments(scenario, plan).items():
        load = components[name]
        for partition in deployment.chain:
            loads[partition.name] = load
            load *= 1 - partition.exit_probability
    return loads


def transfer(scenario: Scenario, plan: Plan, origin: str, destination: str, size_mb: float) -> float:
    """Return the seconds data takes from one partition to another; none on the same resource."""
    here, there = plan.placements[origin].resource, plan.placements[destination].resource
    if here == there:
        return 0.0
    layers = scenario.continuum.host(here).layer, scenario.continuum.host(there).layer
    domain = scenario.continuum.best_domain(*layers, size_mb)
    assert domain is not None
    return domain.access_delay + 8 * size_mb / domain.bandwidth_mbit_per_s


def component_times(scenario: Scenario, plan: Plan, times: dict[str, float]) -> dict[str, float]:
    """Return mean response times of components over their exits."""
    found: dict[str, float] = {}
    for name, deployment in chosen_deployments(scenario, plan).items():
        found[name], reach = times[deployment.chain[0].name], 1.0
        for before, after in zip(deployment.chain, deployment.chain[1:], strict=False):
            reach *= 1 - before.exit_probability
            hop = transfer(scenario, plan, before.name, after.name, before.data_mb)
            found[name] += reach * (times[after.name] + hop)
    return found


def path_times(scenario: Scenario, plan: Plan, components: dict[str, float]) -> dict[str | None, float]:
    """Return mean response times along the constrained paths."""
    chosen = chosen_deployments(scenario, plan)
    sizes = {(edge.origin, edge.to): edge.data_mb for edge in scenario.application.dependencies}
    found: dict[str | None, float] = {}
    for constraint in scenario.constraints:
        if isinstance(constraint, GlobalConstraint):
            found[constraint.name] = sum(components[name] for name in constraint.path)
            for a, b in zip(constraint.path, constraint.path[1:], strict=False):
                size = chosen[a].dependency_data_mb.get(b, sizes[a, b])
                ends = chosen[a].chain[-1].name, chosen[b].chain[0].name
                found[constraint.name] += transfer(scenario, plan, *ends, size)
    return found


# ------------------------------------------------------------------------------------------------------ wrong systems


def test_all_faults_are_named_at_once_with_their_places(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """One reading finds what is wrong anywhere in the file."""
    minimal["Performance"]["c1"]["h1"]["EN1"]["demand"] = -0.3
    minimal["Performance"]["c1"]["h2"]["EN1"]["demand"] = math.nan
    minimal["Performance"]["c2"]["h1"]["VM1"]["model"] = "QTclouds"
    minimal["CompatibilityMatrix"]["c1"]["h3"][0]["resource"] = "VM7"
    minimal["NetworkTechnology"]["ND1"]["Bandwidth"] = 0
    minimal["EdgeResources"]["computationalLayer1"]["EN1"]["number"] = 1.5
    minimal["LocalConstraints"]["c9"] = {"local_res_time": 1}
    minimal["Components"]["c1"]["s2"]["h2"]["early_exit_probability"] = 1.2
    minimal["DirectedAcyclicGraph"]["c1"]["transition_probability"] = [0.5, 0.5]
    minimal["Time"] = "soon"
    del minimal["CloudResources"]["computationalLayer2"]["VM1"]["cost"]
    found = faults(written(tmp_path, minimal))
    assert found == {
        "Performance.c1.h1.EN1.demand": "must be at least 0, got -0.3",
        "Performance.c1.h2.EN1.demand": "must be a finite number, got nan",
        "Performance.c2.h1.VM1.model": "unknown model 'QTclouds'; did you mean 'QTcloud'?",
        "Performance.c1.h3.VM1": "'VM1' is not in the CompatibilityMatrix of this partition; "
        "add it there or leave it out",
        "CompatibilityMatrix.c1.h3.0.resource": "unknown resource or function 'VM7'; did you mean 'VM1'?",
        "NetworkTechnology.ND1.Bandwidth": "must be above 0, got 0",
        "EdgeResources.computationalLayer1.EN1.number": "must be a whole number, got 1.5",
        "LocalConstraints.c9": "unknown component 'c9'; known: c1, c2",
        "Components.c1.s2.h2.early_exit_probability": "must be at most 1, got 1.2",
        "DirectedAcyclicGraph.c1": "has 1 successors but 2 transition probabilities",
        "Time": "must be a finite number, got 'soon'",
        "CloudResources.computationalLayer2.VM1.cost": "is missing",
    }


def test_missing_sections_are_named(tmp_path: Path) -> None:
    """An empty object lacks everything that is required, and nothing else."""
    required = {
        "Components",
        "DirectedAcyclicGraph",
        "EdgeResources",
        "CompatibilityMatrix",
        "Performance",
        "Lambda",
        "NetworkTechnology",
    }
    assert set(faults(written(tmp_path, {}))) == required


def test_a_cycle_and_a_forgotten_component_are_named(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """A graph that returns has no order; a component outside it would get requests from nowhere."""
    minimal["DirectedAcyclicGraph"]["c2"] = {"next": ["c1"], "transition_probability": [1]}
    minimal["Components"]["c2"]["s1"]["h1"]["next"] = ["c1"]
    minimal["Components"]["c3"] = copy.deepcopy(minimal["Components"]["c2"])
    found = faults(written(tmp_path, minimal))
    assert "DirectedAcyclicGraph" in found
    with pytest.raises(ScenarioError) as caught:
        load_system(tmp_path / "system.json")
    assert "has a cycle: c1 > c2 > c1" in str(caught.value)
    assert "component 'c3' is neither a key nor a successor" in str(caught.value)


def spoil(document: dict[str, Any], place: str, value: object) -> dict[str, Any]:
    """Return *document* with another value at *place*."""
    *keys, last = place.split(".")
    inner = document
    for key in keys:
        inner = inner[key]
    inner[last] = value
    return document


@pytest.mark.parametrize(
    ("place", "value", "where", "message"),
    [
        ("LocalConstraint", {}, "LocalConstraint", "unknown key; did you mean 'LocalConstraints'?"),
        ("Lambda", 0, "Lambda", "must be above 0, got 0"),
        ("Lambda", True, "Lambda", "must be a finite number, got True"),
        ("Components", {}, "Components", "names no component"),
        ("Components.c1", [], "Components.c1", "must be an object {...}, got []"),
        ("Components.c2", {}, "Components.c2", "has no deployment"),
        ("Components.c2.s1", {}, "Components.c2.s1", "has no partition"),
        ("Components.c2.s2", {"h1": {}}, "Components.c2", "partition 'h1' stands in several deployments"),
        ("Components.c1.s2.h2.data_size", [], "Components.c1.s2.h2.data_size", "must hold the megabytes"),
        ("Components.c1.s1.h1.next", ["c7"], "Components.c1.s1.h1.next.0", "unknown successor 'c7'; known: c2"),
        ("Components.c1.s1.h1.data_size", [1, 2], "Components.c1.s1.h1", "has 1 entries in next but 2 in data_size"),
        ("CompatibilityMatrix.c2.h1", [], "CompatibilityMatrix.c2.h1", "names no resource"),
        ("CompatibilityMatrix.c2.h9", [], "CompatibilityMatrix.c2.h9", "unknown partition 'h9'"),
        ("Performance.c1.h1.EN1", 3, "", ""),
        ("Performance.c1.h1.EN1", [1, 2], "Performance.c1.h1.EN1", "must be one demand in seconds"),
        ("Performance.c2.h1.F1", {"model": "QTedge", "demand": 1}, "Performance.c2.h1.F1.model", "use 'PACSLTK'"),
        ("Performance.c7", {}, "Performance.c7", "unknown component 'c7'"),
        ("CloudResources.computationalLayer1", {}, "CloudResources.computationalLayer1", "stands twice"),
        (
            "CloudResources.computationalLayer2.EN1",
            {"number": 1, "cost": 0, "memory": 1, "n_cores": 1},
            "CloudResources.computationalLayer2.EN1",
            "'EN1' stands twice",
        ),
        ("GlobalConstraints.p1.components", ["c2", "c1"], "GlobalConstraints.p1.components.1", "no edge leads from"),
        ("GlobalConstraints.p1.components", [], "GlobalConstraints.p1.components", "at least one component"),
        ("DirectedAcyclicGraph.c1.next", ["c8"], "DirectedAcyclicGraph.c1.next.0", "unknown component 'c8'"),
        ("NetworkTechnology.ND1.AccessDelay", "fast", "NetworkTechnology.ND1.AccessDelay", "must be a finite number"),
        ("Names", {"components": {"c1": "a", "c2": "a"}}, "Names.components.c2", "stands for two codes"),
        (
            "FaaSResources.computationalLayer3.F1.memory",
            10**400,
            "FaaSResources.computationalLayer3.F1.memory",
            "finite",
        ),
    ],
)
def test_each_fault_has_its_place_and_a_way_out(
    tmp_path: Path, minimal: dict[str, Any], place: str, value: object, where: str, message: str
) -> None:
    """Every message is seen once; a demand alone, as in 2021, is none."""
    path = written(tmp_path, spoil(minimal, place, value))
    if where:
        assert message in faults(path)[where]
    else:
        load_system(path)


def places(value: object, place: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield the way to every value inside *value*."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*place, key)
        yield from places(item, (*place, key))


@pytest.mark.parametrize("junk", [None, [], {}, "", "x", -1, True, [[]], {"x": {}}, "\u00e9" * 300])
def test_no_junk_anywhere_ends_in_a_traceback(tmp_path: Path, junk: object) -> None:
    """Whatever stands at whatever place is either read or refused as the user's fault."""
    for place in places(MINIMAL):
        document: Any = copy.deepcopy(MINIMAL)
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = junk
        with contextlib.suppress(ScenarioError):
            load_system(written(tmp_path, document))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Lambda": 1,\n "Time": }', "line 2: not JSON: Expecting value"),
        ("[]", "must be one JSON object {...}, got list"),
        ('{"Time": 1, "Time": 2}', "key 'Time' stands twice in one object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"Lambda": ' + "1" * 5000 + "}", "not JSON: "),
        ("", "not JSON: Expecting value"),
    ],
)
def test_text_that_is_no_json_object_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With line and column where the text has them."""
    with pytest.raises(ScenarioError) as caught:
        load_system(written(tmp_path, text))
    assert message in str(caught.value)


def test_a_fault_after_a_comment_keeps_its_line_and_column(tmp_path: Path) -> None:
    """Leaving comments out moves nothing."""
    with pytest.raises(ScenarioError) as caught:
        load_system(written(tmp_path, '{ # first\n # second\n  "Lambda": x }'))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (3, 13)


def test_files_that_are_absent_or_huge_are_refused(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ScenarioError, match="no such file"):
        load_system(tmp_path / "system.json")
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(100_000_001)
    with pytest.raises(ScenarioError, match="at most 100 MB"):
        load_system(huge)


def test_long_lists_of_faults_are_cut(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """Nobody reads thousands of them; how many there are is said."""
    minimal["LocalConstraints"] = {f"x{i}": {"local_res_time": 1} for i in range(150)}
    with pytest.raises(ScenarioError, match="and 50 more"):
        load_system(written(tmp_path, minimal))


# ---------------------------------------------------------------------------------------------------- writing systems


def test_a_written_system_can_be_read_by_both_tools(scenario: Scenario) -> None:
    """The spelling since 2023, meanTime in every model, lists, and the graph's order in ``next``."""
    document: Any = dump_system(scenario, hours=2)
    assert document["NetworkTechnology"]["ND1"]["computationalLayers"][0] == "computationalLayer1"
    assert document["Performance"]["c2"]["h1"]["F1"] == {
        "model": "PACSLTK",
        "demandWarm": 0.4,
        "demandCold": 1.1,
        "meanTime": 0.4,
    }
    assert document["Performance"]["c1"]["h1"]["EN1"] == {"model": "QTedge", "demand": 0.3, "meanTime": 0.3}
    assert document["Components"]["c1"]["s2"]["h2"] == {
        "next": ["h3"],
        "early_exit_probability": 0.2,
        "data_size": [2.0],
    }
    assert document["Components"]["c1"]["s2"]["h3"]["data_size"] == [3.0]
    assert document["FaaSResources"]["computationalLayer3"]["transition_cost"] == 0.01
    assert document["EdgeResources"]["computationalLayer1"]["EN1"]["n_cores"] == 4
    assert document["LocalConstraints"] == {"c1": {"local_res_time": 2.0}}
    assert (document["Lambda"], document["Time"]) == (1.5, 2)
    assert "Names" not in document


def test_every_dialect_of_the_minimal_and_of_old_files_survives_writing(tmp_path: Path) -> None:
    """Files of 2021 become present ones that mean the same."""
    for text in (json.dumps(MINIMAL), YEAR_2021):
        for dialect in DIALECTS:
            scenario = load_system(written(tmp_path, text), dialect=dialect)
            save_system(scenario, tmp_path / "system.json", dialect=dialect)
            assert load_system(tmp_path / "system.json", dialect=dialect) == scenario


def test_regressors_survive_writing(tmp_path: Path, minimal: dict[str, Any]) -> None:
    """SPACE4AI-D still finds its regressor in the file."""
    model = {"model": "LambdaBasedPredictor", "regressor_file": "c1.pickle", "meanTime": 0.25}
    minimal["Performance"]["c1"]["h1"]["EN1"] = model
    document: Any = dump_system(load_system(written(tmp_path, minimal)))
    assert document["Performance"]["c1"]["h1"]["EN1"] == model


def renamed(minimal: dict[str, Any]) -> dict[str, Any]:
    """Return the minimal system with names that SPACE4AI could not tell apart."""
    names = {
        "components": {"c1": "blurry-faces", "c2": "mask detector"},
        "deployments": {"c1.s1": "base", "c2.s1": "base"},
        "partitions": {"c1.h1": "blurry-faces", "c1.h2": "first half", "c1.h3": "second half"},
        "layers": {"computationalLayer1": "RaspPi", "computationalLayer3": "Lambda"},
    }
    return {**minimal, "Names": names}


def test_names_of_another_shape_are_coded_and_given_back(tmp_path: Path, minimal: dict[str, Any], plan: Plan) -> None:
    """SPACE4AI's readers see c1, s1, h1; this project's see the names."""
    scenario = load_system(written(tmp_path, renamed(minimal)))
    assert list(scenario.application.components) == ["blurry-faces", "mask detector"]
    assert scenario.application.partition("second half")[0].name == "blurry-faces"
    assert scenario.application.partition("mask detector.h1")
    assert scenario.continuum.resources["EN1"].layer == "RaspPi"
    document: Any = dump_system(scenario)
    assert set(document["Components"]) == {"c1", "c2"}
    assert list(document["Components"]["c1"]["s2"]) == ["h2", "h3"]
    assert set(document["FaaSResources"]) == {"computationalLayer3"}
    assert document["GlobalConstraints"]["p1"]["components"] == ["c1", "c2"]
    save_system(scenario, tmp_path / "system.json")
    assert load_system(tmp_path / "system.json") == scenario
    codes = {"first half": "c1.h2", "second half": "c1.h3", "mask detector.h1": "c2.h1"}
    named = Plan(name="solution", placements={name: plan.placements[code] for name, code in codes.items()})
    path = tmp_path / "solution.json"
    figures = SolutionFigures(partitions={"first half": 0.1}, components={"mask detector": 0.2})
    save_solution(scenario, named, path, figures=figures)
    assert load_solution(path, scenario) == named
    assert solution_figures(path, scenario).partitions == {"first half": 0.1}
    assert solution_figures(path, scenario).components == {"mask detector": 0.2}
    assert solution_figures(path).partitions == {"c1.h2": 0.1}


def test_what_has_no_place_in_the_format_is_said(scenario: Scenario) -> None:
    """Losses are listed; an arrival process without one rate, or a partition without times, is refused."""
    resource = scenario.continuum.resources["EN1"].model_copy(update={"cores": 4.0, "discipline": "fifo"})
    continuum = scenario.continuum.model_copy(update={"resources": {**scenario.continuum.resources, "EN1": resource}})
    other = scenario.model_copy(
        update={
            "continuum": continuum,
            "constraints": (LocalConstraint(kind="local", component="c1", limit=1.0, percentile=95.0),),
        }
    )
    losses = system_losses(other)
    assert "several cores become one server: EN1" in losses
    assert "first come, first served becomes sharing: EN1" in losses
    assert "constraints but mean response times are left out: local" in losses
    data = scenario.model_dump()
    data["workload"]["sources"]["requests"]["arrivals"] = {"process": "closed", "users": 3, "think_time": {"mean": 1.0}}
    data["profiles"] = {**data["profiles"], "c1.h1": {}}
    closed = Scenario.model_validate(data)
    with pytest.raises(ScenarioError, match="give arrival_rate") as caught:
        dump_system(closed)
    assert [problem.where for problem in caught.value.problems] == ["profiles.c1.h1", "workload.sources"]
    data["profiles"]["c1.h1"] = {"EN1": Profile(service_time={"mean": 0.3}, scale=2.0)}
    document: Any = dump_system(Scenario.model_validate(data), arrival_rate=4.0)
    assert document["Lambda"] == 4.0
    assert document["Performance"]["c1"]["h1"]["EN1"]["demand"] == 0.6


def test_one_rate_at_all_roots_or_none(scenario: Scenario) -> None:
    """Requests that enter elsewhere have no place; several sources at one root add up."""
    data = scenario.model_dump()
    sources = data["workload"]["sources"]
    sources["more"] = {"arrivals": {"process": "renewal", "gap": {"mean": 2.0}}, "entry": "c1"}
    document: Any = dump_system(Scenario.model_validate(data))
    assert document["Lambda"] == 2.0
    data["workload"]["sources"] = {"requests": {"arrivals": {"process": "poisson", "rate": 1.0}, "entry": "c2"}}
    with pytest.raises(ScenarioError, match="the same at every root"):
        dump_system(Scenario.model_validate(data))


def test_the_tightest_limit_and_nested_domains_are_written(scenario: Scenario) -> None:
    """SPACE4AI has one limit a component, and domains that list all their layers."""
    data = scenario.model_dump()
    data["constraints"] = [{"kind": "local", "component": "c1", "limit": limit} for limit in (2.0, 1.0, 3.0)]
    inner, outer = ["computationalLayer1"], ["computationalLayer2", "computationalLayer3"]
    data["continuum"]["domains"] = {
        "site": {"layers": inner, "bandwidth_mbit_per_s": 100.0},
        "all": {"layers": outer, "contains": ["site"], "bandwidth_mbit_per_s": 10.0},
    }
    document: Any = dump_system(Scenario.model_validate(data), dialect="r")
    assert document["LocalConstraints"] == {"c1": {"local_res_time": 1.0}}
    assert document["NetworkTechnology"]["all"] == {
        "computationalLayers": [*outer, *inner],
        "AccessDelay": 0.0,
        "Bandwidth": 1.25,
    }


def test_codes_of_partitions_differ_inside_a_component(scenario: Scenario) -> None:
    """Two deployments may lead to one code; then all get new ones."""
    data = scenario.model_dump()
    deployments = data["application"]["components"]["c1"]["deployments"]
    deployments["s1"]["partitions"] = {"h2": {**deployments["s1"]["partitions"]["c1.h1"], "name": "h2"}}
    data["profiles"]["h2"] = data["profiles"].pop("c1.h1")
    document: Any = dump_system(Scenario.model_validate(data))
    assert list(document["CompatibilityMatrix"]["c1"]) == ["h1", "h2", "h3"]
    assert document["Names"]["partitions"]["c1.h1"] == "h2"


def test_other_profiles_of_functions_get_a_cold_time(scenario: Scenario) -> None:
    """Start and service together, for SPACE4AI counts a cold request as one time; a device's factor holds for both."""
    data = scenario.model_dump()
    data["profiles"]["c2.h1"]["F1"] = {"service_time": 0.4, "cold_service_time": 2.0, "scale": 2.0}
    scaled: Any = dump_system(Scenario.model_validate(data))
    assert scaled["Performance"]["c2"]["h1"]["F1"]["demandWarm"] == pytest.approx(0.8)
    assert scaled["Performance"]["c2"]["h1"]["F1"]["demandCold"] == pytest.approx(4.0)
    data["profiles"]["c2.h1"]["F1"] = {"service_time": 0.4, "cold_start": 2.0}
    document: Any = dump_system(Scenario.model_validate(data))
    assert document["Performance"]["c2"]["h1"]["F1"]["demandCold"] == pytest.approx(2.4)


# ---------------------------------------------------------------------------------------------------------- solutions


def test_a_solution_of_the_design_tool_is_written_as_it_writes_them(scenario: Scenario, plan: Plan) -> None:
    """Cost and infinite times as text, the layer as the first key of a partition, for the tool takes the first."""
    document: Any = dump_solution(scenario, plan, FIGURES)
    assert document["total_cost"] == "6.06"
    assert document["feasible"] is True
    first = document["components"]["c1"]["s2"]["h2"]
    assert list(first) == ["computationalLayer1", "response_time"]
    assert first["computationalLayer1"]["EN1"] == {
        "description": "Pi",
        "cost": 9.0,
        "memory": 4096.0,
        "number": 2,
    }
    last = document["components"]["c2"]
    assert last["s1"]["h1"]["computationalLayer3"]["F1"] == {
        "description": "No description",
        "cost": 0.06,
        "memory": 4096.0,
        "idle_time_before_kill": 600.0,
        "transition_cost": 0.01,
    }
    assert (last["response_time"], last["response_time_threshold"]) == ("inf", "inf")
    assert document["global_constraints"] == {
        "p1": {"components": ["c1", "c2"], "global_res_time": 3.0, "path_response_time": 0.72}
    }


def test_a_solution_for_the_runtime_tool_can_be_read_by_both(scenario: Scenario, plan: Plan) -> None:
    """Numbers and null, and the level of the deployment for functions too."""
    document: Any = dump_solution(scenario, plan, FIGURES, dialect="r")
    assert document["total_cost"] == 6.06
    assert document["components"]["c2"]["response_time"] is None
    assert document["components"]["c2"]["response_time_threshold"] is None
    assert "F1" in document["components"]["c2"]["s1"]["h1"]["computationalLayer3"]
    assert document["global_constraints"]["p1"] == {
        "components": ["c1", "c2"],
        "path_response_time_threshold": 3.0,
        "path_response_time": 0.72,
    }
    with pytest.raises(ValueError, match="give figures"):
        dump_solution(scenario, plan, dialect="r")


@pytest.mark.parametrize("tool", ["d", "r"])
def test_plan_and_figures_survive_writing(tmp_path: Path, scenario: Scenario, plan: Plan, tool: Any) -> None:
    """Also those of all shared solutions, below."""
    path = tmp_path / "plan.json"
    save_solution(scenario, plan, path, figures=FIGURES, dialect=tool)
    assert load_solution(path, scenario) == plan
    assert solution_figures(path) == FIGURES


def test_a_plan_without_figures_is_structure_alone(tmp_path: Path, scenario: Scenario, plan: Plan) -> None:
    """What is not known is left out instead of being called infinite."""
    path = tmp_path / "plan.json"
    save_solution(scenario, plan, path)
    assert 'response_time"' not in path.read_text(encoding="utf-8")
    assert load_solution(path, scenario) == plan
    assert solution_figures(path) == SolutionFigures(arrival_rate=1.5)


def test_shared_solutions_survive_writing(tmp_path: Path) -> None:
    """Plans and figures of both tools and all years."""
    for system in shared_systems():
        scenario = load_system(system)
        for solution in solutions_of(system)[:3]:
            plan, figures = load_solution(solution, scenario), solution_figures(solution)
            for tool in ("d", "r"):
                path = tmp_path / solution.name
                save_solution(scenario, plan, path, figures=figures, dialect=tool)
                assert load_solution(path, scenario) == plan
                assert solution_figures(path, scenario) == figures


def host(name: str, number: int = 1) -> dict[str, Any]:
    """Return a resource as solutions describe it."""
    return {name: {"description": "-", "cost": 1.0, "memory": 1.0, "number": number}}


def solution(first: dict[str, Any], second: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return a solution document of the minimal system."""
    return {"Lambda": 1.5, "components": {"c1": first, "c2": second}, "global_constraints": None, **more}


def test_levels_that_old_and_runtime_solutions_leave_out_are_not_missed(tmp_path: Path, scenario: Scenario) -> None:
    """The deployment everywhere in 2021 and 2022, for functions in SPACE4AI-R; the partition where there is one."""
    function = {"F1": {"cost": 0.1, "memory": 1.0, "idle_time_before_kill": 600.0}}
    first = {"h1": {"computationallayer1": host("EN1", 2), "response_time": [0.5]}, "response_time": "inf"}
    expected = {"c1.h1": Placement(resource="EN1", replicas=2), "c2.h1": Placement(resource="F1")}
    seconds: list[dict[str, Any]] = [
        {"h1": {"computationallayer3": function}, "s1": {"h1": {"response_time": 0.4}}, "response_time": 0.4},
        {"computationalLayer3": function, "response_time": None},
    ]
    for second in seconds:
        path = written(tmp_path, solution(first, second, total_cost="3.5"), "old.json")
        assert load_solution(path, scenario).placements == expected
    path = written(tmp_path, solution(first, seconds[0], total_cost=3.5), "old.json")
    figures = solution_figures(path)
    assert figures.partitions == {"c1.h1": 0.5, "c2.h1": 0.4}
    assert figures.components == {"c1": math.inf, "c2": 0.4}
    assert (figures.total_cost, figures.feasible, figures.paths) == (3.5, None, {})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"Lambda": 1.5, "feasible": False}, "found no feasible solution"),
        ({"Lambda": 1.5}, "components: is missing"),
        ({"components": {}}, "places no partition"),
        (
            {
                "Lambda": 1.5,
                "components": {"c1": {"s1": {"h1": {"computationalLayer1": host("EN1")}}}},
                "Resources": {},
            },
            "is infeasible and holds no whole plan",
        ),
    ],
)
def test_files_without_a_plan_are_refused(
    tmp_path: Path, scenario: Scenario, document: dict[str, Any], message: str
) -> None:
    """An infeasible solution is no plan, and the message says so."""
    with pytest.raises(PlanError, match=message):
        load_solution(written(tmp_path, document), scenario)


def test_an_infeasible_solution_still_has_figures(tmp_path: Path) -> None:
    """Few as they are."""
    figures = solution_figures(written(tmp_path, {"Lambda": 1.5, "feasible": False}))
    assert figures == SolutionFigures(arrival_rate=1.5, feasible=False)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            {"s1": {"h1": {"computationalLayer1": host("EN7")}}},
            "unknown resource or function 'EN7'; did you mean 'EN1'",
        ),
        ({"s1": {"h7": {"computationalLayer1": host("EN1")}}}, "unknown deployment or partition 'h7'"),
        ({"computationalLayer1": host("EN1")}, "stands under no partition of 'c1', which has h1, h2, h3"),
        ({"s1": {"h1": {"computationalLayer1": {"EN1": {"memory": 1}}}}}, "EN1.number: is missing"),
        ({"s1": {"h1": {"computationalLayer1": host("EN1", 9)}}}, "asks for 9 replicas; 'EN1' has 2 node"),
        ({"s1": {"h1": {"computationalLayer2": host("VM1")}}}, "cannot run on 'VM1'; candidates are EN1"),
        ({"s2": {"h2": {"computationalLayer1": host("EN1")}}}, "component 'c1' is not placed in full"),
        (
            {"s1": {"h1": {"computationalLayer1": {**host("EN1"), **host("VM1")}}}},
            "partition 'c1.h1' is placed twice",
        ),
    ],
)
def test_each_fault_of_a_solution_is_named(
    tmp_path: Path, scenario: Scenario, first: dict[str, Any], message: str
) -> None:
    """Every message is seen once."""
    second = {"s1": {"h1": {"computationalLayer2": host("VM1")}}}
    with pytest.raises(PlanError) as caught:
        load_solution(written(tmp_path, solution(first, second)), scenario)
    assert message in str(caught.value)


def test_a_component_that_does_not_exist_is_named(tmp_path: Path, scenario: Scenario) -> None:
    """In the solution of another system."""
    with pytest.raises(PlanError, match="unknown component 'c5'"):
        load_solution(written(tmp_path, {"components": {"c5": {}}}), scenario)


def test_figures_that_are_none_are_refused(tmp_path: Path) -> None:
    """Each with its place."""
    document = {
        "components": {"c1": {"response_time": "fast"}},
        "global_constraints": {"p1": {"path_response_time": [1, 2]}},
        "total_cost": "free",
        "feasible": "yes",
    }
    with pytest.raises(PlanError) as caught:
        solution_figures(written(tmp_path, document))
    assert {problem.where for problem in caught.value.problems} == {
        "components.c1.response_time",
        "global_constraints.p1.path_response_time",
        "total_cost",
        "feasible",
    }


@pytest.mark.parametrize("junk", [None, [], {}, "x", -1, True, {"x": {"number": 1}}])
def test_no_junk_in_a_solution_ends_in_a_traceback(
    tmp_path: Path, scenario: Scenario, plan: Plan, junk: object
) -> None:
    """Whatever stands at whatever place is either read or refused as the user's fault."""
    sound = dump_solution(scenario, plan, FIGURES)
    for place in places(sound):
        document: Any = copy.deepcopy(sound)
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = junk
        path = written(tmp_path, document)
        for read in (lambda file: load_solution(file, scenario), solution_figures):
            with contextlib.suppress(PlanError):
                read(path)


def test_a_plan_that_does_not_fit_is_not_written(tmp_path: Path, scenario: Scenario) -> None:
    """And a folder that is absent is said."""
    wrong = Plan(placements={"c1.h1": Placement(resource="VM1")})
    with pytest.raises(PlanError, match="does not fit"):
        save_solution(scenario, wrong, tmp_path / "plan.json")
    assert list(tmp_path.glob("plan*")) == []
    with pytest.raises(TwinError, match="cannot"):
        save_system(scenario, tmp_path / "absent" / "system.json")
