"""The annotations of one main.py, from its syntax tree: which stand on ``main``, and with which arguments.

Both notations are read: a decorator for each, or one ``@annotation({...})``; imports under other names are followed.
Whatever is not read is a fault, for it would be lost without a word.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from design.annotations.kinds import KINDS
from design.annotations.literals import NotLiteralError, literal, module_constants
from design.annotations.source_place import CodeProblem, SourcePlace
from twin.errors import DesignError, did_you_mean
from twin.formats.text_file import require_file

ALL_AT_ONCE = "annotation"
MAIN = "main"
MAX_BYTES = 2_000_000

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Argument:
    """One value and where it is written."""

    value: object

    place: SourcePlace


@dataclass(frozen=True, slots=True)
class Use:
    """One annotation as it is used."""

    name: str

    place: SourcePlace

    arguments: Mapping[str, Argument] = field(default_factory=dict)

    unread: frozenset[str] = frozenset()
    """Arguments that are given, but not as literals; they are faults already."""


@dataclass(frozen=True, slots=True)
class AnnotatedCode:
    """What the main.py of one component says."""

    place: SourcePlace
    """Its file, and the line of ``main``."""

    folder: str
    """Name of the component's folder under src/."""

    uses: Mapping[str, Use] = field(default_factory=dict)

    functions: frozenset[str] = frozenset()
    """Functions the module defines at its top level."""

    def has(self, annotation: str) -> bool:
        """Say whether *annotation* is used."""
        return annotation in self.uses

    def argument(self, annotation: str, name: str) -> Argument | None:
        """Return an argument, or None if it is not given."""
        use = self.uses.get(annotation)
        argument = use.arguments.get(name) if use else None
        return None if argument is None or argument.value is None else argument

    def value(self, annotation: str, name: str, default: object = None) -> object:
        """Return the value of an argument, or *default* if it is not given."""
        argument = self.argument(annotation, name)
        return default if argument is None else argument.value


class _Faults:
    """Gathers what is wrong with one file."""

    def __init__(self, place: SourcePlace) -> None:
        self.place = place
        self.found: list[CodeProblem] = []

    def at(self, node: ast.expr | ast.stmt, where: str, message: str) -> None:
        self.found.append(self.place.of(node).problem(where, message))

    def file(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.found.append(CodeProblem("", message, line, column, file=self.place.file))


def read_code(path: Path, file: str) -> tuple[AnnotatedCode | None, list[CodeProblem]]:
    """Return the annotations in the file at *path*, which messages call *file*, and everything wrong with them.

    The first is None where there is no ``main`` that could carry them.
    """
    faults = _Faults(SourcePlace(file))
    module = _parsed(path, faults)
    if module is None:
        return None, faults.found
    functions = [node for node in module.body if isinstance(node, _Function)]
    main = _main(functions, faults)
    _refuse_elsewhere(module, faults)
    if main is None:
        return None, faults.found
    uses = _Uses(module, faults).of(main)
    names = frozenset(function.name for function in functions)
    return AnnotatedCode(faults.place.of(main), path.parent.name, uses, names), faults.found


def _parsed(path: Path, faults: _Faults) -> ast.Module | None:
    try:
        require_file(path, max_bytes=MAX_BYTES, error=DesignError)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the component's own strings, which are no concern here
            return ast.parse(path.read_bytes())
    except DesignError as bad:
        faults.file(bad.message.removeprefix(f"{path}: "))
    except SyntaxError as bad:
        faults.file(f"not Python: {bad.msg}", bad.lineno, bad.offset)
    except (ValueError, RecursionError, MemoryError) as bad:
        faults.file(f"not Python: {bad or 'nested too deep'}")
    except OSError as bad:
        faults.file(f"cannot be read: {bad.strerror or bad}")
    return None


def _main(functions: list[_Function], faults: _Faults) -> ast.FunctionDef | None:
    """Return the function that carries the annotations: the only ``def main(args)`` at the top level."""
    mains = [function for function in functions if function.name == MAIN]
    if not mains:
        close = get_close_matches(MAIN, [function.name for function in functions], n=1)
        way_out = f"rename {close[0]!r}" if close else "add it"
        faults.file(f"there is no 'def main(args)' at the top level; {way_out}")
        return None
    for other in mains[1:]:
        faults.at(other, MAIN, f"defined twice, first on line {mains[0].lineno}; keep one")
    main = mains[0]
    if isinstance(main, ast.AsyncFunctionDef):
        faults.at(main, MAIN, "is async; components are called as plain functions: write 'def main(args)'")
        return None
    taken, needed = _positions(main.args)
    if not needed <= 1 <= taken:
        faults.at(main, MAIN, "must take one argument, those of the command line: write 'def main(args)'")
    return main


def _positions(arguments: ast.arguments) -> tuple[float, int]:
    """Return how many arguments by position a function can take, and how many arguments it must get."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults) + sum(default is None for default in arguments.kw_defaults)
    return float("inf") if arguments.vararg else positional, required


def _refuse_elsewhere(module: ast.Module, faults: _Faults) -> None:
    """Complain of annotations on anything but the top-level ``main``: nobody reads them."""
    imported = _imported(module)
    for node in ast.walk(module):
        if not isinstance(node, _Function | ast.ClassDef) or (node.name == MAIN and node in module.body):
            continue
        for decorator in node.decorator_list:
            name = _name_of(decorator.func if isinstance(decorator, ast.Call) else decorator, imported)
            if name in KINDS or name == ALL_AT_ONCE:
                faults.at(decorator, f"@{name}", f"stands on {node.name!r}; only the top-level 'main' is read")


class _Uses:
    """Reads the decorators of ``main``."""

    def __init__(self, module: ast.Module, faults: _Faults) -> None:
        self.constants = module_constants(module)
        self.imported = _imported(module)
        self.faults = faults

    def of(self, main: ast.FunctionDef) -> dict[str, Use]:
        """Return the annotations by name."""
        uses: dict[str, Use] = {}
        seen: dict[str, int] = {}
        for decorator in main.decorator_list:
            name = _name_of(decorator.func if isinstance(decorator, ast.Call) else decorator, self.imported)
            if name not in KINDS and name != ALL_AT_ONCE:
                hint = did_you_mean(name, [*KINDS, ALL_AT_ONCE])
                self.faults.at(decorator, f"@{name}", f"is no annotation, and 'main' may carry nothing else{hint}")
            elif name in seen:
                self.faults.at(decorator, f"@{name}", f"stands twice, first on line {seen[name]}; keep one")
            elif not isinstance(decorator, ast.Call):
                self.faults.at(decorator, f"@{name}", "lacks its parentheses: write @" + name + "(...)")
            elif name == ALL_AT_ONCE:
                uses.update({key: use for key, use in self._all_at_once(decorator).items() if key not in uses})
            else:
                uses[name] = self._single(name, decorator)
            seen.setdefault(name, decorator.lineno)
        if ALL_AT_ONCE in seen and len(seen) > 1:
            others = ", ".join(f"@{name}" for name in seen if name != ALL_AT_ONCE)
            self.faults.at(main, f"@{ALL_AT_ONCE}", f"stands beside {others}; move them into its dict")
        return uses

    def _single(self, name: str, call: ast.Call) -> Use:
        for argument in call.args:
            self.faults.at(argument, name, "arguments are read by name: write " + f"@{name}({_example(name)}=...)")
        arguments: dict[str, ast.expr] = {}
        for keyword in call.keywords:
            if keyword.arg is None:
                self.faults.at(keyword.value, name, "** is not read; write the arguments themselves")
            else:
                arguments[keyword.arg] = keyword.value
        return self._use(name, call, arguments)

    def _use(self, name: str, node: ast.expr, arguments: Mapping[str, ast.expr]) -> Use:
        values = {argument: self._value(value, f"{name}.{argument}") for argument, value in arguments.items()}
        known = {argument: value for argument, value in values.items() if value is not None}
        return Use(name, self.faults.place.of(node), known, frozenset(values.keys() - known.keys()))

    def _value(self, node: ast.expr, where: str) -> Argument | None:
        try:
            return Argument(literal(node, self.constants), self.faults.place.of(node))
        except NotLiteralError as bad:
            self.faults.at(bad.node, where, str(bad))
            return None

    def _all_at_once(self, call: ast.Call) -> dict[str, Use]:
        """Read the dict of ``@annotation``, entry by entry so that each keeps its place."""
        if len(call.args) != 1 or call.keywords:
            self.faults.at(call, f"@{ALL_AT_ONCE}", "takes one dict: write @annotation({'component_name': {...}})")
            return {}
        uses: dict[str, Use] = {}
        for name, key, value in self._entries(call.args[0], f"@{ALL_AT_ONCE}"):
            if name not in KINDS:
                self.faults.at(key, f"@{ALL_AT_ONCE}", f"{name!r} is no annotation{did_you_mean(name, KINDS)}")
                continue
            uses[name] = self._use(name, key, {inner: node for inner, _, node in self._entries(value, name)})
        return uses

    def _entries(self, node: ast.expr, where: str) -> Iterator[tuple[str, ast.expr, ast.expr]]:
        """Yield name, key and value of each entry of a dict."""
        mapping = self.constants.get(node.id, node) if isinstance(node, ast.Name) else node
        if not isinstance(mapping, ast.Dict):
            self.faults.at(node, where, "expected a dict, such as {'name': 'blur'}")
            return
        seen: set[str] = set()
        for key, value in zip(mapping.keys, mapping.values, strict=True):
            if key is None:
                self.faults.at(value, where, "** is not read; write the entries themselves")
                continue
            name = self._value(key, where)
            if name is None:
                continue
            if not isinstance(name.value, str) or name.value in seen:
                what = "appears twice; keep one" if name.value in seen else "is no text; names are texts"
                self.faults.at(key, where, f"{name.value!r} {what}")
                continue
            seen.add(name.value)
            yield name.value, key, value


def _example(name: str) -> str:
    return next(iter(KINDS[name]))


def _imported(module: ast.Module) -> dict[str, str]:
    """Return the names under which a module imports something, and what that is called where it comes from."""
    found: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: alias.name for alias in node.names})
    return found


def _name_of(node: ast.expr, imported: Mapping[str, str]) -> str:
    """Return the name of an annotation: what a name was imported from, or the last of ``package.module.name``."""
    if isinstance(node, ast.Name):
        return imported.get(node.id, node.id)
    return node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)[:80]
