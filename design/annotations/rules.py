"""What must hold of the annotations of one component, beyond how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from design.annotations.kinds import KINDS
from design.annotations.reading import AnnotatedCode
from design.annotations.source_place import CodeProblem
from twin.errors import did_you_mean
from twin.formats.aisprint.reading import shown


def component_problems(code: AnnotatedCode) -> Iterator[CodeProblem]:
    """Yield everything that is wrong with the annotations of one main.py."""
    if not code.has("component_name"):
        yield code.place.problem("main", "lacks @component_name(name=...), which every component needs")
    for name in code.uses:
        yield from _arguments(code, name)
    if code.has("partitionable_model") and code.has("early_exits_model"):
        place = code.uses["early_exits_model"].place
        yield place.problem("early_exits_model", "stands beside partitionable_model; a model has one of them")
    yield from _exec_time(code)
    yield from _early_exits(code)
    yield from _performance(code)
    yield from _drift(code)


def _arguments(code: AnnotatedCode, name: str) -> Iterator[CodeProblem]:
    use, known = code.uses[name], KINDS[name]
    for argument, found in use.arguments.items():
        where = f"{name}.{argument}"
        if argument not in known:
            yield found.place.problem(where, f"{name} has no argument {argument!r}{did_you_mean(argument, known)}")
        elif found.value is None and not known[argument].required:
            continue
        elif wanted := known[argument].check(found.value):
            yield found.place.problem(
                where, f"expected {wanted}, got {_shown(found.value)}{_hint(found.value, wanted)}"
            )
    for argument, parameter in known.items():
        if parameter.required and argument not in use.arguments and argument not in use.unread:
            yield use.place.problem(f"{name}.{argument}", "is missing; add it")


def _hint(value: object, wanted: str) -> str:
    """Return the choice that was probably meant."""
    hint = did_you_mean(value, wanted.removeprefix("one of ").split(", ")) if isinstance(value, str) else ""
    return hint if wanted.startswith("one of ") and "mean" in hint else ""


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, list | tuple) and len(repr(value)) < 80 else shown(value)


def _exec_time(code: AnnotatedCode) -> Iterator[CodeProblem]:
    limit = code.argument("exec_time", "global_time_thr")
    before = code.argument("exec_time", "prev_components")
    if limit and not (before and before.value):
        lacks = "needs prev_components, the components from whose start on the time counts"
        yield limit.place.problem("exec_time.global_time_thr", lacks)
    if before and isinstance(before.value, list | tuple) and code.value("component_name", "name") in before.value:
        yield before.place.problem("exec_time.prev_components", "names the component itself; leave it out")


def _early_exits(code: AnnotatedCode) -> Iterator[CodeProblem]:
    condition = code.argument("early_exits_model", "condition_function")
    if condition and str(condition.value) not in code.functions:
        known = did_you_mean(str(condition.value), code.functions - {"main"})
        message = f"main.py defines no function {condition.value!r} at its top level{known}"
        yield condition.place.problem("early_exits_model.condition_function", message)


def _performance(code: AnnotatedCode) -> Iterator[CodeProblem]:
    use = code.uses.get("model_performance")
    if use is None:
        return
    threshold = code.argument("model_performance", "metric_thr")
    if not code.argument("model_performance", "metric"):
        if threshold:
            yield threshold.place.problem("model_performance.metric_thr", "needs a metric beside it")
        if not code.argument("model_performance", "filtered_class"):
            yield use.place.problem("model_performance", "needs a metric (classifier) or a filtered_class (filter)")


def _drift(code: AnnotatedCode) -> Iterator[CodeProblem]:
    """Compare the lists of detect_metric_drift: one entry for each metric, one for each of its fields."""
    metric = code.argument("detect_metric_drift", "metric")
    if metric is None:
        return
    if isinstance(metric.value, list | tuple) and not all(isinstance(one, str) for one in metric.value):
        yield metric.place.problem("detect_metric_drift.metric", "expected a name or a list of names")
        return
    counts = _field_counts(code)
    for name in ("field", "statistical_test", "test_threshold", "monitoring_period"):
        argument = code.argument("detect_metric_drift", name)
        if argument and not _fits(argument.value, counts, exact=name == "field"):
            wanted = f"one entry for each of {len(counts)} metrics, or a list of one for each of its fields"
            yield argument.place.problem(f"detect_metric_drift.{name}", f"expected {wanted}, got {argument.value!r}")


def _field_counts(code: AnnotatedCode) -> list[int]:
    """Return the number of fields of each metric."""
    metrics = code.value("detect_metric_drift", "metric")
    fields = code.value("detect_metric_drift", "field")
    count = len(metrics) if isinstance(metrics, list | tuple) else 1
    listed = list(fields) if isinstance(fields, list | tuple) else [fields] * count
    if count == 1 and not _is_nested(listed):
        return [len(listed)]
    counts = [len(one) if isinstance(one, list | tuple) else 1 for one in listed][:count]
    return counts + [1] * (count - len(counts))


def _is_nested(value: Sequence[object]) -> bool:
    return any(isinstance(item, list | tuple) for item in value)


def _fits(value: object, counts: list[int], *, exact: bool) -> bool:
    """Say whether *value* is one for all, one for each metric, or one for each field of each metric."""
    if not isinstance(value, list | tuple):
        return not exact or len(counts) == 1
    if len(counts) == 1 and not _is_nested(value):
        return len(value) == counts[0]
    if len(value) != len(counts):
        return False
    return all(len(one) == n for one, n in zip(value, counts, strict=True) if isinstance(one, list | tuple))
