"""The flags of the consensus of searches."""

from __future__ import annotations

from absl import flags

RUNS = flags.DEFINE_list(
    "runs",
    None,
    "Run directories of searches, directories above them, or patterns "
    "(quote the *), with commas between.",
    required=True,
)
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Where the architecture is written; tools.train takes it as --genotype.",
    required=True,
)
BENCHMARK_FILE = flags.DEFINE_string(
    "benchmark_file",
    "",
    "NAS-Bench-Macro's JSON file: true accuracies of runs in macro, looked up "
    "afterwards; those of nasbench201 are looked up in what is installed.",
)
