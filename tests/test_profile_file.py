"""Profile files: read and written whole, and everything that is wrong with one said at once."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import ProfileError
from twin.formats import profile_file
from twin.formats.profile_file import load_profile, save_profile, to_json
from twin.formats.profile_schema import ProfileFile, is_name

SHIPPED = Path(__file__).parent.parent / "scenarios" / "profiles"

PROFILE: dict[str, Any] = {
    "format": "continuum-twin profile 1",
    "device": "x86-vm",
    "provenance": {
        "cpu": "Some CPU",
        "cores": 2,
        "operating_system": "Linux x86_64",
        "versions": {"python": "3.11.7", "onnxruntime": "1.32.0"},
        "threads": 1,
        "samples": 3,
        "seed": 0,
        "measured_on": "2026-11-23",
    },
    "segments": {
        "detector": {
            "model": "detector.onnx",
            "sha256": "0" * 64,
            "input_shapes": {"x": [1, 3, 224, 224]},
            "input_mb": 0.602112,
            "output_mb": 0.004,
            "load_seconds": [0.02, 0.01],
            "service_seconds": [0.0033, 0.0031, 0.0032],
            "cpu_seconds_mean": 0.0032,
            "warm_up_runs": 10,
            "notes": ["outputs [\n 1] are odd"],
        }
    },
}


def written(folder: Path, change: dict[str, Any]) -> Path:
    """Write the good profile with the values of *change*, by dotted path, put in; None takes a key out."""
    data = deepcopy(PROFILE)
    for where, value in change.items():
        *keys, last = where.split(".")
        part = data
        for key in keys:
            part = part[key]
        part[last] = value
        if value is None:
            del part[last]
    path = folder / "profile.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def error_of(path: Path) -> str:
    """Return what reading *path* complains about."""
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    return str(caught.value)


def test_a_profile_survives_writing_and_reading(tmp_path: Path) -> None:
    """What is saved is what is loaded, and it says what the file said."""
    profile = load_profile(written(tmp_path, {}))
    save_profile(profile, tmp_path / "again.json")
    assert load_profile(tmp_path / "again.json") == profile
    assert profile.segments["detector"].service_seconds == (0.0033, 0.0031, 0.0032)
    assert json.loads(to_json(profile)) == PROFILE


@given(st.lists(st.floats(min_value=1e-7, max_value=1e6), min_size=1, max_size=300))
def test_any_samples_survive_the_layout(samples: list[float]) -> None:
    """Numbers are laid out side by side without changing any."""
    data = deepcopy(PROFILE)
    data["segments"]["detector"]["service_seconds"] = samples
    profile = ProfileFile.model_validate_json(json.dumps(data))
    text = to_json(profile)
    assert ProfileFile.model_validate_json(text) == profile
    assert max(len(line) for line in text.splitlines()) <= 120


def test_optional_fields_may_be_left_out(tmp_path: Path) -> None:
    """A profile made by other means need not know shapes, warm-up or notes."""
    gone = {f"segments.detector.{field}": None for field in ("input_shapes", "warm_up_runs", "notes")}
    segment = load_profile(written(tmp_path, gone)).segments["detector"]
    assert (segment.input_shapes, segment.warm_up_runs, segment.notes) == ({}, 0, ())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "continuum-twin profile 2"}, "format: must be 'continuum-twin profile 1', not 'continuum-twin pro"),
        ({"device": " "}, "device: must be 1 to 100 characters on one line, the last no space, not ' '"),
        ({"segments": {}}, "segments: is empty"),
        ({"provenance": None}, "provenance: is missing"),
        ({"provenance.cores": 0}, "provenance.cores: must be greater than or equal to 1, not 0"),
        ({"provenance.core": 2}, "provenance.core: is not known here; did you mean 'cores'?"),
        ({"segment": {}}, "segment: is not known here; did you mean 'segments'?"),
        ({"segments.detector.service_second": []}, "did you mean 'service_seconds'?"),
        ({"segments.detector.service_seconds": []}, "segments.detector.service_seconds: is empty"),
        ({"segments.detector.load_seconds": []}, "segments.detector.load_seconds: is empty"),
        ({"segments.detector.service_seconds": [0.1, -0.1]}, "segments.detector.service_seconds[1]: must be greater"),
        ({"segments.detector.service_seconds": [0]}, "segments.detector.service_seconds[0]: must be greater than 0"),
        ({"segments.detector.service_seconds": [math.nan]}, "service_seconds[0]: must be a finite number, not nan"),
        ({"segments.detector.service_seconds": [math.inf]}, "service_seconds[0]: must be a finite number, not inf"),
        ({"segments.detector.service_seconds": ["0.1"]}, "service_seconds[0]: must be a valid number, not '0.1'"),
        ({"segments.detector.service_seconds": [True]}, "service_seconds[0]: must be a valid number, not True"),
        ({"segments.detector.sha256": "abc"}, "segments.detector.sha256: must be 64 hexadecimal digits, not 'abc'"),
        ({"segments.detector.input_mb": -1}, "segments.detector.input_mb: must be greater than or equal to 0, not -1"),
        ({"segments": {"": PROFILE["segments"]["detector"]}}, "segments.: must be 1 to 100 characters"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    """Each complaint has the place, and the value or the way out."""
    message = error_of(written(tmp_path, change))
    assert complaint in message
    assert "1 problem\n" in message


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Nobody should repair a file one message at a time."""
    message = error_of(written(tmp_path, {"format": "x", "device": 3, "segments.detector.output_mb": None}))
    assert "3 problems" in message
    assert "segments.detector.output_mb: is missing" in message


def test_thousands_of_problems_are_cut_short(tmp_path: Path) -> None:
    """A column of wrong samples is one mistake, not thousands."""
    message = error_of(written(tmp_path, {"segments.detector.service_seconds": [-1.0] * 1000}))
    assert "and 950 more like these" in message
    assert len(message.splitlines()) == 52


def test_broken_json_is_placed_by_line_and_column(tmp_path: Path) -> None:
    """The place is where the reader stumbled."""
    path = tmp_path / "profile.json"
    path.write_text('{"format": "continuum-twin profile 1",\n "device" "x86"}', encoding="utf-8")
    with pytest.raises(ProfileError, match=r"line 2: column 11: Expecting ':' delimiter") as caught:
        load_profile(path)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 11)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "line 1: column 1"),
        (b"\xff\xfe", "not UTF-8 text: byte 1"),
        (b'{"device": "a", "device": "b"}', "'device' is given twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "is not a profile"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
    ],
)
def test_what_is_no_profile_at_all_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Whatever the bytes, the answer is a ProfileError."""
    path = tmp_path / "profile.json"
    path.write_bytes(content)
    assert complaint in error_of(path)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No bytes lead to another exception than ProfileError."""
    path = tmp_path_factory.mktemp("bytes") / "profile.json"
    path.write_bytes(content)
    error_of(path)


def test_a_byte_order_mark_is_forgiven(tmp_path: Path) -> None:
    """Some editors put one in front of UTF-8."""
    path = written(tmp_path, {})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_profile(path).device == "x86-vm"


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """The message has the path and the system's reason."""
    assert "No such file" in error_of(tmp_path / "none.json")
    assert "Is a directory" in error_of(tmp_path)


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size decides before a byte is read."""
    monkeypatch.setattr(profile_file, "LARGEST_FILE_BYTES", 100)
    assert "too large for a profile" in error_of(written(tmp_path, {}))


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even Ctrl-C at the worst moment leaves the old file whole, and nothing beside it."""
    path = written(tmp_path, {})
    profile, before = load_profile(path), path.read_bytes()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_profile(profile, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_half_written_file_is_never_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text goes to another file first: the old one is whole at the moment of the rename."""
    path = written(tmp_path, {})
    profile, before, seen = load_profile(path), path.read_bytes(), []
    rename = Path.replace

    def watched(part: Path, target: Path) -> Path:
        seen.append((path.read_bytes(), part.read_text(encoding="utf-8")))
        return rename(part, target)

    monkeypatch.setattr(Path, "replace", watched)
    save_profile(profile, path)
    assert seen == [(before, to_json(profile))]


def test_an_impossible_place_is_refused(tmp_path: Path) -> None:
    """A folder that is not there is the user's to make."""
    with pytest.raises(ProfileError, match="cannot write profile"):
        save_profile(load_profile(written(tmp_path, {})), tmp_path / "none" / "profile.json")


@pytest.mark.parametrize("name", ["", " ", "a ", "a\nb", "a\n", "a" * 101, "a", "a b", "Größe 1.5 [x]", "a" * 100])
def test_names_are_judged_alike_in_files_and_on_the_command_line(tmp_path: Path, name: str) -> None:
    """What `is_name` accepts is what a file may hold."""
    path = written(tmp_path, {"device": name, "segments": {name: PROFILE["segments"]["detector"]}})
    if is_name(name):
        assert load_profile(path).device == name
    else:
        assert "2 problems" in error_of(path)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_shipped_profiles_were_measured_on_a_quiet_machine(path: Path) -> None:
    """They can be read, say where they come from, and their 95th percentile is near their median."""
    profile = load_profile(path)
    assert profile.provenance.cpu
    for segment in profile.segments.values():
        times = sorted(segment.service_seconds)
        assert len(times) == profile.provenance.samples
        assert times[len(times) * 95 // 100] < 1.5 * times[len(times) // 2]
