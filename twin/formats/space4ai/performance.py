"""SPACE4AI's performance models → profiles: mean service times, and cold ones on functions.

Regressors are not executed. Where an entry with one carries ``meanTime`` (or warm and cold demands), that is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from twin.errors import did_you_mean
from twin.formats.space4ai.entry import Entry
from twin.model.application import Partition
from twin.model.continuum import CloudFunction, Resource
from twin.model.law import Law
from twin.model.profile import Profile

QUEUES = ("QTedge", "QTcloud")
FUNCTIONS = ("PACSLTK", "PACSLTKSTATIC")
REGRESSORS = ("CoreBasedPredictor", "AMLCORE", "LambdaBasedPredictor", "AMLTHROUGHPUT", "MLLIBfaas", "AMLFAAS")

_NO_PROFILE = Profile(service_time=Law(mean=1.0))
"""Stands where the file is at fault, so that the rest can be read; it never leaves this reader."""

_SOURCE = re.compile(r"SPACE4AI (\w+)(?:, regressor_file (.*))?", re.DOTALL)


def read_profiles(
    root: Entry,
    partitions: Mapping[tuple[str, str], Partition],
    hosts: Mapping[str, Resource | CloudFunction],
    edge_layers: frozenset[str],
) -> dict[str, dict[str, Profile]]:
    """Return partition → host → profile for every candidate; *partitions* are by codes of component and partition."""
    early = root.has("DemandMatrix") and not root.has("Performance")
    if early:
        root.findings.note("DemandMatrix is read as Performance", mark="v0")
    table = root.child("DemandMatrix" if early else "Performance")
    profiles: dict[str, dict[str, Profile]] = {}
    for (component, code), partition in partitions.items():
        row = table.child(component).child(code)
        _check_row(row, partition)
        profiles[partition.name] = {
            host: _profile(row.child(host), hosts[host], hosts[host].layer in edge_layers)
            for host in partition.candidates
            if host in hosts
        }
    _check_keys(table, partitions)
    return profiles


def source_of(model: str, regressor: str = "") -> str:
    """Return where a profile comes from, in words that :func:`model_of` understands."""
    return f"SPACE4AI {model}" + (f", regressor_file {regressor}" if regressor else "")


def model_of(source: str) -> tuple[str, str]:
    """Return model and regressor file that *source* names; both are empty where it came from elsewhere."""
    found = _SOURCE.fullmatch(source)
    known = found is not None and found[1] in (*QUEUES, *FUNCTIONS, *REGRESSORS)
    return (found[1], found[2] or "") if found and known else ("", "")


def _check_row(row: Entry, partition: Partition) -> None:
    for host, entry in row.entries():
        if host not in partition.candidates:
            entry.problem(f"{host!r} is not in the CompatibilityMatrix of this partition; add it there or leave it out")


def _check_keys(table: Entry, partitions: Mapping[tuple[str, str], Partition]) -> None:
    components = dict.fromkeys(component for component, _ in partitions)
    for component, row in table.entries():
        if row.known_key(component, "component", components):
            known = dict.fromkeys(code for owner, code in partitions if owner == component)
            for code, entry in row.entries():
                entry.known_key(code, "partition", known)


def _profile(entry: Entry, host: Resource | CloudFunction, at_edge: bool) -> Profile:
    usual = "PACSLTK" if isinstance(host, CloudFunction) else "QTedge" if at_edge else "QTcloud"
    if not isinstance(entry.value, Mapping):
        return _from_demand(entry, usual)
    model = entry.child("model").text()
    if model in REGRESSORS:
        return _without_regressor(entry, model, host)
    if model not in (*QUEUES, *FUNCTIONS):
        if model:
            known = (*QUEUES, *FUNCTIONS, *REGRESSORS)
            entry.child("model").problem(f"unknown model {model!r}{did_you_mean(model, known)}")
        return _NO_PROFILE
    if (model in FUNCTIONS) != isinstance(host, CloudFunction):
        what = "a cloud function" if isinstance(host, CloudFunction) else "no cloud function"
        entry.child("model").problem(f"{model!r} does not fit {host.name!r}, which is {what}; use {usual!r}")
        return _NO_PROFILE
    if model in FUNCTIONS:
        return _warm_and_cold(entry, source_of(model))
    return Profile(service_time=Law(mean=entry.child("demand").number()), source=source_of(model))


def _from_demand(entry: Entry, model: str) -> Profile:
    """Return a profile from a row of 2021: a demand, or warm and cold demand."""
    wanted = 2 if model == "PACSLTK" else 1
    demands = [item.number() for item in entry.items()]
    if len(demands) != wanted and not entry.is_absent:
        entry.problem(f"must be {'[warm demand, cold demand]' if wanted == 2 else 'one demand'} in seconds")
    if len(demands) != wanted:
        return _NO_PROFILE
    cold = Law(mean=demands[1]) if wanted == 2 else None
    return Profile(service_time=Law(mean=demands[0]), cold_service_time=cold, source=source_of(model))


def _warm_and_cold(entry: Entry, source: str) -> Profile:
    return Profile(
        service_time=Law(mean=entry.child("demandWarm").number()),
        cold_service_time=Law(mean=entry.child("demandCold").number()),
        source=source,
    )


def _without_regressor(entry: Entry, model: str, host: Resource | CloudFunction) -> Profile:
    """Return the mean that stands beside a regressor, which itself is not executed."""
    file = entry.child("regressor_file", "").value
    source = source_of(model, file if isinstance(file, str) else "")
    if entry.has("meanTime"):
        entry.findings.note(f"regressors are not executed: {model} is replaced by its meanTime, under a queue")
        return Profile(service_time=Law(mean=entry.child("meanTime").number()), source=source)
    if isinstance(host, CloudFunction) and entry.has("demandWarm") and entry.has("demandCold"):
        entry.findings.note(f"regressors are not executed: {model} is replaced by its demandWarm and demandCold")
        return _warm_and_cold(entry, source)
    entry.problem(f"{model} needs a regressor, and regressors are not executed; add meanTime (s) or measure a profile")
    return _NO_PROFILE
