"""A crew: worker processes that take one task after another, where the death of one costs no more than its task."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, TypeVar

from twin.errors import EngineError

Task = TypeVar("Task")
Result = TypeVar("Result")


class Crew:
    """Up to *size* processes, started when there is work and ended with the ``with`` block, however it ends.

    They start afresh (spawn), so a script that uses them needs the usual ``if __name__ == "__main__"``.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.workers: list[_Worker] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.end()
        self.workers.clear()

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Call *function* with each of *tasks*; yield the number of a task with its result as soon as it is there.

        What a task raises is yielded in place of its result, and EngineError where its process died. Only one ``run``
        at a time.
        """
        waiting = deque(enumerate(tasks))
        busy: dict[object, tuple[_Worker, int]] = {}
        while waiting or busy:
            while waiting and len(busy) < self.size:
                number, task = waiting.popleft()
                worker = self._idle({worker for worker, _ in busy.values()})
                worker.send(function, task)
                busy[worker.connection] = (worker, number)
            for connection in wait([worker.connection for worker, _ in busy.values()]):
                worker, number = busy.pop(connection)
                yield number, self._result(worker)

    def _idle(self, busy: set[_Worker]) -> _Worker:
        for worker in self.workers:
            if worker not in busy:
                return worker
        self.workers.append(_Worker())
        return self.workers[-1]

    def _result(self, worker: _Worker) -> Any:
        try:
            return worker.connection.recv()
        except (EOFError, OSError):
            self.workers.remove(worker)
            return EngineError(f"the process that ran this died ({worker.end()}); was there enough memory?")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """A process and the pipe to it."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.connection, far_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(far_end,), daemon=True)
        with _deaf_to_interrupts():
            self.process.start()
        far_end.close()

    def send(self, function: Callable[[Any], Any], task: object) -> None:
        with suppress(BrokenPipeError):  # if it died while idle, reading from it will tell
            self.connection.send((function, task))

    def end(self) -> str:
        """Stop the process and say how it ended."""
        self.connection.close()
        self.process.join(0.1)
        self.process.terminate()
        self.process.join(5.0)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let a process that starts here ignore Ctrl-C from its first moment: the parent hears it and ends the crew."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(connection: Connection) -> None:
    """Take tasks until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    while True:
        try:
            function, task = connection.recv()
        except EOFError:
            return
        try:
            result = function(task)
        except Exception as error:  # the parent decides what to do about it
            result = error
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.send(result)


def _leave(_signal: int, _frame: object) -> None:
    """End at once, but let what is being written be cleared away."""
    raise SystemExit(1)
