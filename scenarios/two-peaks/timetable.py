"""A policy of one's own: many machines while the clinic works, few at night.

Options follow a comma: ``--policy scenarios/two-peaks/timetable.py:Timetable,day=5``.
"""


class Timetable:
    """Keeps to the clock, whatever happens."""

    def __init__(self, _scenario, _plan, *, day=6, night=2):
        self.day, self.night = day, night

    def decide(self, seen):
        """Return the plan for the hour; None leaves everything as it is."""
        hour = seen.time / 3600 % 24
        plan = seen.plan.with_nodes("VM", self.day if 7.75 <= hour < 18.5 else self.night)
        return None if plan == seen.plan else plan
