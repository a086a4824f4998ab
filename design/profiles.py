"""Turn measurements into the segments of the profile that scenarios read."""

from __future__ import annotations

from collections.abc import Sequence

from design.calibrate import Measurement
from design.onnx_models import OnnxModel
from twin.errors import ProfileError
from twin.formats.profile_schema import Segment, Serialisation, is_name

_DIGITS = 7  # a tenth of a microsecond


def segment_names(models: Sequence[OnnxModel], names: Sequence[str]) -> list[str]:
    """Return the name of each model's segment: the given ones in order, or the models' own.

    Raises ProfileError if there are not as many as models, one cannot be a name, or two are equal.
    """
    if names and len(names) != len(models):
        raise ProfileError(f"{len(names)} names for {len(models)} models; give --name once per model, or not at all")
    chosen = list(names) or [model.name for model in models]
    for name in chosen:
        if not is_name(name):
            raise ProfileError(f"{name!r} cannot name a segment; give --name 1 to 100 characters, the last no space")
        if chosen.count(name) > 1:
            raise ProfileError(f"two models would both be segment {name!r}; tell them apart with --name")
    return chosen


def segment_from(measurement: Measurement) -> Segment:
    """Return what a profile keeps of *measurement*."""
    return Segment(
        model=measurement.model.reference,
        sha256=measurement.model.sha256,
        input_shapes=measurement.input_shapes,
        input_mb=measurement.input_mb,
        output_mb=measurement.output_mb,
        load_seconds=_rounded(measurement.load_seconds),
        service_seconds=_rounded(measurement.service_seconds),
        cpu_seconds_mean=round(sum(measurement.cpu_seconds) / len(measurement.cpu_seconds), _DIGITS),
        memory_mb=measurement.memory_mb,
        serialisation={
            name: Serialisation(
                bytes=cost.bytes,
                write_seconds=round(cost.write_seconds, _DIGITS),
                read_seconds=round(cost.read_seconds, _DIGITS),
            )
            for name, cost in measurement.serialisation.items()
        },
        warm_up_runs=measurement.warm_up_runs,
        notes=measurement.notes,
    )


def _rounded(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(second, _DIGITS) for second in seconds)
