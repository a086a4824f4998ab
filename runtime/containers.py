"""Containers of a Docker engine that measure: of an empty image, with this machine's own Python to read.

Nothing is pulled or built, so that no registry is needed; the container cannot write, has no network and no rights.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound

from design.emulation import Ended, Job
from twin.errors import ProfileError

IMAGE = "continuum-twin/empty"
TAG = "1"

LABEL = "continuum-twin.calibration"
"""Marks the containers, so that what a killed process left behind can be found: ``docker ps --filter label=…``."""

_USUAL_ADDRESS = "unix:///var/run/docker.sock"
_EMPTY_TAR = bytes(10240)
_KILLED = 137
_FAILURES = (DockerException, OSError)  # a connection that breaks is an OSError of the library below


def open_docker() -> DockerContainers:
    """Return the engine that DOCKER_HOST names, or else the one of this machine; ProfileError if none answers."""
    if not sys.platform.startswith("linux"):
        raise ProfileError(f"containers read this machine's own Python, which needs Linux, not {sys.platform}{_WAYS}")
    address = os.environ.get("DOCKER_HOST") or _USUAL_ADDRESS
    if address.startswith("unix://") and not Path(address.removeprefix("unix://")).exists():
        raise ProfileError(f"no Docker engine answers: there is no {address}{_WAYS}")
    try:
        client = docker.from_env()
        version = str(client.version()["Version"])
    except _FAILURES as error:
        raise ProfileError(f"no Docker engine answers: {_words(error)}{_WAYS}") from error
    return DockerContainers(client, version)


_WAYS = (
    "; start one or set DOCKER_HOST, measure on the device itself with  ctwin calibrate --worker,  "
    "or scale a profile with --scale-from"
)


class DockerContainers:
    """Runs jobs through the Docker SDK, each in a container that is removed."""

    def __init__(self, client: Any, version: str) -> None:
        self._client = client
        self._version = version

    @property
    def engine(self) -> str:
        """Name and version."""
        return f"Docker {self._version}"

    def run(self, job: Job) -> Ended:
        """Run *job* to its end; see `design.emulation.Containers`."""
        try:
            self._require_image()
            container = self._client.containers.create(f"{IMAGE}:{TAG}", list(job.command), **_limits(job))
            try:
                container.start()
                status = int(container.wait(timeout=None)["StatusCode"])
                container.reload()
                return Ended(
                    status=status,
                    out_of_memory=bool(container.attrs["State"].get("OOMKilled")) or status == _KILLED,
                    output=container.logs(stdout=True, stderr=False).decode(errors="replace"),
                    errors=container.logs(stdout=False, stderr=True).decode(errors="replace"),
                )
            finally:
                container.remove(force=True)
        except _FAILURES as error:
            raise ProfileError(f"{self.engine} cannot run the container: {_words(error)}") from error

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _require_image(self) -> None:
        try:
            self._client.images.get(f"{IMAGE}:{TAG}")
        except ImageNotFound:
            self._client.api.import_image_from_data(_EMPTY_TAR, repository=IMAGE, tag=TAG)


def _limits(job: Job) -> dict[str, Any]:
    memory = round(job.device.memory_mb * 1e6)
    return {
        "cpu_period": job.device.period_us,
        "cpu_quota": job.device.quota_us,
        "mem_limit": memory,
        "memswap_limit": memory,  # memory and swap together: no swap
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": f"{os.getuid()}:{os.getgid()}",
        "environment": dict(job.environment),
        "volumes": [f"{source}:{place}:ro" for place, source in job.folders.items()],
        "labels": {LABEL: "1"},
    }


def _words(error: Exception) -> str:
    """Return the engine's own explanation on one line."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())[:300]
