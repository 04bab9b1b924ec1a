#!/usr/bin/env bash
# Sets everything up and searches a first architecture, without labels and
# without a download: bash tools/quickstart.sh [flags of tools.search]
#
# Flags that are given here win over those of the recipe. Relative paths
# start at the root of the repository.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

recipe=flags/recipes/quickstart.flags

# Prints the value of the last --run_dir among the recipe's and our flags.
find_run_dir() {
  local run_dir="" previous="" flag
  while IFS= read -r flag; do
    case $flag in
      --run_dir=* | -run_dir=*) run_dir="${flag#*=}" ;;
    esac
    case $previous in
      --run_dir | -run_dir) run_dir="$flag" ;;
    esac
    previous="$flag"
  done < <(cat "$recipe" && printf '%s\n' "$@")
  printf '%s' "$run_dir"
}

run_dir="$(find_run_dir "$@")"
if [ -z "$run_dir" ]; then
  run_dir=runs/quickstart
  set -- --run_dir="$run_dir" "$@"
fi
python -m tools.search --flagfile="$recipe" "$@"

echo
echo "The genotype ($run_dir/genotype.json):"
cat "$run_dir/genotype.json"
echo
echo "Pictures of the cells and of the search: $run_dir/plots/"
echo "Curves: .venv/bin/tensorboard --samples_per_plugin images=100" \
  "--logdir $run_dir/tensorboard"
