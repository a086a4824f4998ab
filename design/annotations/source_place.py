"""A fault in a component's code, with its place as compilers write it: ``src/blur/main.py:7:12``."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from twin.errors import Problem


@dataclass(frozen=True, slots=True)
class CodeProblem(Problem):
    """One thing that is wrong in a main.py."""

    file: str = ""
    """Relative to the application's folder."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.where}: {self.message}" if self.where else f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """Where something is written in a component's code."""

    file: str

    line: int | None = None

    column: int | None = None
    """Both counted from 1."""

    def of(self, node: ast.expr | ast.stmt) -> SourcePlace:
        """Return the place of *node* in the same file."""
        return SourcePlace(self.file, node.lineno, node.col_offset + 1)

    def problem(self, where: str, message: str) -> CodeProblem:
        """Return what is wrong here; *where* is annotation and argument, such as ``exec_time.local_time_thr``."""
        return CodeProblem(where, message, self.line, self.column, file=self.file)
