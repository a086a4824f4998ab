"""Recorded series from a running InfluxDB, version 1 (InfluxQL) or 2 (Flux), by plain HTTP."""

from __future__ import annotations

import csv
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from runtime.drift.recorded import Row, series_from
from runtime.drift.series import Series
from twin.errors import DriftError

TOKEN = "DRIFT_DETECTOR_INFLUXDB_TOKEN"
"""Variable of the environment that holds the token of version 2, as for AI-SPRINT's detector."""

MAX_BYTES = 500_000_000
_SECONDS = 60.0


def query_v1(url: str, *, database: str, metric: str, field: str, hours: float) -> Series:
    """Return the last *hours* of a field; DriftError where the server is not there, refuses or has nothing."""
    statement = f"SELECT {_identifier(field)} FROM {_identifier(metric)} WHERE time > now() - {round(hours * 3600)}s"
    words = urllib.parse.urlencode({"db": database, "q": statement, "epoch": "ns"})
    answer = _ask(urllib.request.Request(f"{url.rstrip('/')}/query?{words}"))
    return series_from(_v1_rows(url, answer), f"{url}: {metric} {field}")


def query_v2(url: str, *, bucket: str, org: str, metric: str, field: str, hours: float) -> Series:
    """Return the last *hours* of a field; the token stands in the environment. Raises as `query_v1`."""
    flux = (
        f"from(bucket: {_quoted(bucket)}) |> range(start: -{round(hours * 3600)}s) "
        f"|> filter(fn: (r) => r._measurement == {_quoted(metric)} and r._field == {_quoted(field)}) "
        '|> group() |> sort(columns: ["_time"])'
    )
    headers = {"Content-Type": "application/vnd.flux", "Accept": "application/csv"}
    if os.environ.get(TOKEN):
        headers["Authorization"] = f"Token {os.environ[TOKEN]}"
    words = urllib.parse.urlencode({"org": org})
    request = urllib.request.Request(f"{url.rstrip('/')}/api/v2/query?{words}", flux.encode(), headers)
    return series_from(_v2_rows(_ask(request)), f"{url}: {metric} {field}")


def _identifier(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quoted(text: str) -> str:
    """Return *text* as a string of Flux, in which ``${`` would begin an expression."""
    return json.dumps(text, ensure_ascii=False).replace("${", "\\${")


def _ask(request: urllib.request.Request) -> str:
    where = request.full_url.split("?")[0]
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            said = " ".join(error.read(500).decode(errors="replace").split())
        hint = f"; is the token in {TOKEN}?" if error.code in (401, 403) else ""
        raise DriftError(f"{where}: answered {error.code}: {said or error.reason}{hint}") from None
    except (OSError, ValueError) as error:
        raise DriftError(f"{where}: {getattr(error, 'reason', error)}") from None
    if len(data) > MAX_BYTES:
        raise DriftError(f"{where}: answers more than {MAX_BYTES / 1e6:g} MB; ask for fewer hours")
    return data.decode(errors="replace")


def _v1_rows(url: str, answer: str) -> Iterator[Row]:
    try:
        result = json.loads(answer)["results"][0]
        if "error" in result:
            raise DriftError(f"{url}: {result['error']}")
        rows = sorted((row for series in result.get("series", ()) for row in series["values"]), key=lambda row: row[0])
        yield from ((f"point {i}", time * 1e-9, value) for i, (time, value) in enumerate(rows, start=1))
    except (ValueError, KeyError, IndexError, TypeError):
        raise DriftError(f"{url}: this is no answer of InfluxDB 1: {answer[:80]!r}") from None


def _v2_rows(answer: str) -> Iterator[Row]:
    """Yield the points of an annotated CSV; every table in it begins with its own header."""
    names: list[str] = []
    for number, cells in enumerate(csv.reader(answer.splitlines()), start=1):
        if not any(cells) or cells[0].startswith("#"):
            names = []
        elif not names:
            names = cells
        elif "_time" in names and "_value" in names:
            row = dict(zip(names, cells, strict=False))
            yield f"line {number}", row.get("_time"), row.get("_value")
