"""What a profile file holds: measured service times of models on one class of device, and how they were measured."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PROFILE_FORMAT: Literal["continuum-twin profile 1"] = "continuum-twin profile 1"

UNNAMED_DEVICE = "this-machine"
"""The device of a profile whose maker did not say what it stands for."""

NAME_FORM = r"^[^\x00-\x1f]{0,99}[^\x00-\x1f\s]$"
DIGEST_FORM = r"^[0-9a-f]{64}$"
FORMS = {
    NAME_FORM: "be 1 to 100 characters on one line, the last no space",
    DIGEST_FORM: "be 64 hexadecimal digits",
}

Name = Annotated[str, Field(pattern=NAME_FORM)]
Duration = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    """What all parts of the file share: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Emulation(_Part):
    """A small device that was imitated by a container on the machine that measured."""

    cpus: Duration
    """Processors the container got; 0.5 is half of the time of one."""

    memory_mb: Duration
    """Memory it got, without any swap."""

    period_seconds: Duration
    """After how long its share of a processor was handed out anew."""

    engine: str
    """What ran the container, with its version."""


class Provenance(_Part):
    """Where, when and how a profile was measured."""

    cpu: str
    """The maker's name of the processor."""

    cores: Count
    """Processors the measuring process could use."""

    frequency_policy: str | None = None
    """How the system chose the clock of the processor, such as ``performance``; absent where it did not tell."""

    operating_system: str
    """System, architecture and distribution."""

    versions: dict[str, str]
    """Versions of the software that took part, by name."""

    options: str = ""
    """How onnxruntime was set: optimisation, spinning, and what ran the operators."""

    threads: Count
    """Threads that one run of a model could use."""

    samples: Count
    """Runs counted for each segment."""

    seed: int
    """Seed of the made-up inputs."""

    measured_on: date
    """Day (UTC)."""

    emulation: Emulation | None = None
    """Present if the times are those of a container that stands for a smaller device."""


class Serialisation(_Part):
    """What it costs to write and read everything that one run hands on, in one format."""

    bytes: Count

    write_seconds: Amount
    """Median."""

    read_seconds: Amount
    """Median."""


class FittedLaw(_Part):
    """A law that a test of fit did not reject; the samples stay beside it."""

    family: Literal["lognormal", "gamma", "mixture"]
    """A mixture is one of two lognormal laws."""

    mean: Duration

    cv: Amount
    """Standard deviation per mean."""

    parameters: dict[str, float]
    """``mu`` and ``sigma`` of the logarithm; ``shape`` and ``scale`` of a gamma law; of a mixture ``share`` of the
    first law, and ``mu_1``, ``sigma_1``, ``mu_2``, ``sigma_2``."""

    distance: Amount
    """Kolmogorov-Smirnov distance between the law and the samples."""

    p_value: Annotated[float, Field(ge=0, le=1)]
    """Share of samples drawn from the law, and fitted anew, that lie as far from their law as the measured ones."""

    def scaled(self, factor: float) -> FittedLaw:
        """Return the law of *factor* times this quantity."""
        moved = {name: value + math.log(factor) for name, value in self.parameters.items() if name.startswith("mu")}
        if "scale" in self.parameters:
            moved["scale"] = self.parameters["scale"] * factor
        return self.model_copy(update={"mean": self.mean * factor, "parameters": self.parameters | moved})


class Segment(_Part):
    """Measured costs of one model."""

    model: str
    """Name of the model's file, or ``onnx:...`` for one the onnx package ships."""

    sha256: Annotated[str, Field(pattern=DIGEST_FORM)]
    """Digest of the model's file."""

    input_shapes: dict[str, tuple[Annotated[int, Field(ge=0)], ...]] = {}
    """Shapes of the inputs it was measured with, by name."""

    input_mb: Amount
    """MB (1e6 bytes) one run reads."""

    output_mb: Amount
    """MB (1e6 bytes) one run returns."""

    load_seconds: Annotated[tuple[Amount, ...], Field(min_length=1)]
    """Seconds until a session was ready, once per session: the cold start without that of the container."""

    service_seconds: Annotated[tuple[Duration, ...], Field(min_length=1)]
    """Wall seconds of every counted run, in the order they were measured."""

    cpu_seconds_mean: Amount
    """Mean CPU seconds of a run, over all its threads."""

    memory_mb: Amount | None = None
    """Peak memory of a process that loads and runs this alone, Python and onnxruntime included."""

    serialisation: dict[str, Serialisation] = {}
    """Cost of handing on the outputs, by format."""

    fitted: FittedLaw | None = None
    """Law that readers use instead of the samples; absent unless asked for and not rejected."""

    warm_up_runs: Annotated[int, Field(ge=0)] = 0
    """Runs before the counted ones."""

    notes: tuple[str, ...] = ()
    """What a reader should know or doubt, one sentence each."""


class CutFigures(_Part):
    """One place where a model was cut, and what both sides cost."""

    model: str
    """Segment name of the whole model."""

    tensor: str
    """What crosses: the name of the tensor, or several names with `` + `` between."""

    tensors: Annotated[tuple[str, ...], Field(min_length=1)]

    shapes: tuple[tuple[Annotated[int, Field(ge=0)], ...], ...] = ()

    bytes: Annotated[int, Field(ge=0)]
    """Bytes of all tensors that cross."""

    head_seconds: Duration
    """Mean service time of the segments before the cut, added up."""

    tail_seconds: Duration
    """Mean service time of the segments after the cut, added up."""

    head: Annotated[tuple[str, ...], Field(min_length=1)]
    """Segments before the cut."""

    tail: Annotated[tuple[str, ...], Field(min_length=1)]

    proved: bool
    """Whether the chain of segments gave the outputs of the whole model."""

    difference: Amount | None = None
    """Largest difference of an output, in parts of its largest value."""


class Slowdown(_Part):
    """How much slower a segment runs while another one runs beside it on another core of the same machine."""

    segment: Name
    """The one that is slowed down."""

    beside: Name
    """The one that runs without a pause at the same time; may be the same segment in a second process."""

    factor: Duration
    """Median service time of ``segment`` with ``beside`` running, per median without; 1 is no effect."""

    low: Duration
    """Lower end of a 95 % bootstrap interval of the factor."""

    high: Duration

    samples: Count
    """Timed runs with and without, each."""


class ExitFigures(_Part):
    """Where requests leave a model with early exits, counted on sample inputs."""

    model: str
    """Segment name of the whole model."""

    exits: Annotated[tuple[str, ...], Field(min_length=1)]
    """Outputs of the exits, in order; the last output of the model is none of them."""

    condition: str
    """When a request leaves, such as ``confidence >= 0.9``."""

    continue_probabilities: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    """For each exit, the share of the requests that reach it and do not leave there."""

    samples: Count

    accuracies: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()
    """Share of right answers among those that leave at each exit, the end of the model last; where labels are known."""

    accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of right answers of all requests."""


class Scaling(_Part):
    """The profile is a guess: measured times of another device, times a stated factor."""

    device: str
    """Where the times were measured."""

    factor: Duration

    uncertainty: Amount
    """Relative uncertainty of the factor, as somebody stated it."""


class ProfileFile(_Part):
    """A whole profile: what the models of an application cost on one class of device."""

    format: Literal["continuum-twin profile 1"]
    """Always ``continuum-twin profile 1``."""

    device: Name
    """The class of device, not the name of a machine."""

    provenance: Provenance
    """Where, when and how it was measured."""

    segments: Annotated[dict[Name, Segment], Field(min_length=1)]
    """Costs by the name of the model, or of the part of a model."""

    does_not_fit: tuple[Name, ...] = ()
    """Segments that an emulated device has too little memory for."""

    cuts: tuple[CutFigures, ...] = ()
    """Places where the models were cut."""

    interference: tuple[Slowdown, ...] = ()
    """How segments slow each other down on one machine."""

    exits: tuple[ExitFigures, ...] = ()
    """Early exits that were counted."""

    scaled_from: Scaling | None = None
    """Present if nobody measured this device."""


def is_name(text: str) -> bool:
    """Return whether *text* can name a device or a segment: up to 100 characters on one line, the last no space."""
    return re.fullmatch(NAME_FORM.strip("^$"), text) is not None
