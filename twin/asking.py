"""Asking a policy: what it answers, or in which way it fails to."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from twin.control import Observation, Policy
from twin.errors import PolicyError
from twin.model.plan import Plan


class Asked:
    """A policy with a time limit; it thinks in a thread of its own, so that a run does not hang with it."""

    def __init__(self, policy: Policy, *, time_limit: float | None) -> None:
        self.policy = policy
        self.name = str(getattr(policy, "name", type(policy).__name__))
        self.time_limit = time_limit
        self._busy = False
        self._questions: SimpleQueue[Observation | None] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        if time_limit is not None:
            Thread(target=self._think, daemon=True).start()

    def answer(self, observation: Observation) -> Plan | None:
        """Return the answer of the policy.

        Raises:
            PolicyError: It raises, takes longer than its time limit, or answers with something else.
        """
        reply = self._decide(observation) if self.time_limit is None else self._wait(observation)
        if isinstance(reply, Exception):
            raise PolicyError(self._at(observation, f"raised {type(reply).__name__}: {reply}")) from reply
        if reply is not None and not isinstance(reply, Plan):
            raise PolicyError(self._at(observation, f"answered with {type(reply).__name__}, not with a Plan or None"))
        return reply

    def _at(self, observation: Observation, what: str) -> str:
        return f"policy {self.name!r} at {observation.time:g} s: {what}"

    def _decide(self, observation: Observation) -> object:
        try:
            return self.policy.decide(observation)
        except Exception as error:  # whatever a user's own code may raise
            return error

    def _wait(self, observation: Observation) -> object:
        """Return the reply, or raise where it does not come in time; a policy that still thinks is not asked again."""
        if self._busy and self._answers.empty():
            raise PolicyError(self._at(observation, "still thinks about an earlier observation"))
        if self._busy:
            self._answers.get()
        self._busy = True
        self._questions.put(observation)
        try:
            reply: object = self._answers.get(timeout=self.time_limit)
        except Empty:
            text = f"has not decided within {self.time_limit:g} s; raise the time limit, or let it do less"
            raise PolicyError(self._at(observation, text)) from None
        self._busy = False
        return reply

    def close(self) -> None:
        """Let the thread of the policy end, once it has done thinking."""
        self._questions.put(None)

    def _think(self) -> None:
        while (observation := self._questions.get()) is not None:
            self._answers.put(self._decide(observation))
