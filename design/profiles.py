"""Turn measurements into the profile that scenarios read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from design.calibrate import Measurement
from design.onnx_models import OnnxModel
from twin.errors import ProfileError
from twin.formats.profile_file import PROFILE_FORMAT, ProfileFile, Provenance, Segment, is_name

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


def profile_from_measurements(
    measurements: Mapping[str, Measurement], *, device: str, provenance: Provenance
) -> ProfileFile:
    """Return the profile of *device* with one segment per measurement, by its name."""
    return ProfileFile(
        format=PROFILE_FORMAT,
        device=device,
        provenance=provenance,
        segments={name: _segment(measurement) for name, measurement in measurements.items()},
    )


def _segment(measurement: Measurement) -> Segment:
    return Segment(
        model=measurement.model.reference,
        sha256=measurement.model.sha256,
        input_shapes=measurement.input_shapes,
        input_mb=measurement.input_mb,
        output_mb=measurement.output_mb,
        load_seconds=_rounded(measurement.load_seconds),
        service_seconds=_rounded(measurement.service_seconds),
        cpu_seconds_mean=round(sum(measurement.cpu_seconds) / len(measurement.cpu_seconds), _DIGITS),
        warm_up_runs=measurement.warm_up_runs,
        notes=measurement.notes,
    )


def _rounded(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(second, _DIGITS) for second in seconds)
