#!/usr/bin/env bash
# Sets everything up, checks the style and runs the tests:
#     bash tools/test.sh [arguments of pytest]
# Its last lines and its exit code are pytest's. Relative paths start at the
# root of the repository.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

ruff check .
ruff format --check .
# A file's tests share what is slow to make; files are shared out.
exec python -m pytest --numprocesses=logical --maxprocesses=4 \
  --dist=loadfile "$@"
