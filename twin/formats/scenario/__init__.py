"""Scenario and plan files of the project itself."""
