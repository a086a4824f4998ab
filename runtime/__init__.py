"""When and how to move: policies, drift, export and deployment; and the program that gathers all commands."""
