"""Small devices emulated by containers: what the engine is asked for, what does not fit, and what a stop leaves."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from docker.errors import APIError, ImageNotFound
from onnx import helper

from design.commands import calibrate_command
from design.emulation import Ended, Job, SmallDevice, parse_device, python_folders
from runtime.containers import IMAGE, DockerContainers, open_docker
from tests.onnx_graphs import saved, value
from twin.errors import ProfileError
from twin.formats.profile_file import load_profile

HALF = "cpus=0.5,memory=512m"


def chain(path: Path, layers: int = 2) -> str:
    """Write *layers* products of a vector of 8 numbers, each followed by Relu."""
    nodes, weights, last = [], {}, "x"
    for layer in range(layers):
        weights[f"w{layer}"] = np.random.default_rng(layer).standard_normal((8, 8)).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"a{layer}"]))
        last = f"r{layer}" if layer < layers - 1 else "y"
        nodes.append(helper.make_node("Relu", [f"a{layer}"], [last]))
    return saved(path, nodes, [value("x", ["batch", 8])], [value("y", ["batch", 8])], weights)


class LocalProcesses:
    """Runs jobs as processes of this machine, without any limit, but kills those that *kill* names by their model."""

    engine = "Processes 1"

    def __init__(self, kill: Callable[[str], bool] = lambda _: False) -> None:
        self.kill = kill
        self.jobs: list[Job] = []

    def close(self) -> None:
        """Nothing is open."""

    def run(self, job: Job) -> Ended:
        """Run the job with the folders at their own places."""
        self.jobs.append(job)
        if self.kill(job.command[2]):
            return Ended(status=137, out_of_memory=True, output="", errors="")
        done = subprocess.run([_here(word, job) for word in job.command], capture_output=True, text=True, check=False)
        return Ended(status=done.returncode, out_of_memory=False, output=done.stdout, errors=done.stderr)


def _here(word: str, job: Job) -> str:
    for place, source in job.folders.items():
        if place != source and Path(word).is_relative_to(place):
            return str(source / Path(word).relative_to(place))
    return word


def invoke(containers: LocalProcesses, *arguments: object) -> Result:
    """Run the command with an engine."""
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(calibrate_command, [*words, "--samples", "3"], obj=lambda: containers)


# The device


def test_devices_are_read_from_text() -> None:
    """Shares, megabytes and gigabytes; a small share gets a longer period, because its quota has a least size."""
    assert parse_device("cpus=0.5,memory=512m") == SmallDevice(cpus=0.5, memory_mb=512)
    assert parse_device("memory=1.5g, cpus=1") == SmallDevice(cpus=1, memory_mb=1500)
    assert (parse_device(HALF).period_us, parse_device(HALF).quota_us) == (10_000, 5_000)
    small = SmallDevice(cpus=0.05, memory_mb=64)
    assert (small.period_us, small.quota_us) == (20_000, 1_000)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0.5", "write cpus=0.5,memory=512m"),
        ("cpus=0.5", "write cpus=0.5,memory=512m"),
        ("cpus=0.5,memory=512", "write cpus=0.5,memory=512m"),
        ("cpus=half,memory=512m", "write cpus=0.5,memory=512m"),
        ("cpus=nan,memory=512m", "cpus=nan cannot be emulated here; give 0.01 to"),
        ("cpus=0.5,memory=512m,disk=1g", "write cpus=0.5,memory=512m"),
        ("cpus=0,memory=512m", "cpus=0 cannot be emulated here; give 0.01 to"),
        ("cpus=5000,memory=512m", "the processors there are"),
        ("cpus=0.5,memory=8m", "does not hold Python itself; give at least 32m"),
    ],
)
def test_impossible_devices_are_refused(text: str, complaint: str) -> None:
    """Before any engine is asked."""
    with pytest.raises(ProfileError, match=r"device|emulated|Python") as refused:
        parse_device(text)
    assert complaint in str(refused.value)


def test_the_folders_of_python_do_not_overlap() -> None:
    """Interpreter and libraries are in them, and no mount hides another."""
    folders = python_folders()
    for wanted in (Path(sys.executable).resolve(), Path(np.__file__)):
        assert any(wanted.is_relative_to(folder) for folder in folders)
    assert not any(one != other and one.is_relative_to(other) for one in folders for other in folders)


# The engine, with a client that only takes notes


class NotedContainer:
    """A container that ended as it was told to."""

    def __init__(self, client: NotedClient) -> None:
        self.client = client
        self.attrs: dict[str, Any] = {"State": {"OOMKilled": False}}

    def start(self) -> None:
        """Take note."""
        self.client.done.append("start")

    def wait(self, *, timeout: object) -> dict[str, int]:
        """Return the status, or raise what was asked for."""
        assert timeout is None
        if isinstance(self.client.ends, BaseException):
            raise self.client.ends
        return {"StatusCode": self.client.ends[0]}

    def reload(self) -> None:
        """Learn whether memory ran out."""
        assert not isinstance(self.client.ends, BaseException)
        self.attrs = {"State": {"OOMKilled": self.client.ends[1]}}

    def logs(self, *, stdout: bool, stderr: bool) -> bytes:
        """Return which stream was asked for."""
        assert stdout != stderr
        return b"out" if stdout else b"err"

    def remove(self, *, force: bool) -> None:
        """Take note."""
        assert force
        self.client.done.append("remove")


class NotedClient:
    """Stands for the SDK's client: its images, its containers and its lower level are itself."""

    def __init__(self, ends: tuple[int, bool] | BaseException, *, has_image: bool = False) -> None:
        self.ends = ends
        self.has_image = has_image
        self.done: list[str] = []
        self.asked: dict[str, Any] = {}
        self.images = self.containers = self.api = self

    def get(self, name: str) -> None:
        """Find the image, or not."""
        assert name == f"{IMAGE}:1"
        if not self.has_image:
            raise ImageNotFound("none")

    def import_image_from_data(self, data: bytes, *, repository: str, tag: str) -> None:
        """Take note of an image of nothing."""
        assert (set(data), repository, tag) == ({0}, IMAGE, "1")
        self.done.append("import")

    def create(self, image: str, command: list[str], **asked: Any) -> NotedContainer:
        """Return a container that ends as told."""
        self.asked = {"image": image, "command": command, **asked}
        return NotedContainer(self)


def job() -> Job:
    """Return a command with one folder."""
    return Job(
        command=("python", "worker.py"),
        folders={Path("/models"): Path("/home/models")},
        environment={"A": "b"},
        device=parse_device(HALF),
    )


def test_the_engine_is_asked_for_the_limits() -> None:
    """Half of a processor in short periods, no swap, no network, nothing to write to."""
    client = NotedClient((0, False))
    ended = DockerContainers(client, "20").run(job())
    assert ended == Ended(status=0, out_of_memory=False, output="out", errors="err")
    asked = client.asked
    assert (asked["cpu_period"], asked["cpu_quota"]) == (10_000, 5_000)
    assert asked["mem_limit"] == asked["memswap_limit"] == 512_000_000
    assert (asked["network_mode"], asked["read_only"], asked["cap_drop"]) == ("none", True, ["ALL"])
    assert asked["volumes"] == ["/home/models:/models:ro"]
    assert (asked["command"], asked["environment"]) == (["python", "worker.py"], {"A": "b"})
    assert client.done == ["import", "start", "remove"]


def test_the_empty_image_is_made_once() -> None:
    """An engine that has it is not given it again."""
    client = NotedClient((0, False), has_image=True)
    DockerContainers(client, "20").run(job())
    assert client.done == ["start", "remove"]


@pytest.mark.parametrize(
    ("ends", "expected"), [((137, True), True), ((137, False), True), ((1, True), True), ((1, False), False)]
)
def test_running_out_of_memory_is_recognised(ends: tuple[int, bool], expected: bool) -> None:
    """Some engines say so, others only let the status tell."""
    assert DockerContainers(NotedClient(ends), "20").run(job()).out_of_memory is expected


@pytest.mark.parametrize("error", [KeyboardInterrupt(), APIError("cannot"), ConnectionResetError("gone")])
def test_whatever_happens_the_container_is_removed(error: BaseException) -> None:
    """After Ctrl-C too; what the engine complains of is one message."""
    client = NotedClient(error)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ProfileError
    with pytest.raises(expected, match=r"|Docker 20 cannot run the container: (cannot|gone)"):
        DockerContainers(client, "20").run(job())
    assert client.done[-1] == "remove"


def test_without_an_engine_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is measured, and the other ways to a profile are named."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(ProfileError, match=r"no Docker engine answers: .* set DOCKER_HOST, .*--worker,.*--scale-from"):
        open_docker()
    result = CliRunner().invoke(calibrate_command, [chain(tmp_path / "m.onnx"), "--emulate", HALF], obj=open_docker)
    assert isinstance(result.exception, ProfileError)
    assert os.listdir(tmp_path) == ["m.onnx"]


# The command


def test_an_emulated_profile_says_so(tmp_path: Path) -> None:
    """Share, memory, period and engine are in it; every model had a container of its own, with the given inputs."""
    containers = LocalProcesses()
    models = [chain(tmp_path / "a.onnx"), chain(tmp_path / "b.onnx")]
    result = invoke(containers, *models, "--emulate", HALF, "--shape", "x=5,8", "--out", tmp_path / "p.json")
    assert result.exit_code == 0, result.exception
    assert "emulated with 0.5 CPUs and 512 MB" in " ".join(result.stdout.split())
    profile = load_profile(tmp_path / "p.json")
    emulation = profile.provenance.emulation
    assert emulation is not None
    assert (emulation.cpus, emulation.memory_mb, emulation.period_seconds) == (0.5, 512, 0.01)
    assert emulation.engine == "Processes 1"
    assert [len(job.folders) for job in containers.jobs] == [2 + len(python_folders())] * 2
    for part in profile.segments.values():
        assert part.input_shapes == {"x": (5, 8)}
        assert (part.memory_mb or 0) > 20
        assert any(note.startswith("short runs: times are processor times divided by 0.5") for note in part.notes)
        assert np.mean(part.service_seconds) == pytest.approx(part.cpu_seconds_mean / 0.5, abs=2e-7)


def test_what_does_not_fit_is_reported_and_the_rest_measured(tmp_path: Path) -> None:
    """The profile lists it; a cut with such a segment has no times; if nothing fits there is no profile."""
    model, out = chain(tmp_path / "net.onnx"), tmp_path / "p.json"
    tails = LocalProcesses(lambda path: path.endswith("partition1_2.onnx"))
    result = invoke(tails, model, "--cuts", "all", "--emulate", HALF, "--out", out)
    assert result.exit_code == 0, result.exception
    assert "net_partition1_2 does not fit in 512 MB" in result.stderr
    profile = load_profile(out)
    assert profile.does_not_fit == ("net_partition1_2",)
    assert "net_partition1_1" in profile.segments
    assert [cut.head for cut in profile.cuts] == [("net_partition2_1",), ("net_partition3_1",)]
    nothing = invoke(LocalProcesses(lambda _: True), model, "--emulate", HALF)
    assert str(nothing.exception) == "net does not fit in 512 MB"


def test_after_a_stop_what_was_measured_in_containers_stays(tmp_path: Path) -> None:
    """The same command goes on there, and still knows what did not fit."""
    model, out = chain(tmp_path / "net.onnx", layers=4), tmp_path / "p.json"
    command = (model, "--cuts", "all", "--emulate", HALF, "--out", out)

    def stops(path: str) -> bool:
        if "partition5" in path:
            raise KeyboardInterrupt
        return path.endswith("partition4_1.onnx")

    stopped = invoke(LocalProcesses(stops), *command)
    assert "what is finished stays in" in stopped.stderr
    assert not out.exists()
    rest = LocalProcesses()
    assert invoke(rest, *command).exit_code == 0
    assert {Path(job.command[2]).stem.partition("partition")[2][0] for job in rest.jobs} == {"5", "6", "7"}
    assert load_profile(out).does_not_fit == ("net_partition4_1",)


def test_each_model_of_several_is_kept_when_it_is_done(tmp_path: Path) -> None:
    """A stop while the second one runs does not cost the first one."""
    command = (chain(tmp_path / "a.onnx"), chain(tmp_path / "b.onnx"), "--emulate", HALF, "--out", tmp_path / "p.json")

    def stops(path: str) -> bool:
        if path.endswith("b.onnx"):
            raise KeyboardInterrupt
        return False

    invoke(LocalProcesses(stops), *command)
    rest = LocalProcesses()
    assert invoke(rest, *command).exit_code == 0
    assert [Path(job.command[2]).name for job in rest.jobs] == ["b.onnx"]
    assert list(load_profile(tmp_path / "p.json").segments) == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--interference",), "--interference needs two cores of this machine"),
        (("--provider", "CUDAExecutionProvider"), "--emulate runs on processors alone"),
    ],
)
def test_what_containers_cannot_measure_is_refused(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    """Instead of being left out in silence."""
    result = invoke(LocalProcesses(), chain(tmp_path / "m.onnx"), "--emulate", HALF, *arguments)
    assert isinstance(result.exception, ProfileError)
    assert complaint in str(result.exception)


@pytest.mark.parametrize(
    ("ended", "complaint"),
    [
        (
            Ended(status=2, out_of_memory=False, output="", errors="x\nerror: no such thing\n"),
            "container: no such thing",
        ),
        (Ended(status=127, out_of_memory=False, output="", errors=""), "status 127, without a word"),
        (Ended(status=0, out_of_memory=False, output="{}", errors=""), "answered with no profile"),
        (Ended(status=0, out_of_memory=False, output="{", errors=""), "answered with no profile"),
    ],
)
def test_a_container_that_fails_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: Ended, complaint: str
) -> None:
    """With the last words of the worker."""
    containers = LocalProcesses()
    monkeypatch.setattr(containers, "run", lambda _: ended)
    result = invoke(containers, chain(tmp_path / "m.onnx"), "--emulate", HALF)
    assert isinstance(result.exception, ProfileError)
    assert complaint in str(result.exception)


# A real engine


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """Use the engine there is, or start one that nothing else knows; skip where neither can be."""
    try:
        open_docker().close()
    except ProfileError as absent:
        reason = str(absent)
    else:
        yield
        return
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip(f"no engine, and none can be started here: {reason}")
    with private_engine() as address:
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = address
        try:
            yield
        finally:
            os.environ.pop("DOCKER_HOST")
            if before is not None:
                os.environ["DOCKER_HOST"] = before


@contextlib.contextmanager
def private_engine() -> Iterator[str]:
    """Run dockerd in a folder of its own, without network; skip if it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="ctwin-engine-"))
    (folder / "daemon.json").write_text("{}", encoding="utf-8")
    address = f"unix://{folder}/s"
    places = {"config-file": "daemon.json", "data-root": "root", "exec-root": "exec", "pidfile": "pid"}
    options = [f"--{name}={folder / place}" for name, place in places.items()]
    options += ["--iptables=false", "--ip-masq=false", "--ip-forward=false", "--bridge=none"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["dockerd", *options, "--host", address], stdout=log, stderr=log)
    try:
        for _ in range(100):
            if (folder / "s").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        if not (folder / "s").exists():
            pytest.skip("dockerd does not start here: " + (folder / "log").read_text(encoding="utf-8")[-300:])
        yield address
    finally:
        process.terminate()
        process.wait(30)
        subprocess.run(["umount", str(folder / "exec/netns/default")], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.usefixtures("engine")
def test_a_real_container_slows_a_model_down_and_finds_what_does_not_fit(tmp_path: Path) -> None:
    """Half of a processor takes at least about twice the processor time; 144 MB of weights do not fit in 128 MB."""
    arguments = ["--emulate", "cpus=0.5,memory=128m", "--samples", "30", "--json"]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weights = {"w": np.zeros((6000, 6000), np.float32)}
    large = saved(tmp_path / "large.onnx", [node], [value("x", [1, 6000])], [value("y", [1, 6000])], weights)
    result = CliRunner().invoke(calibrate_command, ["onnx:light_squeezenet", large, *arguments], obj=open_docker)
    assert result.exit_code == 0, result.exception
    assert "large does not fit in 128 MB" in result.stderr
    found = json.loads(result.stdout)
    assert found["does_not_fit"] == ["large"]
    part = found["segments"]["squeezenet"]
    if not any(note.startswith("short runs") for note in part["notes"]):
        assert np.mean(part["service_seconds"]) > 1.6 * part["cpu_seconds_mean"]
    assert found["provenance"]["emulation"]["engine"].startswith("Docker ")
