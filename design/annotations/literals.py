"""Values of arguments as they are written: literals, and names that stand for one. Nothing is executed."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

Constants = Mapping[str, ast.expr]
"""Name → the one expression that a module assigns to it."""

MAX_DEPTH = 50
"""Levels of nesting; constants that stand for each other end here too."""


class NotLiteralError(ValueError):
    """An expression that is no literal."""

    def __init__(self, node: ast.expr, reason: str) -> None:
        self.node = node
        super().__init__(reason)


def module_constants(module: ast.Module) -> dict[str, ast.expr]:
    """Return the names that the module assigns at its top level, once, and nowhere binds again."""
    bound = Counter(_bindings(module))
    found: dict[str, ast.expr] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name) and bound[target.id] == 1:
            found[target.id] = value
    return found


def literal(node: ast.expr, constants: Constants, depth: int = 0) -> object:
    """Return the value of *node*: text, number, boolean, None, list, tuple or dict of these, else NotLiteralError."""
    if depth > MAX_DEPTH:
        raise NotLiteralError(node, f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(node, ast.List | ast.Tuple):
        items = [literal(item, constants, depth + 1) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict):
        return _mapping(node, constants, depth)
    if isinstance(node, ast.Name):
        return _named(node, constants, depth)
    if isinstance(node, ast.UnaryOp):
        return _signed(node, constants, depth)
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str | int | float)):
        return node.value
    raise NotLiteralError(node, f"{_kind(node)} is not read; write the value itself")


def _mapping(node: ast.Dict, constants: Constants, depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            raise NotLiteralError(value, "** is not read; write the entries themselves")
        name = literal(key, constants, depth + 1)
        if not isinstance(name, str):
            raise NotLiteralError(key, f"a key must be a text, got {name!r}")
        if name in found:
            raise NotLiteralError(key, f"the key {name!r} appears twice")
        found[name] = literal(value, constants, depth + 1)
    return found


def _named(node: ast.Name, constants: Constants, depth: int) -> object:
    if node.id not in constants:
        raise NotLiteralError(node, f"{node.id!r} is no constant that the module assigns once, to a literal")
    try:
        return literal(constants[node.id], constants, depth + 1)
    except NotLiteralError as bad:
        raise NotLiteralError(node, f"{node.id!r} stands for what is no literal: {bad}") from None


def _signed(node: ast.UnaryOp, constants: Constants, depth: int) -> object:
    value = literal(node.operand, constants, depth + 1)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(node.op, ast.USub | ast.UAdd) and is_number:
        return -value if isinstance(node.op, ast.USub) else value  # type: ignore[operator]  # a number, as was checked
    raise NotLiteralError(node, "an expression is not read; write the value itself")


def _bindings(module: ast.Module) -> Iterator[str]:
    """Yield each name as often as the module binds it; names of functions' own do not count, except ``global`` ones."""
    pending: list[ast.AST] = list(module.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            yield from _global_names(node)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        pending.extend(ast.iter_child_nodes(node))


def _global_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a function or class declares global: it may bind them."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            yield from inner.names


_KINDS: dict[type[ast.expr], str] = {
    ast.JoinedStr: "an f-string",
    ast.Call: "a call",
    ast.BinOp: "an expression",
    ast.BoolOp: "an expression",
    ast.Compare: "a comparison",
    ast.IfExp: "a conditional expression",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Starred: "a starred value",
    ast.Set: "a set",
    ast.Lambda: "a lambda",
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.NamedExpr: "an assignment",
}


def _kind(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return f"a value of type {type(node.value).__name__}"
    return _KINDS.get(type(node), "this")
