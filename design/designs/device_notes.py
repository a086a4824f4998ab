"""Device constraints that contradict the containers of candidate_deployments.yaml: OSCAR-P refuses them later."""

from __future__ import annotations

from collections.abc import Iterator

from design.designs.inputs import Inputs
from twin.formats.aisprint.candidates import CANDIDATES
from twin.formats.aisprint.hosts import GIGABYTE_MB
from twin.formats.aisprint.reading import Entry

DEVICE = "device_constraints"


def device_notes(inputs: Inputs) -> Iterator[str]:
    """Yield a sentence for each container that gives a component less than its annotation asks for."""
    for name, code in inputs.codes.items():
        if name in inputs.candidates and code.has(DEVICE):
            for container in inputs.candidates[name].at("Containers").children().values():
                yield from _of_container(name, container, code.value(DEVICE, "ram"), code.value(DEVICE, "vram"))


def _of_container(name: str, container: Entry, ram: object, vram: object) -> Iterator[str]:
    place = f"{CANDIDATES}: {container.key} of {name!r}"
    memory = container.at("memorySize").value
    if isinstance(ram, int | float) and isinstance(memory, int | float) and ram * GIGABYTE_MB > memory:
        yield f"{place} has {memory:g} MB; device_constraints ask for {ram * GIGABYTE_MB:g}"
    if isinstance(vram, int | float) and vram > 0 and container.at("GPURequirement").value is not True:
        yield f"{place} has no GPURequirement; device_constraints ask for memory of a GPU"
