"""The main.py of each segment, from that of the whole component.

Studio's convention: ``main`` holds one line ``return_dict, result = load_and_inference(args['onnx_file'], inputs)``.
What stands before it is done by the first segment, what follows by the last one, or by whichever the request leaves.
Between segments travels a pickle of ``return_dict``. A segment whose exit is not taken writes it to
``<output>_NO_EARLYEXIT``, so that the two successors can be told apart by the name of the file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

INFERENCE = "load_and_inference"
NOT_LEFT = "_NO_EARLYEXIT"
_MARK = "\0onnx_file\0"
"""Stands for the name of a segment's model; no source text holds it."""


class UncutCodeError(ValueError):
    """A main.py that does not say where its model runs."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A main.py in the pieces that segments are made of."""

    head: str
    """Up to the body of ``main``."""

    before: str

    inference: str

    after: str

    tail: str
    """What follows ``main``."""

    indent: str

    arguments: str
    """Name of main's argument."""

    inputs: str
    """Name of the dict that the model's inputs are taken from."""

    outputs: str

    result: str

    lost: tuple[str, ...]
    """Names that the last part uses and only the first one binds."""


@dataclass(frozen=True, slots=True)
class SegmentCode:
    """The main.py of all segments of one cut."""

    texts: tuple[str, ...]

    lost: tuple[str, ...]
    """Names that post-processing needs and pre-processing alone binds: they must travel in the dict instead."""


def segment_code(text: str, *, onnx_file: str, files: tuple[str, ...], condition: str | None = None) -> SegmentCode:
    """Return the code of the segments whose models are *files*, from *text*, which runs *onnx_file*.

    *condition* is the function that says whether a request leaves at an exit, where the segments have exits.
    Raises UncutCodeError if *text* does not keep to the convention.
    """
    parts = _parts(_marked(text, onnx_file))
    texts = []
    for i, file in enumerate(files):
        is_last = i == len(files) - 1
        start = parts.before if i == 0 else _reading(parts)
        end = parts.after if is_last else _leaving(parts, condition) if condition else _passing_on(parts)
        whole = parts.head + start + parts.inference + end + parts.tail
        texts.append(whole.replace(_MARK, file))
    return SegmentCode(tuple(texts), parts.lost)


def _marked(text: str, onnx_file: str) -> str:
    """Return *text* with a mark for the name of the model in every text constant but those of decorators."""
    module = ast.parse(text)
    decorated = {
        id(inner)
        for node in module.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        for inner in ast.walk(decorator)
    }
    lines = text.encode().splitlines(keepends=True)
    constants = [node for node in ast.walk(module) if isinstance(node, ast.Constant) and id(node) not in decorated]
    named = [node for node in constants if str(node.value).split("/")[-1] == onnx_file]
    for node in sorted(named, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        if node.lineno == node.end_lineno:
            line = lines[node.lineno - 1]
            marked = line[node.col_offset : node.end_col_offset].replace(onnx_file.encode(), _MARK.encode())
            lines[node.lineno - 1] = line[: node.col_offset] + marked + line[node.end_col_offset :]
    return b"".join(lines).decode()


def _parts(text: str) -> _Parts:
    module = ast.parse(text.replace(_MARK, "x" * len(_MARK)))
    main = next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    found = [(i, names) for i, node in enumerate(main.body) if (names := _inference_names(node))]
    if len(found) != 1:
        raise UncutCodeError(f"'main' must hold one line 'return_dict, result = {INFERENCE}(..., input_dict)'")
    position, (outputs, result, inputs) = found[0]
    first, call = main.body[0], main.body[position]
    line_before = _end(main.body[position - 1]) if position else main.lineno
    if line_before == call.lineno or any(node.lineno == _end(call) for node in main.body[position + 1 :]):
        raise UncutCodeError(f"the line with {INFERENCE} must hold nothing else")
    # As Python counts them: by ends of lines only, where str.splitlines knows further separators.
    lines = [line.decode() for line in text.encode().splitlines(keepends=True)]
    end = max(_end(node) for node in main.body)
    return _Parts(
        head="".join(lines[: first.lineno - 1]),
        before="".join(lines[first.lineno - 1 : call.lineno - 1]),
        inference=_closed("".join(lines[call.lineno - 1 : _end(call)])),
        after="".join(lines[_end(call) : end]),
        tail="".join(lines[end:]),
        indent=" " * call.col_offset,
        arguments=main.args.args[0].arg if main.args.args else "args",
        inputs=inputs,
        outputs=outputs,
        result=result,
        lost=tuple(sorted(_lost(main, position, {outputs, result}))),
    )


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _closed(line: str) -> str:
    return line if line.endswith("\n") else line + "\n"


def _inference_names(node: ast.stmt) -> tuple[str, str, str] | None:
    """Return the names of outputs, result and inputs if *node* is the line that runs the model."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or len(node.targets) != 1:
        return None
    target, call = node.targets[0], node.value
    called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    pair = target.elts if isinstance(target, ast.Tuple) else []
    names = [one.id for one in [*pair, *call.args[1:2]] if isinstance(one, ast.Name)]
    if called != INFERENCE or len(pair) != 2 or len(names) != 3:
        return None
    return names[0], names[1], names[2]


def _lost(main: ast.FunctionDef, position: int, kept: set[str]) -> set[str]:
    bound = {name for node in main.body[:position] for name in _names(node, ast.Store)}
    again = {name for node in main.body[position + 1 :] for name in _names(node, ast.Store)}
    used = {name for node in main.body[position + 1 :] for name in _names(node, ast.Load)}
    return (used & bound) - again - kept


def _names(node: ast.stmt, context: type[ast.expr_context]) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, context):
            yield inner.id


def _reading(parts: _Parts) -> str:
    """Return the lines that take over from the segment before."""
    body = ["import pickle", "", f'with open({parts.arguments}["input"], "rb") as received:']
    return _indented(parts, [*body, f"    {parts.inputs} = pickle.load(received)"])


def _passing_on(parts: _Parts, suffix: str = "", indent: str = "") -> str:
    """Return the lines that hand over to the segment after."""
    name = f'{parts.arguments}["output"]' + (f' + "{suffix}"' if suffix else "")
    body = ["import pickle", "", f'with open({name}, "wb") as handed_on:']
    body.append(f"    pickle.dump({parts.outputs}, handed_on)")
    return _indented(parts, [indent + line if line else line for line in body])


def _leaving(parts: _Parts, condition: str) -> str:
    """Return the lines that let a request leave, or hand it on."""
    stay = _indented(parts, [f"if not {condition}({parts.result}):"])
    return stay + _passing_on(parts, NOT_LEFT, "    ") + _indented(parts, ["    return"]) + parts.after


def _indented(parts: _Parts, lines: list[str]) -> str:
    return "".join(f"{parts.indent}{line}\n" if line else "\n" for line in lines)
