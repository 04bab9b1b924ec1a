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
