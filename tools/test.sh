#!/usr/bin/env bash
# Sets everything up, checks the style and runs the tests:
#     bash tools/test.sh [arguments of pytest]
# Its last lines and its exit code are pytest's. Relative paths start at the
# root of the repository.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

ruff check .
ruff format --check .
exec python -m pytest "$@"
