"""Files of AI-SPRINT's drift detector: ``drift_detector_config.yaml`` and ``drift_state.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from twin.errors import DriftError, Problem, did_you_mean
from twin.formats.scenario.faults import faults
from twin.formats.scenario.writing import to_yaml
from twin.formats.text_file import write_text
from twin.formats.yaml_source import load_yaml
from twin.model.drift import DriftSettings

NO_DRIFT, DRIFT_DETECTED, DATA_COLLECTED = 0, 1, 2
"""What the state file says of a field; components read it with ``get_metric_drift_state(metric, field)``."""

_WORDS = {NO_DRIFT: "no drift", DRIFT_DETECTED: "drift detected", DATA_COLLECTED: "data collected"}


def load_drift_config(path: Path) -> DriftSettings:
    """Read a ``drift_detector_config.yaml``; DriftError with lines for whatever is wrong with it.

    The keys of this project that AI-SPRINT does not have (``false_alarms_per_day`` and others) may stand in it, too.
    """
    source = load_yaml(path)
    try:
        return DriftSettings.model_validate(_listed(source.data))
    except ValidationError as error:
        raise DriftError(str(path), [fault.problem for fault in faults(error, DriftSettings, source.place)]) from None


def _listed(data: Mapping[str, object]) -> dict[str, object]:
    """Return *data* with the pair of confirmations as pydantic wants it."""
    pair = data.get("confirmations")
    return {**data, "confirmations": tuple(pair)} if isinstance(pair, list) else dict(data)


def save_drift_state(states: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Write metric → field → 0, 1 or 2 in one step, so that no component reads half a file."""
    write_text(path, to_yaml({metric: dict(fields) for metric, fields in states.items()}), error=DriftError)


def load_drift_state(path: Path) -> dict[str, dict[str, int]]:
    """Read a ``drift_state.yaml``; DriftError for a state that AI-SPRINT does not have."""
    source = load_yaml(path)
    problems = []
    for metric, fields in source.data.items():
        # A metric that holds no fields is wrong as a whole.
        states = {(metric, field): state for field, state in fields.items()} if isinstance(fields, dict) else {}
        for keys, state in (states or {(metric, ""): None}).items():
            if type(state) is not int or state not in _WORDS:
                known = ", ".join(f"{number} ({word})" for number, word in _WORDS.items())
                message = f"expected field: state with a state of {known}, got {state if states else fields!r}"
                problems.append(Problem(".".join(keys), message, source.line(keys), source.column(keys)))
    if problems:
        raise DriftError(str(path), problems)
    return source.data


def drift_state(states: Mapping[str, Mapping[str, int]], metric: str, field: str) -> int:
    """Return the state of one field; DriftError where it is not watched."""
    if metric not in states:
        raise DriftError(f"no metric {metric!r} is watched{did_you_mean(metric, states)}")
    if field not in states[metric]:
        raise DriftError(f"no field {field!r} of {metric!r} is watched{did_you_mean(field, states[metric])}")
    return states[metric][field]
