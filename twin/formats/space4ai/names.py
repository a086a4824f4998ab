"""Names and codes: SPACE4AI tells components, deployments and partitions by the first letter of c1, s1, h1.

Names of another shape are written as codes, and the document carries a key ``Names`` that gives them back on reading;
the tools pass over it. A partition ``h1`` of component ``c1`` is called ``c1.h1`` here, for names of partitions are
unique in a scenario but, in SPACE4AI, only inside their component.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from twin.formats.space4ai.entry import Entry
from twin.model.application import Component
from twin.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Code → name, for those that differ."""

    components: dict[str, str] = field(default_factory=dict)

    deployments: dict[str, str] = field(default_factory=dict)
    """``c1.s1`` → name."""

    partitions: dict[str, str] = field(default_factory=dict)
    """``c1.h1`` → name."""

    layers: dict[str, str] = field(default_factory=dict)

    def component(self, code: str) -> str:
        """Return the name of a component."""
        return self.components.get(code, code)

    def deployment(self, component: str, code: str) -> str:
        """Return the name of a deployment of the component with this code."""
        return self.deployments.get(f"{component}.{code}", code)

    def partition(self, component: str, code: str) -> str:
        """Return the name of a partition of the component with this code."""
        return self.partitions.get(f"{component}.{code}", f"{self.component(component)}.{code}")

    def layer(self, code: str) -> str:
        """Return the name of an execution layer."""
        return self.layers.get(code, code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Name → code of everything in one scenario that SPACE4AI tells by its name."""

    components: dict[str, str]

    deployments: dict[tuple[str, str], str]
    """Component and deployment → code."""

    partitions: dict[str, str]
    """Partition → code inside its component."""

    layers: dict[str, str]

    def to_names(self, scenario: Scenario) -> dict[str, object]:
        """Return what the key ``Names`` must hold to read the codes back; empty when nothing was coded."""
        components = {code: name for name, code in self.components.items() if name != code}
        deployments: dict[str, str] = {}
        partitions: dict[str, str] = {}
        for component in scenario.application.components.values():
            outer = self.components[component.name]
            for deployment in component.deployments.values():
                code = self.deployments[component.name, deployment.name]
                if code != deployment.name:
                    deployments[f"{outer}.{code}"] = deployment.name
                for name in deployment.partitions:
                    if name != f"{component.name}.{self.partitions[name]}":
                        partitions[f"{outer}.{self.partitions[name]}"] = name
        layers = {code: name for name, code in self.layers.items() if name != code}
        kinds = {"components": components, "deployments": deployments, "partitions": partitions, "layers": layers}
        return {kind: codes for kind, codes in kinds.items() if codes}


def codes_of(scenario: Scenario) -> Codes:
    """Return the codes of *scenario*: its own names where they have SPACE4AI's shape, else new ones in order."""
    components = scenario.application.components
    return Codes(
        components=_coded(components, components, r"c\d+", "c"),
        deployments={
            (component.name, name): code
            for component in components.values()
            for name, code in _coded(component.deployments, component.deployments, r"s\d+", "s").items()
        },
        partitions={
            name: code for component in components.values() for name, code in _partition_codes(component).items()
        },
        layers=_coded(
            scenario.continuum.layers, scenario.continuum.layers, r"(?i:computationallayer).*", "computationalLayer"
        ),
    )


def names_of(root: Entry) -> Names:
    """Return the names that a document's own key ``Names`` gives to its codes."""
    given = root.child("Names", {})
    kinds = ("components", "deployments", "partitions", "layers")
    return Names(**{kind: _given(kind, given.child(kind, {})) for kind in kinds})


def _given(kind: str, entry: Entry) -> dict[str, str]:
    """Return code → name; a name that stands for two codes would merge them."""
    names: dict[str, str] = {}
    for code, named in entry.entries():
        name = named.text()
        scope = f"{code.split('.')[0]}." if kind == "deployments" else ""
        if any(other == name and before.startswith(scope) for before, other in names.items()):
            named.problem(f"the name {name!r} stands for two codes")
        elif name:
            names[code] = name
    return names


def _partition_codes(component: Component) -> dict[str, str]:
    names = [name for deployment in component.deployments.values() for name in deployment.partitions]
    return _coded(names, [name.removeprefix(f"{component.name}.") for name in names], r"h\d+", "h")


def _coded(names: Iterable[str], wanted: Iterable[str], shape: str, prefix: str) -> dict[str, str]:
    """Return name → code: *wanted* if all of them have that *shape*, else the prefix and a number."""
    codes = list(wanted)
    if len(set(codes)) < len(codes) or not all(re.fullmatch(shape, code) for code in codes):
        codes = [f"{prefix}{i}" for i in range(1, len(codes) + 1)]
    return dict(zip(names, codes, strict=True))
