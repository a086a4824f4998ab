"""Every form that can be read is told apart by what it holds, and becomes every form that can be written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings

from tests.strategies import scenarios
from tests.test_scenario_files import MASKS, changed, write
from twin.errors import PlanError, ScenarioError, TwinError
from twin.formats.commands import convert_command, schema_command
from twin.formats.reading import plan_form, read_plan, read_scenario, scenario_form
from twin.formats.scenario.files import load_scenario, save_scenario, scenario_schema
from twin.formats.space4ai import solution_figures
from twin.formats.writing import form_of, write_form
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario
from twin.theory import solve

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BARE = changed(("  serverless:\n    plan: {detect: Lambda}\n    constraints: null\n", ""))


def run(*arguments: object) -> Result:
    """Run ``convert`` and let every error of a user's making through."""
    return CliRunner().invoke(convert_command, [str(one) for one in arguments], catch_exceptions=False)


def means(scenario: Scenario) -> dict[tuple[str, str], float]:
    """Return the mean service times on the hosts of all candidates."""
    found = {}
    for component in scenario.application.components.values():
        for deployment in component.deployments.values():
            for partition in deployment.chain:
                for host in partition.candidates:
                    profile = scenario.profile(partition.name, host)
                    assert profile
                    found[partition.name, host] = profile.scaled_service_time.expectation
    return found


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Write the sample scenario."""
    return write(tmp_path, name="masks.yaml")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("application", "aisprint"),
        ("scenario.yaml", "scenario"),
        ("x.yml", "scenario"),
        ("production_deployment.yaml", "plan"),
        ("production_deployment_2.yaml", "plan"),
        ("my-plan.yaml", "plan"),
        ("system.json", "space4ai-system"),
        ("system_description.json", "space4ai-system"),
        ("my_solution.json", "space4ai-solution"),
        ("best_sol_1.8.json", "space4ai-solution"),
    ],
)
def test_the_name_says_what_is_written(name: str, form: str) -> None:
    """As the tools call their files."""
    assert form_of(Path("somewhere") / name) == form


def test_a_name_that_says_nothing_is_refused(masks: Path, tmp_path: Path) -> None:
    """With the ways out; ``--to`` is one of them."""
    with pytest.raises(ScenarioError, match=r"x\.json: the name does not say what to write.*--to scenario\|aisprint"):
        run(masks, tmp_path / "x.json")
    assert "wrote" in run(masks, tmp_path / "x.json", "--to", "scenario").output
    assert load_scenario(tmp_path / "x.json") == load_scenario(masks)


def test_a_scenario_survives_an_application_folder(masks: Path, tmp_path: Path) -> None:
    """Graph, candidates, service times and plan come back; what does not is said."""
    result = run(masks, tmp_path / "app")
    assert "lost: " in result.output
    assert f"wrote {tmp_path / 'app'} (aisprint)" in result.output
    run(tmp_path / "app", tmp_path / "back.yaml", "--arrival-rate", 2)
    before, after = load_scenario(masks), load_scenario(tmp_path / "back.yaml")
    assert means(after) == pytest.approx(means(before))
    assert after.plan
    assert before.plan
    assert after.plan.placements == before.plan.placements


def test_a_scenario_survives_a_system_file(masks: Path, tmp_path: Path) -> None:
    """The same for SPACE4AI; its solution file carries the plan."""
    run(masks, tmp_path / "system.json")
    run(masks, tmp_path / "solution.json")
    run(tmp_path / "system.json", tmp_path / "back.yaml", "--plan", tmp_path / "solution.json")
    before, after = load_scenario(masks), load_scenario(tmp_path / "back.yaml")
    assert sorted(means(after).values()) == pytest.approx(sorted(means(before).values()))
    assert after.plan
    assert before.plan
    assert list(after.plan.placements.values()) == list(before.plan.placements.values())
    assert [mean_rate(source.arrivals) for source in after.workload.sources.values()] == [2]


@pytest.mark.parametrize("name", ["production_deployment.yaml", "my-plan.yaml"])
def test_a_plan_survives_its_own_file(masks: Path, tmp_path: Path, name: str) -> None:
    """AI-SPRINT's and our own plan files are told apart by what they hold."""
    run(masks, tmp_path / name)
    scenario = load_scenario(masks)
    assert scenario.plan
    assert read_plan(tmp_path / name, scenario).placements == scenario.plan.placements


def test_options_change_what_is_converted(masks: Path, tmp_path: Path) -> None:
    """Overrides, another plan, another arrival rate."""
    plan = write(tmp_path, "blur: Pi\ndetect: Pi", "other.yaml")
    run(masks, tmp_path / "out.yaml", "--override", "busy", "--plan", plan, "--arrival-rate", 5)
    scenario = load_scenario(tmp_path / "out.yaml")
    assert scenario.plan
    assert {one.resource for one in scenario.plan.placements.values()} == {"Pi"}
    assert mean_rate(scenario.workload.sources["camera"].arrivals) == pytest.approx(5)


def test_the_outcome_can_be_had_as_json(masks: Path, tmp_path: Path) -> None:
    """For scripts: what was written, what was noted, what was lost."""
    done = json.loads(run(masks, tmp_path / "app", "--json").output)
    assert done["form"] == "aisprint"
    assert done["out"] == str(tmp_path / "app")
    assert done["losses"]


def test_what_cannot_be_converted_is_refused(masks: Path, tmp_path: Path) -> None:
    """IN that is OUT, a plan that is missing or does not fit, files that are absent, options without meaning."""
    planless = write(tmp_path, MASKS.replace("plan: {blur: Pi, detect: {resource: VM1, replicas: 2}}", ""), "bare.yaml")
    write(tmp_path, "blur: VM1\ndetect: Pi", "wrong.yaml")
    run(masks, tmp_path / "system.json")
    cases: dict[tuple[object, ...], tuple[type[TwinError], str]] = {
        (masks, masks): (ScenarioError, "IN and OUT are the same"),
        (planless, tmp_path / "production_deployment.yaml"): (PlanError, "has no plan to write; give --plan"),
        (planless, tmp_path / "solution.json"): (PlanError, "has no plan to write"),
        (masks, tmp_path / "o.yaml", "--plan", tmp_path / "wrong.yaml"): (PlanError, "cannot run on 'VM1'"),
        (masks, tmp_path / "o.yaml", "--plan", tmp_path / "no.yaml"): (TwinError, "no such file"),
        (tmp_path / "no.yaml", tmp_path / "o.yaml"): (ScenarioError, "no such file"),
        (masks, tmp_path / "o.yaml", "--profiles", masks): (ScenarioError, "goes with an AI-SPRINT folder"),
        (tmp_path / "system.json", tmp_path / "o.yaml", "--override", "x"): (ScenarioError, "only scenario files have"),
        (tmp_path / "system.json", tmp_path / "o.yaml", "--dialect", "dd"): (ScenarioError, "unknown dialect 'dd'"),
        (masks, tmp_path / "no" / "o.yaml"): (TwinError, "cannot write"),
    }
    for arguments, (kind, part) in cases.items():
        with pytest.raises(kind) as caught:
            run(*arguments)
        assert part in str(caught.value)
    assert not (tmp_path / "o.yaml").exists()


def test_scenarios_are_told_apart_by_what_they_hold(masks: Path, tmp_path: Path) -> None:
    """A folder with a scenario.yaml is that scenario, another one an application."""
    run(masks, tmp_path / "system.json")
    assert scenario_form(tmp_path / "system.json") == "space4ai-system"
    assert scenario_form(masks) == "scenario"
    assert scenario_form(tmp_path) == "aisprint"
    masks.rename(tmp_path / "scenario.yaml")
    assert scenario_form(tmp_path) == "scenario"
    assert read_scenario(tmp_path).scenario == load_scenario(tmp_path / "scenario.yaml")
    own = write(tmp_path, json.dumps({"extends": "scenario.yaml"}), "own.json")
    assert scenario_form(own) == "scenario"
    assert read_scenario(own).scenario.name == "mask detection"


def test_plans_are_told_apart_by_what_they_hold(masks: Path, tmp_path: Path) -> None:
    """Whatever the files are called."""
    forms = {"solution.json": "space4ai-solution", "production_deployment.yaml": "production-deployment"}
    for name, form in forms.items():
        run(masks, tmp_path / name)
        renamed = (tmp_path / name).rename(tmp_path / f"x{form}")
        assert plan_form(renamed) == form
    assert plan_form(write(tmp_path, '{"blur": "Pi", "detect": "Pi"}', "p.json")) == "plan"


def test_service_times_for_a_folder_come_from_a_file(masks: Path, tmp_path: Path) -> None:
    """Numbers, laws or profile files; each fault has its line."""
    run(masks, tmp_path / "app")
    (tmp_path / "app" / "profiles.yaml").unlink(missing_ok=True)
    for found in (tmp_path / "app").rglob("*profiles*"):
        found.unlink()
    times = "blur: {Pi: 0.3}\ndetect:\n  Pi: {mean: 1, law: exponential}\n  VM1: 0.2\n  Lambda: 0.4\n"
    for text in (times, "profiles:\n" + "".join(f"  {line}\n" for line in times.splitlines())):
        path = write(tmp_path, text, "times.yaml")
        loaded = read_scenario(tmp_path / "app", profiles=[path], arrival_rate=1)
        assert means(loaded.scenario)["blur", "Pi"] == 0.3
        assert means(loaded.scenario)["detect", "Pi"] == 1
    for text, line, part in (
        ("blur: {Pi: -1}", 1, "must be at least 0, got -1"),
        ("blur: 5", 1, "expected a mapping, got 5"),
        ("blur:\n  Pi: {file: no.json, segment: x}", 2, "no.json"),
        ("blur:\n  Pi: {mean: 1, sorce: x}", 2, "did you mean 'source'"),
    ):
        with pytest.raises(ScenarioError) as caught:
            read_scenario(tmp_path / "app", profiles=[write(tmp_path, text, "times.yaml")], arrival_rate=1)
        assert part in str(caught.value)
        assert [problem.line for problem in caught.value.problems] == [line]


def test_the_arrival_rate_of_a_closed_loop_cannot_be_chosen(tmp_path: Path) -> None:
    """It follows from users and think time."""
    path = write(tmp_path, BARE.replace("process: poisson, rate: 2", "process: closed, users: 3, think_time: 1"))
    with pytest.raises(ScenarioError, match="closed loop"):
        read_scenario(path, arrival_rate=3)


def test_the_schema_command_prints_and_writes_the_schema(tmp_path: Path) -> None:
    """One JSON document, a valid schema."""
    printed = CliRunner().invoke(schema_command, [], catch_exceptions=False)
    assert json.loads(printed.stdout) == scenario_schema()
    CliRunner().invoke(schema_command, ["--out", str(tmp_path / "s.json")], catch_exceptions=False)
    jsonschema.Draft202012Validator.check_schema(json.loads((tmp_path / "s.json").read_text()))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_whatever_is_written_is_a_file_or_an_error_in_words(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    """No scenario makes a writer stumble."""
    folder = tmp_path_factory.mktemp("out")
    for name in ("app", "s.yaml", "production_deployment.yaml", "plan.yaml", "system.json", "solution.json"):
        try:
            write_form(scenario, folder / name, form_of(folder / name))
        except TwinError as error:
            assert str(error)  # noqa: PT017  (either outcome is right; a traceback is not)
        else:
            assert (folder / name).exists()
    save_scenario(scenario, folder / "again.yaml")
    assert (folder / "again.yaml").read_text() == (folder / "s.yaml").read_text()


def test_the_tools_own_files_become_scenarios(tmp_path: Path) -> None:
    """A SPACE4AI instance with its solution keeps its plan through our own format."""
    found = next(iter(sorted((DATA / "space4ai").glob("Light/5Components/Ins*/system_description.json"))), None)
    if found is None:
        pytest.skip("../shared is absent")
    solution = next(found.parent.glob("best_sol*.json"))
    run(found, tmp_path / "scenario.yaml", "--plan", solution)
    scenario = load_scenario(tmp_path / "scenario.yaml")
    direct = read_scenario(found, plan=solution).scenario
    assert scenario == direct
    jsonschema.Draft202012Validator(scenario_schema()).validate(
        json.loads(json.dumps(scenario.model_dump(mode="json", by_alias=True, exclude_none=True)))
    )


@pytest.mark.parametrize("dialect", ["d", "r"])
def test_a_solution_is_written_with_the_times_of_theory(dialect: str, masks: Path, tmp_path: Path) -> None:
    """SPACE4AI-R reads no solution without them."""
    path = tmp_path / "solution.json"
    assert run(masks, path, "--dialect", dialect).exit_code == 0
    scenario = read_scenario(masks).scenario
    expected = solve(scenario).figures
    written = solution_figures(path)
    assert written.total_cost == pytest.approx(expected["cost_per_hour"])
    times = [each["response_time"]["mean"] for each in expected["components"].values()]
    assert sorted(written.components.values()) == pytest.approx(sorted(times))
    assert written.feasible is (solve(scenario).verdict != "fail")
