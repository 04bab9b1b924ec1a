"""Searches by every algorithm, by one process or as one of two workers.

    python -m tests.searching.algorithms_script FILE REPLICAS [WORKERS INDEX]

Run by workers_test.py: one process makes all of them, as TensorFlow takes its
time to be loaded. What they find goes to FILE.

They compute in double precision. In single a rounding decides in 20 steps when
a ReLU opens: one process whose first weights were moved by 1e-7 ended with
weights other by 3.7e-3 with single_path, and with alphas other by 3.4e-4 with
the exact second order; in double, moved by 1e-15, with both within 2e-10.
"""

from __future__ import annotations

import pathlib
import sys
from unittest import mock

import keras
import numpy as np

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.searching.begin import make_search
from maenas_tf.spaces import SPACES
from tests.searching import small

# The smallest cells of the wiring that all are for; 20 steps, each of both
# levels.
SETTINGS = {
    "space": small.TWO_EDGES.name,
    "dataset": "arrays",
    "epochs": 1,
    "warmup_epochs": 0,
    "decoder": "linear",
}
OWN = {
    # A divisor of the few channels.
    "pc_darts": {"partial_channels": 2},
    "p_darts": {
        "stage_added_cells": "0,1",
        "stage_primitives": "3,2",
        "stage_dropouts": "0.5,0.5",
    },
    "single_path": {"selection": "evolution", "held_out_images": 8},
}
NUM_IMAGES = 160


def cases() -> dict[str, dict[str, object]]:
    """Returns the settings of each search, by name."""
    found = {
        name: {"algorithm": name, **OWN.get(name, {})}
        for name in ALGORITHMS.names()
        if ALGORITHMS.get(name).trains
    }
    return {
        **found,
        "second order": {"order": "second"},
        "plain": {"algorithm": "plain"},
        "plain second order": {
            "algorithm": "plain",
            "order": "second",
            "hessian_vector_product": "exact",
        },
    }


def place_of(replicas: int, workers: str, index: int) -> dict[str, object]:
    """Returns the settings of where to search; no `workers`: one process."""
    if workers:
        return {
            "strategy": "multi_worker",
            "workers": workers,
            "worker_index": index,
            "num_replicas": replicas,
        }
    if replicas > 1:
        return {"strategy": "mirrored", "num_replicas": replicas}
    return {"strategy": "one_device"}


def main(
    file: pathlib.Path,
    replicas: int,
    workers: str = "",
    index: int = -1,
) -> None:
    """Makes the searches and writes what they find."""
    place = place_of(replicas, workers, index)
    keras.mixed_precision.set_global_policy("float64")
    with (
        # No setting of a search is so wide.
        mock.patch.object(keras.mixed_precision, "set_global_policy"),
        SPACES.temporary(small.TWO_EDGES.name, small.TWO_EDGES),
        ALGORITHMS.temporary("plain", small.PlainDarts),
    ):
        results = searches(file.with_suffix(""), place)
    np.savez(file, **results)


def searches(
    directory: pathlib.Path, place: dict[str, object]
) -> dict[str, object]:
    """Returns what the searches find, by NAME/WHAT."""
    results = {}
    for name, own in cases().items():
        config = small.make_config(**{**SETTINGS, **own}, **place)
        images = small.make_images(NUM_IMAGES)
        search = make_search(config, directory / name, images)
        result = search.run()
        results[f"{name}/genotype"] = str(result.genotype)
        results[f"{name}/losses"] = [
            float(row[kind])
            for row in result.history
            for kind in ("weight_loss", "alpha_loss")
            if row.get(kind, "") != ""
        ]
        for key, array in result.alphas.items():
            results[f"{name}/{key}"] = array
        weights = search.searcher.weight_variables
        results[f"{name}/weights"] = small.flat(small.values(weights))
    return results


if __name__ == "__main__":
    main(
        pathlib.Path(sys.argv[1]),
        int(sys.argv[2]),
        *sys.argv[3:4],
        *map(int, sys.argv[4:5]),
    )
