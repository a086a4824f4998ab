"""The values that travel: continuum, application, profiles, workload, plan, scenario.

All are frozen and connected by name. The classes are at the same time the schema of scenario files: one definition
gives the check, the JSON Schema and the documentation of every key.
"""
