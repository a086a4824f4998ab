"""What each annotation may say: its arguments, their types, and whether they must be there.

A check returns what was expected instead of a value, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import isfinite

from twin.formats.aisprint.names import cut_of
from twin.formats.aisprint.reading import LARGEST_NUMBER, LONGEST_NAME

Check = Callable[[object], str]

METRICS = ("average_f1", "average_precision", "average_recall", "average_accuracy")
DRIFT_TESTS = ("kolmogorov-smirnov", "cramer-von-mises", "fisher-exact-test", "chi-squared")
GPU_USES = ("dnn", "pre", "post")
MOST_PARTITIONINGS = 99
"""Cuts of one model that are still worth telling apart."""

_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an annotation."""

    check: Check

    required: bool = True


def is_number(value: object) -> bool:
    """Say whether *value* is a finite number and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _number(low: float, high: float, *, above: bool = False) -> Check:
    wanted = f"a number {'above' if above else 'from'} {low:g}"
    wanted += f" to {high:g}" if high < LARGEST_NUMBER else ("" if above else " on")

    def check(value: object) -> str:
        fits = isinstance(value, int | float) and is_number(value) and low <= value <= high
        return wanted if not fits or (above and value == low) else ""

    return check


def _text(value: object) -> str:
    fits = isinstance(value, str) and value.strip() and len(value) <= LONGEST_NAME
    return "" if fits else f"a text of 1 to {LONGEST_NAME} characters"


def _file_name(value: object) -> str:
    fits = isinstance(value, str) and _FILE_NAME.fullmatch(value) and value.strip(". ") and len(value) <= LONGEST_NAME
    return "" if fits else "the name of a file in the component's folder onnx, without a path"


def _component(value: object) -> str:
    if _file_name(value) or (isinstance(value, str) and (value.startswith(".") or value != value.strip())):
        return "a name that can name a folder"
    segment = isinstance(value, str) and cut_of(value) is not None
    return "a name that is not that of a segment, <component>_partition<k>_<i>" if segment else ""


def _function_name(value: object) -> str:
    return "" if isinstance(value, str) and value.isidentifier() else "the name of a function in main.py"


def _count(value: object) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PARTITIONINGS
    return "" if fits else f"a whole number from 1 to {MOST_PARTITIONINGS}"


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "True or False"


def _one_of(known: Collection[str]) -> Check:
    def check(value: object) -> str:
        return "" if isinstance(value, str) and value in known else f"one of {', '.join(known)}"

    return check


def _list_of(check: Check, what: str, *, least: int = 0) -> Check:
    def check_all(value: object) -> str:
        fits = isinstance(value, list | tuple) and len(value) >= least and not any(check(item) for item in value)
        return "" if fits else what

    return check_all


def _per_metric(check: Check, depth: int = 2) -> Check:
    """Return a check of a value, or of lists of them: one entry for each metric, one for each of its fields."""

    def check_all(value: object) -> str:
        if not isinstance(value, list | tuple) or not depth:
            return check(value)
        inner = _per_metric(check, depth - 1)
        wanted = [inner(item) for item in value] if value else ["a list that is not empty"]
        return next((one for one in wanted if one), "")

    return check_all


_POSITIVE = _number(0, LARGEST_NUMBER, above=True)
_SHARE = _number(0, 1)
_NAMES = _list_of(_text, "a list of names")
_PROBABILITIES = _list_of(_SHARE, "a list of probabilities, numbers from 0 to 1, one for each exit", least=1)
_USES = _list_of(_one_of(GPU_USES), f"a list of {', '.join(GPU_USES)}, or an empty one")
_FLAGS = ("trustedExecution", "networkShield", "filesystemShield", "confProc", "integrityProc", "confRest")


def _optional(check: Check) -> Parameter:
    return Parameter(check, required=False)


KINDS: dict[str, dict[str, Parameter]] = {
    "component_name": {"name": Parameter(_component)},
    "exec_time": {
        "local_time_thr": _optional(_POSITIVE),
        "global_time_thr": _optional(_POSITIVE),
        "prev_components": _optional(_NAMES),
    },
    "expected_throughput": {"rate": Parameter(_POSITIVE)},
    "partitionable_model": {"onnx_file": Parameter(_file_name), "num_partitions": _optional(_count)},
    "device_constraints": {
        "ram": Parameter(_number(0, LARGEST_NUMBER)),
        "vram": Parameter(_number(0, LARGEST_NUMBER)),
        "use_gpu_for": Parameter(_USES),
    },
    "early_exits_model": {
        "onnx_file": Parameter(_file_name),
        "condition_function": Parameter(_function_name),
        "transition_probabilities": Parameter(_PROBABILITIES),
    },
    "model_performance": {
        "metric": _optional(_one_of(METRICS)),
        "metric_thr": _optional(_SHARE),
        "filtered_class": _optional(_text),
    },
    "detect_metric_drift": {
        "metric": Parameter(_per_metric(_text)),
        "field": Parameter(_per_metric(_text)),
        "statistical_test": Parameter(_per_metric(_one_of(DRIFT_TESTS))),
        "test_threshold": Parameter(_per_metric(_SHARE)),
        "monitoring_period": Parameter(_per_metric(_POSITIVE)),
        "detection_interval": Parameter(_POSITIVE),
        "data_collection_period": Parameter(_POSITIVE),
    },
    "security": {flag: _optional(_flag) for flag in _FLAGS},
}
"""Annotation → argument → what it must be."""
