#!/usr/bin/env bash
# Builds the virtual environment .venv out of requirements_lock.txt and puts
# it first on the PATH. Sourced by quickstart.sh and test.sh; to build it
# alone: bash tools/environment.sh
#
# Needs Python 3.11, git and bash. Nothing that is installed elsewhere is
# used. A second call does nothing until requirements_lock.txt changes; then
# .venv is built anew. Leaves the caller in the root of the repository.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Settings that would let other packages in, or send ours elsewhere.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV PIP_CONSTRAINT PIP_PREFIX \
  PIP_REQUIREMENT PIP_ROOT PIP_TARGET PIP_USER
export PYTHONNOUSERSITE=1
export KERAS_BACKEND=tensorflow
export NO_GCE_CHECK=true # tensorflow-datasets probes the network otherwise
export TF_CPP_MIN_LOG_LEVEL=3

find_python() {
  local candidate
  for candidate in python3.11 python3 python; do
    if "$candidate" -I -c \
      'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
  echo "Python 3.11 was not found: install it, so that the command" \
    "python3.11 works, and start this script again." >&2
  return 2
}

# Reads pip's output; says which package it is at and keeps the rest in $2.
show_progress() {
  local total=$1 log=$2 count=0 line
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    case $line in
      Collecting\ * | Processing\ *)
        count=$((count + 1))
        if [ -t 1 ]; then
          printf '\r\033[K[%d/%d] %s' "$count" "$total" "${line##*[ /]}"
        elif [ $((count % 10)) -eq 0 ]; then
          printf '[%d/%d]\n' "$count" "$total"
        fi
        ;;
      Installing\ collected*)
        if [ -t 1 ]; then printf '\r\033[K'; fi
        echo "Unpacking."
        ;;
    esac
  done
}

build_environment() {
  local python total log=.venv/install.log
  python="$(find_python)" || return 2
  total="$(grep -c '==' requirements_lock.txt)"
  echo "Building .venv: $total packages, about 800 MB to fetch, once."
  if ! "$python" -I -m venv --clear .venv; then
    echo "$python could not make .venv: see above. On Debian the package" \
      "python3.11-venv is missing." >&2
    return 2
  fi
  : >"$log"
  if ! .venv/bin/python -m pip --disable-pip-version-check --no-input \
    install --progress-bar off --requirement requirements_lock.txt 2>&1 |
    show_progress "$total" "$log"; then
    tail -n 15 "$log" >&2
    echo "The packages of requirements_lock.txt could not be installed:" \
      "see above, or $log for all of pip's output." >&2
    return 2
  fi
}

checksum="$(git hash-object requirements_lock.txt)"
stamp=.venv/requirements_lock.checksum
if [ ! -x .venv/bin/python ] || [ ! -f "$stamp" ] ||
  [ "$(<"$stamp")" != "$checksum" ]; then
  build_environment || exit 2
  printf '%s\n' "$checksum" >"$stamp"
fi
export VIRTUAL_ENV="$PWD/.venv"
export PATH="$VIRTUAL_ENV/bin:$PATH"
