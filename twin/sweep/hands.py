"""What runs the points of a sweep: this process, several on this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, TypeVar

from twin.crew import Crew

Task = TypeVar("Task")
Result = TypeVar("Result")


class Hands(Protocol):
    """Whatever runs tasks; ``Crew`` and ``Cluster`` do."""

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Yield the number of each task, once, with its result or the reason why there is none."""


class Alone:
    """No process but this one."""

    def __enter__(self) -> Alone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Run one task after the other."""
        for number, task in enumerate(tasks):
            yield number, function(task)


def hands_for(cluster: str | None, jobs: int) -> AbstractContextManager[Any]:
    """Return the workers of the Dask scheduler *cluster*, or so many processes of this machine."""
    if cluster is not None:
        from twin.sweep.cluster import Cluster

        return Cluster(cluster)
    return Alone() if jobs == 1 else Crew(jobs)
