"""From an annotated application folder to everything Studio's ``design`` writes: designs, deployments, constraints.

:func:`design.designs.designing.plan_designs` reads and computes, :func:`design.designs.output.write_files` writes.
"""
