"""From an application folder with models to a verdict on measured times: three commands, and what can be in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runtime.cli import program
from twin.errors import ScenarioError
from twin.formats.profile_file import load_profile, save_profile
from twin.formats.profile_schema import Emulation
from twin.formats.reading import read_scenario


def ctwin(*arguments: object) -> Result:
    """Run a command that has to work."""
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Start an application of two models, design it again, and calibrate it, as a new user would."""
    folder = tmp_path_factory.mktemp("calibrated")
    ctwin("new", folder / "app")
    ctwin("designs", folder / "app")
    ctwin("calibrate", folder / "app", "--samples", 12, "--out", folder / "times.json")
    return folder


def given_to(folder: Path, name: str, device: str, **changes: object) -> Path:
    """Write the measured profile again, for another device."""
    profile = load_profile(folder / "times.json").model_copy(update={"device": device, **changes})
    save_profile(profile, folder / name)
    return folder / name


def error_of(folder: Path, *profiles: Path) -> str:
    """Return what is said of service times that do not suit."""
    with pytest.raises(ScenarioError) as refused:
        read_scenario(folder / "app", profiles=profiles)
    return str(refused.value)


def test_three_commands_lead_to_a_verdict_on_measured_times(calibrated: Path) -> None:
    """Every partition of every design has the samples of its segment, none the guess it began with."""
    arguments = ("run", calibrated / "app", "--profiles", calibrated / "times.json", "--requests", 500)
    report = json.loads(ctwin(*arguments, "--replications", 2, "--json").stdout)
    assert report["verdict"] in ("pass", "inconclusive")
    assert all(limit["satisfied"] is not False for limit in report["constraints"])
    assert any("stand for" in note and "as if these were as fast" in note for note in report["notes"])
    measured = load_profile(calibrated / "times.json").segments
    profiles = read_scenario(calibrated / "app", profiles=[calibrated / "times.json"]).scenario.profiles
    assert (
        set(profiles)
        == set(measured)
        == {"extract", "classify", *(f"extract_partition{k}_{s}" for k in (1, 2) for s in (1, 2))}
    )
    for partition, by_resource in profiles.items():
        for profile in by_resource.values():
            assert profile.service_time.samples == measured[partition].service_seconds
            assert profile.source.startswith("measured on this-machine")


def test_a_profile_of_a_resource_is_for_it_alone(calibrated: Path) -> None:
    """Other resources have what the folder says, or what was measured without a target."""
    slow = tuple(1.0 + i for i in range(12))
    segments = {
        name: part.model_copy(update={"service_seconds": slow})
        for name, part in load_profile(calibrated / "times.json").segments.items()
    }
    pi = given_to(calibrated, "pi.json", "RaspPi", segments=segments)
    alone = read_scenario(calibrated / "app", profiles=[pi])
    assert alone.scenario.profiles["extract"]["RaspPi"].service_time.samples == slow
    assert alone.scenario.profiles["extract"]["VM"].source == "guess"
    both = read_scenario(calibrated / "app", profiles=[calibrated / "times.json", pi])
    assert both.scenario.profiles["extract"]["RaspPi"].service_time.samples == slow
    assert both.scenario.profiles["extract"]["VM"].source.startswith("measured on this-machine")
    (note,) = [note for note in both.notes if "as if these" in note]
    assert "stand for VM, as if" in note


def test_times_by_hand_go_before_measured_ones(calibrated: Path) -> None:
    """Both kinds of files can be given at once."""
    by_hand = calibrated / "hand.yaml"
    by_hand.write_text("classify: {VM: 3.5}\n", encoding="utf-8")
    found = read_scenario(calibrated / "app", profiles=[calibrated / "times.json", by_hand]).scenario.profiles
    assert found["classify"]["VM"].service_time.mean == 3.5
    assert found["extract"]["VM"].source.startswith("measured on this-machine")


def test_unsuitable_profiles_are_explained(calibrated: Path) -> None:
    """A device that is no resource, segments that are no partitions, and a partition that does not fit."""
    other = given_to(calibrated, "other.json", "RaspPy")
    message = error_of(calibrated, other)
    assert "was measured on 'RaspPy', which is no resource here; did you mean 'RaspPi'?" in message
    part = next(iter(load_profile(calibrated / "times.json").segments.values()))
    strange = given_to(calibrated, "strange.json", "VM", segments={"extrakt": part})
    assert "none of its segments is a partition of this application: extrakt; did you mean 'extract'" in error_of(
        calibrated, strange
    )
    emulation = Emulation(cpus=0.5, memory_mb=64, period_seconds=0.01, engine="Docker 1")
    origin = load_profile(calibrated / "times.json").provenance.model_copy(update={"emulation": emulation})
    full = given_to(
        calibrated, "full.json", "RaspPi", segments={"classify": part}, provenance=origin, does_not_fit=("extract",)
    )
    assert "extract does not fit into the memory of 64 MB; take RaspPi off" in error_of(calibrated, full)


def test_further_segments_are_left_out_with_a_note(calibrated: Path) -> None:
    """Such as those of cuts that no design has."""
    segments = load_profile(calibrated / "times.json").segments
    more = given_to(calibrated, "more.json", "VM", segments={**segments, "extract_partition9_1": segments["extract"]})
    notes = read_scenario(calibrated / "app", profiles=[more]).notes
    assert f"{more}: no partitions of a deployment, left out: extract_partition9_1" in notes


def test_a_calibrated_folder_becomes_a_scenario(calibrated: Path) -> None:
    """With the samples in it, so that it needs neither folder nor profile any more."""
    out = calibrated / "scenario.yaml"
    ctwin("convert", calibrated / "app", out, "--profiles", calibrated / "times.json")
    measured = load_profile(calibrated / "times.json").segments["classify"].service_seconds
    assert read_scenario(out).scenario.profiles["classify"]["VM"].service_time.samples == measured
