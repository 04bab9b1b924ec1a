"""Single path with 1 and with 2 replicas; run by single_path_replicas_test.py.

    python -m tests.searching.single_path_replicas FILE

In a process of its own: see replicas_script.py.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np

from maenas_tf.engine.devices import divide_cpu, find_unequal
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.architectures import Architectures
from tests.searching import small

# One epoch of 4 steps.
NUM_IMAGES, HELD_OUT = 40, 8


def run(replicas: int, run_dir: pathlib.Path) -> dict[str, np.ndarray]:
    """Trains; returns values by name."""
    config = small.make_config(
        algorithm="single_path",
        dataset="arrays",
        space=small.ONE_EDGE.name,
        epochs=1,
        batch_size=8,
        held_out_images=HELD_OUT,
        strategy="mirrored" if replicas > 1 else "one_device",
        num_replicas=replicas if replicas > 1 else 0,
    )
    images = small.make_images(NUM_IMAGES)
    experiment = SearchExperiment(config, run_dir, images)
    searcher = experiment.searcher
    start = small.flat(small.values(searcher.weight_variables))
    experiment.run()
    architectures = Architectures(experiment.space)
    rng = np.random.default_rng(0)
    choices = [architectures.random(rng) for _ in range(4)]
    scorer = experiment.make_scorer()
    variables = [v for g in searcher.variable_groups.values() for v in g]
    return {
        "replicas": experiment.strategy.num_replicas_in_sync,
        "start": start,
        "weights": small.flat(small.values(searcher.weight_variables)),
        "scores": scorer(architectures.edge_weights(choices)),
        "unequal": len(find_unequal(experiment.strategy, variables)),
    }


def main(file: pathlib.Path) -> None:
    """Runs with each number of replicas and writes the results."""
    divide_cpu(2)
    results = {}
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        for replicas in (1, 2):
            found = run(replicas, file.with_name(f"run_{replicas}"))
            results.update({f"{replicas}/{k}": v for k, v in found.items()})
    np.savez(file, **results)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
