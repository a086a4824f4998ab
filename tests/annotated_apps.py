"""Annotated application folders for tests: components written in a line, and where they may run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]

CODE = """from design.annotations import *
from inference import load_and_inference


{decorators}
def main(args):
    input_dict = dict(args)
    return_dict, result = load_and_inference(args["onnx_file"], input_dict)
    print(result)


def sure(result):
    return True


if __name__ == "__main__":
    main({{"onnx_file": "onnx/model.onnx"}})
"""


def code(name: str, *annotations: str) -> str:
    """Return a main.py with component_name and further annotations, such as ``exec_time(local_time_thr=1)``."""
    return CODE.format(decorators="\n".join(f"@{one}" for one in (f"component_name(name={name!r})", *annotations)))


def candidate(name: str, *resources: str, layers: Sequence[int] = ()) -> Document:
    """Return an entry of candidate_deployments.yaml."""
    container = {"image": None, "memorySize": 512, "computingUnits": 1}
    listed = list(layers) or [{"Pi": 1, "VM": 2}[resource] for resource in resources]
    return {
        "name": name,
        "candidateExecutionLayers": listed,
        "Containers": {"container1": {**container, "candidateExecutionResources": list(resources)}},
    }


def resources() -> Document:
    """Return two layers, a resource each."""

    def layer(number: int, name: str) -> Document:
        processor = {"architecture": "amd64", "computingUnits": 4, "SGXFlag": False}
        body = {"name": name, "totalNodes": 2, "cost": 1, "memorySize": 4096, "processors": {"processor1": processor}}
        return {"name": f"layer {number}", "number": number, "type": "Virtual", "Resources": {"resource1": body}}

    layers = {f"computationalLayer{number}": layer(number, name) for number, name in ((1, "Pi"), (2, "VM"))}
    domain = {"AccessDelay": 0.001, "Bandwidth": 100, "subNetworkDomains": [], "ComputationalLayers": layers}
    return {"System": {"name": "app", "NetworkDomains": {"ND1": {"name": "all", **domain}}}}


def write_app(
    folder: Path,
    sources: Mapping[str, str],
    edges: Sequence[Sequence[Any]],
    candidates: Sequence[Document],
    alternatives: Mapping[str, Sequence[str]] | None = None,
    profiles: Document | None = None,
) -> Path:
    """Write an application: folder under src/ → main.py, triplets of the graph, entries of candidates."""
    replaced = {name for own in (alternatives or {}).values() for name in own}
    system: Document = {
        "name": "app",
        "components": [name for name in sources if name not in replaced],
        "dependencies": [list(edge) for edge in edges],
    }
    if alternatives:
        system["alternative_components"] = {name: list(own) for name, own in alternatives.items()}
    entries = {f"component{i}": entry for i, entry in enumerate(candidates, 1)}
    documents: Document = {
        "common_config/application_dag.yaml": {"System": system},
        "common_config/candidate_resources.yaml": resources(),
        "common_config/candidate_deployments.yaml": {"Components": entries},
        **({"profiles.yaml": profiles} if profiles else {}),
    }
    for name, text in sources.items():
        documents[f"src/{name}/main.py"] = text
    for name, document in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return folder
