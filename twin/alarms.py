"""Alarms: which constraints the measured values break, raised and cleared after a hold time.

Shared by the twin and a live system: values in, alarms out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from twin.control import Alarm
from twin.model.constraints import Constraint, DeviceConstraint, ThroughputConstraint, constraint_name


class Alarms:
    """The state of all alarms of an application."""

    def __init__(self, constraints: Sequence[Constraint], *, hold: float = 0.0) -> None:
        self.constraints = [each for each in constraints if not isinstance(each, DeviceConstraint)]
        self.hold = hold
        self._raised: dict[str, Alarm] = {}
        self._turned: dict[str, float] = {}
        """Constraint → second since which it contradicts the state of its alarm."""

    def update(self, time: float, values: Mapping[str, float | None]) -> tuple[Alarm, ...]:
        """Return the alarms raised at *time*; *values* are seconds or requests/s by constraint, None: not measured.

        What is not measured neither raises an alarm nor clears it.
        """
        for constraint in self.constraints:
            name = constraint_name(constraint)
            value = values.get(name)
            if value is not None:
                self._judge(constraint, name, value, time)
        return tuple(self._raised.values())

    def _judge(self, constraint: Constraint, name: str, value: float, time: float) -> None:
        raised = self._raised.get(name)
        if is_broken(constraint, value) == (raised is not None):
            self._turned.pop(name, None)
            if raised:
                self._raised[name] = replace(raised, value=value)
            return
        if time - self._turned.setdefault(name, time) < self.hold:
            return
        del self._turned[name]
        if raised:
            del self._raised[name]
        else:
            self._raised[name] = _alarm(constraint, name, value, time)


def is_broken(constraint: Constraint, value: float) -> bool:
    """Say whether *value* (of the limited statistic) breaks *constraint*."""
    if isinstance(constraint, DeviceConstraint):
        return False
    if isinstance(constraint, ThroughputConstraint):
        return value < constraint.at_least
    return value > constraint.limit


def _alarm(constraint: Constraint, name: str, value: float, time: float) -> Alarm:
    assert not isinstance(constraint, DeviceConstraint)
    limit = constraint.at_least if isinstance(constraint, ThroughputConstraint) else constraint.limit
    return Alarm(constraint=name, kind=constraint.kind, target=constraint.target, value=value, limit=limit, since=time)
