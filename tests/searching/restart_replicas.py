"""Restarts with 2 replicas; run by restarts_test.py.

    python -m tests.searching.restart_replicas DIRECTORY

In a process of its own: see replicas_script.py.
"""

from __future__ import annotations

import pathlib
import sys

from maenas_tf.engine.devices import divide_cpu
from maenas_tf.searching.begin import make_search
from maenas_tf.spaces import SPACES
from tests.searching import small


def main(directory: pathlib.Path) -> None:
    """Runs two restarts, and the search of the second's seed alone."""
    divide_cpu(2)
    config = small.make_config(
        dataset="arrays",
        space=small.ONE_EDGE.name,
        decoder="linear",
        epochs=1,
        warmup_epochs=0,
        batch_size=8,
        strategy="mirrored",
        num_replicas=2,
        perturb_alphas="random",
    )
    images = small.make_images(32)
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        for name, changes in (
            ("both", {"restarts": 2}),
            ("plain", {"seed": 1}),
        ):
            run_dir = directory / name
            make_search(config.replace(**changes), run_dir, images).run()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
