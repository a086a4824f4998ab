"""From the words of the command line to a policy: ``threshold``, ``threshold,high=0.8`` or ``mine.py:MyPolicy``."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from twin.control import Policy
from twin.errors import PolicyError, did_you_mean
from twin.formats.yaml_scalars import plain_scalar
from twin.model.plan import Plan
from twin.model.scenario import Scenario

POLICIES: dict[str, tuple[str, str]] = {
    "static": ("runtime.policies.static", "Static"),
    "threshold": ("runtime.policies.threshold", "Threshold"),
    "space4ai-r": ("runtime.policies.space4ai_r", "Space4aiR"),
    "optimal": ("runtime.policies.optimal", "Optimal"),
    "predictive": ("runtime.policies.predictive", "Predictive"),
    "degrade": ("runtime.policies.degrade", "Degrade"),
    "repartition": ("runtime.policies.repartition", "Repartition"),
    "failover": ("runtime.policies.failover", "Failover"),
    "oracle": ("runtime.policies.oracle", "Oracle"),
}
"""Name → module and class; imported when asked for."""

PolicyFactory = Callable[[Scenario, Plan], Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChoice:
    """A policy as the user named it, made anew for every replication."""

    name: str
    """As it stands in tables: the words themselves."""

    make: PolicyFactory


def policy_choice(words: str) -> PolicyChoice:
    """Return the policy that *words* mean.

    A file named here is imported, so its code runs: name only files you trust.

    Raises:
        PolicyError: There is no such policy, file, class or option.
    """
    name, *settings = words.split(",")
    kind = _own_class(name) if ":" in name else _shipped(name)
    options = dict(_option(kind, name, each) for each in settings)

    def make(scenario: Scenario, plan: Plan) -> Policy:
        policy = kind(scenario, plan, **options)
        assert isinstance(policy, Policy)
        return policy

    return PolicyChoice(name=words, make=make)


def _shipped(name: str) -> type:
    if name not in POLICIES:
        raise PolicyError(f"there is no policy {name!r}{did_you_mean(name, POLICIES)}; your own is FILE.py:CLASS")
    module, kind = POLICIES[name]
    found: type = getattr(import_module(module), kind)
    return found


def _own_class(name: str) -> type:
    """Import the file of ``FILE.py:CLASS`` and return the class."""
    file, _, kind_name = name.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise PolicyError(f"policy {name!r}: there is no file {file!r}")
    spec = importlib.util.spec_from_file_location(f"policy of {path.stem}", path)
    if spec is None or spec.loader is None:
        raise PolicyError(f"policy {name!r}: {file!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise PolicyError(f"policy {name!r}: {file!r} fails while it is read: {error!r}") from error
    classes = {each: value for each, value in vars(module).items() if inspect.isclass(value)}
    if kind_name not in classes:
        raise PolicyError(f"policy {name!r}: {file!r} has no class {kind_name!r}{did_you_mean(kind_name, classes)}")
    kind = classes[kind_name]
    if not callable(getattr(kind, "decide", None)):
        raise PolicyError(f"policy {name!r}: {kind_name} has no method decide(observation)")
    return kind


def _option(kind: type, name: str, text: str) -> tuple[str, Any]:
    """Return name and value of ``key=value``."""
    key, equals, value = text.partition("=")
    known = _options(kind)
    if not equals or key not in known:
        raise PolicyError(f"policy {name!r} has no option {text!r}{did_you_mean(key, known)}")
    return key, plain_scalar(value)


def _options(kind: type) -> list[str]:
    """Return the names of the options of *kind*; where it hands ``**options`` on, those of its base too."""
    names: list[str] = []
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names += [each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.name not in names]
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return names
