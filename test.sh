#!/usr/bin/env bash
# Style, types, tests, and every shipped scenario against what it expects. Needs the project installed with [dev].
set -euo pipefail
cd "$(dirname "$0")"

ruff format --check .
ruff check .
mypy
python -m pytest -n auto
ctwin check scenarios/
