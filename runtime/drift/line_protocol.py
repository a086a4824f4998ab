"""InfluxDB's line protocol: ``measurement,tag=a field=1.5,other=2 1700000000000000000``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from twin.errors import DriftError, Problem, did_you_mean

NANO = 1e-9

_LINE = re.compile(
    r"(?P<measurement>(?:\\.|[^\\, ])+)(?P<tags>(?:,(?:\\.|[^\\ ])+)?) +"
    r"(?P<fields>(?:\"(?:\\.|[^\\\"])*\"|\\.|[^\\\" ])+) +(?P<time>-?\d+)\s*"
)
_FIELD = re.compile(r"(?P<name>(?:\\.|[^\\=,])+)=(?P<value>\"(?:\\.|[^\\\"])*\"|[^,\"]+)(?:,|$)")
_ESCAPED = re.compile(r"\\([,= \"\\])")


def points(
    lines: Iterable[str], name: str, *, metric: str | None, field: str | None
) -> Iterator[tuple[str, object, object]]:
    """Yield where it stands, the time in seconds and the value of *field* of the measurement *metric*.

    Without *field* or *metric* there must be a single one. Points without the field are passed over. Raises DriftError
    for a line that is none, and where nothing matches.
    """
    seen: set[tuple[str, str]] = set()
    matched: set[tuple[str, str]] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            message = "not line protocol with a time: measurement,tag=a field=1.5 1700000000000000000"
            raise DriftError(name, [Problem(f"row {number}", message)])
        measurement = _plain(found["measurement"])
        for each in _FIELD.finditer(found["fields"]):
            key = (measurement, _plain(each["name"]))
            seen.add(key)
            if metric in (None, key[0]) and field in (None, key[1]):
                matched.add(key)
                yield f"row {number}", int(found["time"]) * NANO, _value(each["value"])
    _require_one(name, metric, field, seen, matched)


def _require_one(
    name: str, metric: str | None, field: str | None, seen: set[tuple[str, str]], matched: set[tuple[str, str]]
) -> None:
    if len(matched) > 1:
        known = ", ".join(f"{one} {other}" for one, other in sorted(matched)[:12])
        raise DriftError(f"{name}: holds several series; choose with --metric and --field: {known}")
    if matched or not seen:
        return
    metrics = {one for one, _ in seen}
    if metric is not None and metric not in metrics:
        raise DriftError(f"{name}: no metric {metric!r}{did_you_mean(metric, metrics)}")
    fields = {other for one, other in seen if metric in (None, one)}
    raise DriftError(f"{name}: no field {field!r}{did_you_mean(str(field), fields)}")


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _value(text: str) -> object:
    """Return a field's value; booleans are 1 and 0, as the share of right answers wants them."""
    if text in ("t", "T", "true", "True", "TRUE"):
        return 1.0
    if text in ("f", "F", "false", "False", "FALSE"):
        return 0.0
    return text[:-1] if re.fullmatch(r"-?\d+[iu]", text) else text
