"""AI-SPRINT's names of parts: ``<component>_partition<k>_<i>`` is segment i of the k-th way to cut a component.

An alternative has a name of its own; it is another deployment of the component it can replace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

BASE = "base"
"""The deployment of a component that is neither cut nor replaced."""

TEMPLATE = "X"
"""Stands for every k in the names of candidate_deployments.yaml."""

_SEGMENT = re.compile(r"(?P<component>.+)_partition(?P<cut>[0-9]+|X)_(?P<position>[1-9][0-9]{0,5})", re.DOTALL)
_KEY = re.compile(r"(?P<component>.+?)_alternative(?P<number>[0-9]+)(_.*)?", re.DOTALL)


class Part(NamedTuple):
    """Which part of which component a name means."""

    component: str

    deployment: str
    """``base``, ``partition<k>``, or the name of an alternative."""

    position: int
    """Place in the chain of partitions, from 1."""


def fold(name: str, alternatives: Mapping[str, str]) -> Part:
    """Return what *name* means; *alternatives* tells the component each of them replaces."""
    match = _SEGMENT.fullmatch(name)
    if match is None:
        return Part(alternatives[name], name, 1) if name in alternatives else Part(name, BASE, 1)
    whole, cut, position = match["component"], f"partition{match['cut']}", int(match["position"])
    if whole in alternatives:
        return Part(alternatives[whole], f"{whole}_{cut}", position)
    return Part(whole, cut, position)


def template_of(name: str) -> str | None:
    """Return the name under which candidate_deployments.yaml describes the segment *name*; None if it is no segment."""
    match = _SEGMENT.fullmatch(name)
    return None if match is None else f"{match['component']}_partition{TEMPLATE}_{match['position']}"


def cut_of(name: str) -> str | None:
    """Return the k of ``<component>_partition<k>_<i>``, which is ``X`` for a template."""
    match = _SEGMENT.fullmatch(name)
    return None if match is None else match["cut"]


def replaced_key(key: str) -> str | None:
    """Return ``component1`` for the key ``component1_alternative2`` of candidate_deployments.yaml."""
    match = _KEY.fullmatch(key)
    return None if match is None else match["component"]
