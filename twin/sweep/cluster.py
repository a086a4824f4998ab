"""Beyond one machine: the workers of a Dask scheduler take the points, whichever of them come and go."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any, TypeVar
from uuid import uuid4

from twin.errors import EngineError, Problem
from twin.sweep.points import program_versions

Task = TypeVar("Task")
Result = TypeVar("Result")

PATIENCE = 30.0
"""Seconds to wait for the scheduler, and for its first worker."""

RETRIES = 3
"""How often a task is given out again after an unexpected failure; the death of a worker is dealt with by Dask."""

_ADDRESS = re.compile(r"(tcp|tls|wss?)://[^\s/]+:\d{1,5}")

_AHEAD = 2
"""Tasks handed out for each thread of the workers, so that none of them waits for the next one."""


class Cluster:
    """The workers behind the Dask scheduler at *address* (``tcp://host:port``).

    Whoever can reach a scheduler without TLS can run code on its workers: it belongs in a network you trust.
    """

    def __init__(self, address: str, *, patience: float = PATIENCE) -> None:
        self.address, self.patience = address, patience
        self.client: Any = None
        self.dask: ModuleType | None = None

    def __enter__(self) -> Cluster:
        if not _ADDRESS.fullmatch(self.address):
            raise EngineError(f"the address of a cluster looks like tcp://host:8786, got {self.address!r}")
        self.dask = _distributed()
        _silence()
        try:
            self.client = self.dask.Client(self.address, timeout=self.patience, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise EngineError(
                f"no Dask scheduler answers at {self.address} ({type(error).__name__}); start one with: dask scheduler"
            ) from error
        try:
            self._require_workers()
        except BaseException:
            self.client.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Call *function* with each of *tasks*; yield the number of a task with its result as soon as it is there.

        A task whose worker dies is given to another one; each task yields once. Raises EngineError where the cluster
        itself goes away.
        """
        assert self.dask is not None
        waiting = enumerate(tasks)
        name = f"ctwin-{uuid4().hex}"
        busy: dict[str, Any] = {}
        completed = self.dask.as_completed(loop=self.client.loop)
        try:
            while True:
                while len(busy) < self._wanted() and (item := next(waiting, None)) is not None:
                    number, task = item
                    future = self.client.submit(function, task, key=f"{name}-{number}", pure=False, retries=RETRIES)
                    busy[future.key] = future
                    completed.add(future)
                if not busy:
                    return
                future = next(completed)
                del busy[future.key]
                yield int(future.key.rpartition("-")[2]), self._result(future)
        finally:
            if busy and self.client.status == "running":
                self.client.cancel(list(busy.values()), force=True)

    def _wanted(self) -> int:
        """Return how many tasks should be handed out; workers come and go."""
        threads: dict[str, int] = self.client.nthreads()
        return _AHEAD * max(sum(threads.values()), 1)

    def _result(self, future: Any) -> Any:
        assert self.dask is not None
        try:
            return future.result()
        except self.dask.client.FutureCancelledError as error:
            raise EngineError(
                f"the cluster at {self.address} went away; what is done is kept, the same command goes on from there"
            ) from error
        except self.dask.KilledWorker as error:
            return EngineError(f"{error.allowed_failures + 1} workers died of this; was there enough memory?")
        except Exception as error:  # what a task raises is its result
            return error

    def _require_workers(self) -> None:
        """Make sure that there are workers, and that they run the same program as this process."""
        try:
            self.client.wait_for_workers(1, timeout=self.patience)
        except TimeoutError:
            raise EngineError(
                f"the scheduler at {self.address} has no workers; start some with: dask worker {self.address}"
            ) from None
        try:
            found = self.client.run(program_versions)
        except Exception as error:  # whatever keeps the program from starting there
            raise EngineError(
                f"the workers cannot run this program ({error}); install the same version there"
            ) from error
        problems = [Problem(worker, odd) for worker, there in found.items() if (odd := _differences(there))]
        if problems:
            raise EngineError("the workers would not give the same results; install the same versions", problems)


def _differences(there: dict[str, str]) -> str:
    """Say which versions *there* are not those of this process; empty if all are."""
    here = program_versions()
    odd = [name for name in here if there.get(name) != here[name]]
    return ", ".join(f"{name} {there.get(name)}, here {here[name]}" for name in odd)


def _silence() -> None:
    """Keep Dask's log of workers that come and go, which is dealt with here, out of the progress bar."""
    for name in logging.root.manager.loggerDict:
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _distributed() -> ModuleType:
    """Import Dask's scheduler client, which takes a second and is not installed with the core."""
    try:
        return import_module("distributed")
    except ImportError as error:
        raise EngineError(
            f"a cluster needs Dask ({error}); install it with: pip install 'continuum-twin[cluster]'"
        ) from error
