"""A plan on this machine: every node a process, every request real."""
