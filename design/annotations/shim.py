"""Lets code that says ``from aisprint.annotations import …`` run where AI-SPRINT's own package is not installed.

Two ways: ``python -m design.annotations.shim src/blur/main.py --input a.png`` runs a component, and
``design.annotations.shim.install()`` prepares the program that calls it. Nothing is put into the component's folder: a
folder ``aisprint`` beside main.py would hide the real package in the container that has it, and with it the measuring
of times that ``exec_time`` does there. Where the real package can be imported, it is left alone.
"""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import design.annotations as own


def install() -> bool:
    """Make ``aisprint.annotations`` importable; return False where it already is."""
    try:
        known = find_spec("aisprint.annotations") is not None
    except (ImportError, ValueError):
        known = False
    if known:
        return False
    # A folder of that name without an __init__.py, as each application has one, may have been taken for the package.
    package = sys.modules.get("aisprint") or ModuleType("aisprint", own.__doc__)
    package.__path__ = list(getattr(package, "__path__", []))
    annotations = ModuleType("aisprint.annotations", own.__doc__)
    for name in own.__all__:
        setattr(annotations, name, getattr(own, name))
    annotations.__dict__["__all__"] = list(own.__all__)
    package.__dict__["annotations"] = annotations
    sys.modules.update({"aisprint": package, "aisprint.annotations": annotations})
    return True


def main(arguments: list[str]) -> None:
    """Run the program named first as ``python`` would, with the rest as its arguments."""
    if not arguments:
        raise SystemExit("usage: python -m design.annotations.shim MAIN.py [ARGUMENT...]")
    install()
    sys.argv = arguments
    sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
