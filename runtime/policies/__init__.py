"""Policies: who decides when to reconfigure, and how. Each is a class made from a scenario and the plan in force."""
