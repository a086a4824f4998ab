"""Resources and cloud functions of AI-SPRINT files: what runs partitions, and what of it the model has no place for."""

from __future__ import annotations

from typing import Any, NamedTuple

from twin.formats.aisprint.reading import Entry, shown
from twin.model.continuum import Accelerator, CloudFunction, Resource

GIGABYTE_MB = 1024.0
"""Megabytes of a gigabyte, as the tools of AI-SPRINT count."""

KEY = "key"
"""Property that keeps the key a resource has in its file, such as ``resource1``."""

NODE = "physicalNode"
"""Property that keeps what physical_nodes.yaml says of a resource, without its credentials."""

_RESOURCE_KEYS = {"name", "totalNodes", "description", "cost", "memorySize"}
_FUNCTION_KEYS = {"name", "description", "architecture", "cost", "memorySize", "idleTime", "transitionCost"}
_LEAST_HOURLY = 0.001
"""A cloud function costs about 0.06 euro an hour and gigabyte; below this it is a price of seconds."""

_LARGEST_PER_CALL = 0.001
"""No provider asks more than this for one invocation; 0.025 is the price of a thousand state transitions."""


class Processing(NamedTuple):
    """What the processors of a resource say together."""

    cores: float
    architecture: str
    sgx: bool


def read_resource(key: str, entry: Entry, name: str, layer: str, nodes: dict[str, Any]) -> Resource | None:
    """Return the resource under *key*; *nodes* is what physical_nodes.yaml says, by name."""
    processing = read_processing(entry.at("processors"))
    if not entry.has("processors"):
        entry.reading.note(f"{entry.place} ({name}) has no processors; one core of architecture amd64 is assumed")
    return entry.build(
        Resource,
        name=name,
        layer=layer,
        nodes=entry.whole("totalNodes", least=1),
        cores=processing.cores,
        memory_mb=_memory(entry, name),
        architecture=processing.architecture,
        accelerators=read_accelerators(entry.at("accelerators")),
        sgx=processing.sgx,
        cost_per_hour=_cost(entry, name),
        description=entry.words("description"),
        properties=_properties(key, entry, _RESOURCE_KEYS, nodes.get(name)),
    )


def read_function(key: str, entry: Entry, name: str, layer: str, nodes: dict[str, Any]) -> CloudFunction | None:
    """Return the cloud function under *key*."""
    memory, cost = _memory(entry, name), _cost(entry, name)
    per_call = entry.number("transitionCost", 0.0)
    if not entry.has("idleTime"):
        entry.reading.note(f"{entry.place} ({name}) has no idleTime; 600 s are assumed")
    if 0 < cost < _LEAST_HOURLY:
        entry.reading.note(f"{entry.place} ({name}): cost {cost:g} is taken per hour, but looks like a second's price")
    if per_call > _LARGEST_PER_CALL:
        taken = "is taken per invocation, but looks like the price of a thousand"
        entry.reading.note(f"{entry.place} ({name}): transitionCost {per_call:g} {taken}")
    return entry.build(
        CloudFunction,
        name=name,
        layer=layer,
        memory_mb=memory,
        architecture=entry.text("architecture", "amd64"),
        idle_time=entry.number("idleTime", 600.0, positive=True),
        cost_per_hour=cost,
        cost_per_request=per_call,
        description=entry.words("description"),
        properties=_properties(key, entry, _FUNCTION_KEYS, nodes.get(name)),
    )


def _memory(entry: Entry, name: str) -> float | None:
    if entry.has("memorySize"):
        return entry.number("memorySize", positive=True)
    entry.reading.note(f"{entry.place} ({name}) has no memorySize; its memory counts as never short")
    return None


def _cost(entry: Entry, name: str) -> float:
    if not entry.has("cost"):
        entry.reading.note(f"{entry.place} ({name}) has no cost; 0 is assumed")
    return entry.number("cost", 0.0)


def _properties(key: str, entry: Entry, modelled: set[str], node: Any) -> dict[str, Any]:
    """Return what the model has no place for, as it stands in the file."""
    body = entry.value if isinstance(entry.value, dict) else {}
    rest = {name: value for name, value in body.items() if name not in modelled}
    return {KEY: key, **rest, **({NODE: node} if node is not None else {})}


def read_processing(processors: Entry) -> Processing:
    """Return the computing units of all processors together, their architecture, and whether one has SGX."""
    entries = list(processors.children().values())
    units = [entry.number("computingUnits", positive=True) for entry in entries]
    architectures = [entry.text("architecture", "amd64") for entry in entries]
    if len(set(architectures)) > 1:
        listed = ", ".join(architectures)
        processors.reading.note(f"{processors.place} differ in architecture ({listed}); {architectures[0]} counts")
    flags = [entry.flag("SGXFlag") for entry in entries]
    return Processing(sum(units) or 1.0, architectures[0] if architectures else "amd64", any(flags))


def read_accelerators(accelerators: Entry) -> dict[str, Accelerator]:
    """Return one accelerator for each processor of each entry of ``accelerators``."""
    found: dict[str, Accelerator] = {}
    for key, entry in accelerators.children().items():
        processors = entry.at("processors").children()
        for inner, processor in processors.items():
            name = key if len(processors) == 1 else f"{key}.{inner}"
            accelerator = processor.build(
                Accelerator,
                name=name,
                type=processor.text("type", "GPU"),
                model=processor.words("architecture") or processor.words("name"),
                count=_accelerator_count(processor),
                memory_mb=processor.number("internalMemory", 0.0) * GIGABYTE_MB,
            )
            found.update({name: accelerator} if accelerator else {})
    return found


def _accelerator_count(processor: Entry) -> int:
    value = processor.at("computingUnits").value
    if value is not None and (isinstance(value, bool | str | dict | list) or value % 1 != 0 or value < 1):
        processor.at("computingUnits").problem(f"expected a number of devices, at least 1, got {shown(value)}")
        return 1
    return int(value or 1)
