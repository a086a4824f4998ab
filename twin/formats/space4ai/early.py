"""The earliest files of 2021: components without deployments or partitions, a chain called ``DataTransfer``.

They become files of one deployment ``s1`` with one partition ``h1`` a component; whatever has another shape stays as it
is, for the reader to complain about.
"""

from __future__ import annotations

from collections.abc import Mapping

from twin.formats.space4ai.entry import Findings


def with_deployments(document: dict[str, object], findings: Findings) -> dict[str, object]:
    """Return *document* in the shape of all later files."""
    components, transfers = document.get("Components"), document.get("DataTransfer")
    if not isinstance(components, Mapping) or not isinstance(transfers, Mapping) or "DirectedAcyclicGraph" in document:
        return document
    findings.note("components without deployments get one deployment s1 with one partition h1", mark="v0")
    findings.note("DataTransfer is read as DirectedAcyclicGraph; every transition has probability 1", mark="v0")
    later = {key: value for key, value in document.items() if key != "DataTransfer"}
    later["Components"] = {
        code: {"s1": {"h1": {**_object(body), "next": _listed(transfers, code, "next"), **_sizes(transfers, code)}}}
        for code, body in components.items()
    }
    later["DirectedAcyclicGraph"] = {
        code: {"next": following, "transition_probability": [1] * len(following)}
        for code in transfers
        if (following := _listed(transfers, code, "next")) is not None
    }
    for key in ("CompatibilityMatrix", "DemandMatrix"):
        table = document.get(key)
        if isinstance(table, Mapping):
            later[key] = {code: {"h1": row} for code, row in table.items()}
    return later


def _object(body: object) -> dict[str, object]:
    return dict(body) if isinstance(body, Mapping) else {}


def _sizes(transfers: Mapping[str, object], code: str) -> dict[str, object]:
    return {"data_size": _listed(transfers, code, "data_size")}


def _listed(transfers: Mapping[str, object], code: str, key: str) -> list[object]:
    found = _object(transfers.get(code)).get(key, [])
    return found if isinstance(found, list) else [found]
