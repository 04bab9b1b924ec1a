"""Searches an architecture, without labels by default.

    python -m tools.search --run_dir=runs/first --dataset=digits --epochs=5

Exit codes: 0 done; 2 bad input; 3 stopped by a signal with a checkpoint
written (the same command goes on); 4 the loss is not finite any more.
"""

from __future__ import annotations

import functools

from absl import flags

from flags import search_flags
from tools import resumable, runner

# What --helpshort shows.
flags.adopt_module_key_flags(search_flags)


def main() -> int:
    """Runs the search that the flags ask for; returns the exit code."""
    config = search_flags.search_config()
    make_pool = search_flags.pool_maker()
    from maenas_tf.searching.begin import make_search
    from maenas_tf.searching.result import SearchResult
    from maenas_tf.selection.constraints import describe

    def report(result: SearchResult) -> str:
        summary = result.summary
        return (
            f"Found in {summary['seconds_search']:.0f} s with "
            f"{summary['num_images']} images and "
            f"{summary['num_labels_read']} labels:\n{result.genotype}\n"
            f"{describe(summary['evaluation_network'])}"
        )

    make = functools.partial(make_search, make_pool=make_pool)
    return resumable.run(make, config, report)


if __name__ == "__main__":
    runner.run(main)
