"""A profile of a device nobody has measured: the times of another one, times a stated factor. It is a guess."""

from __future__ import annotations

from twin.errors import ProfileError
from twin.formats.profile_schema import ProfileFile, Scaling, Segment

_DIGITS = 9


def scaled_profile(profile: ProfileFile, *, device: str, factor: float, uncertainty: float) -> ProfileFile:
    """Return *profile* for *device*, on which everything takes *factor* times as long, give or take *uncertainty*.

    The uncertainty is relative. What does not depend on the speed of a device (bytes, memory) stays; what would have
    to be measured on it (interference) is left out. Raises ProfileError if *profile* is a guess already.
    """
    if profile.scaled_from is not None:
        base = profile.scaled_from.device
        raise ProfileError(f"the profile of {profile.device!r} is itself scaled, from {base!r}; scale the measured one")
    note = f"a guess: the times of {profile.device}, times {factor:g} (give or take {uncertainty:.0%})"
    return profile.model_copy(
        update={
            "device": device,
            "segments": {name: _scaled(part, factor, note) for name, part in profile.segments.items()},
            "cuts": tuple(
                cut.model_copy(
                    update={"head_seconds": cut.head_seconds * factor, "tail_seconds": cut.tail_seconds * factor}
                )
                for cut in profile.cuts
            ),
            "interference": (),
            "scaled_from": Scaling(device=profile.device, factor=factor, uncertainty=uncertainty),
        }
    )


def _scaled(segment: Segment, factor: float, note: str) -> Segment:
    fitted = segment.fitted
    return segment.model_copy(
        update={
            "load_seconds": _times(segment.load_seconds, factor),
            "service_seconds": _times(segment.service_seconds, factor),
            "cpu_seconds_mean": round(segment.cpu_seconds_mean * factor, _DIGITS),
            "serialisation": {
                name: cost.model_copy(
                    update={
                        "write_seconds": round(cost.write_seconds * factor, _DIGITS),
                        "read_seconds": round(cost.read_seconds * factor, _DIGITS),
                    }
                )
                for name, cost in segment.serialisation.items()
            },
            "fitted": None if fitted is None else fitted.scaled(factor),
            "notes": (note, *segment.notes),
        }
    )


def _times(seconds: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(round(each * factor, _DIGITS) for each in seconds)
