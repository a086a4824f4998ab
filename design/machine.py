"""Which machine measured: what a reader must know to compare figures, nothing that names the machine or its owner."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version

from design.machine_facts import cpu_model, frequency_policy, operating_system, usable_cores
from twin.formats.profile_schema import Provenance

OPTIONS = "full optimisation, no spinning threads"


def provenance(*, threads: int, samples: int, seed: int, provider: str = "CPUExecutionProvider") -> Provenance:
    """Describe a measurement made now on this machine."""
    return Provenance(
        cpu=cpu_model(),
        cores=usable_cores(),
        frequency_policy=frequency_policy(),
        operating_system=operating_system(),
        versions={"python": platform.python_version()}
        | {name: version(name) for name in ("numpy", "onnx", "onnxruntime")},
        options=f"{OPTIONS}, {provider}",
        threads=threads,
        samples=samples,
        seed=seed,
        measured_on=datetime.now(UTC).date(),
    )
