"""A search as one of two workers; run by workers_test.py.

    python -m tests.searching.workers_script DIRECTORY INDEX WORKERS REPLICAS

Results go to results_INDEX.npz.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np

from tests.searching import replicas_script


def main(directory: pathlib.Path, index: int, workers: str, replicas: int):
    """Runs this worker's part of the search and writes the results."""
    place = {
        "strategy": "multi_worker",
        "workers": workers,
        "worker_index": index,
        "num_replicas": replicas,
    }
    results = replicas_script.run(
        "first", 1, directory / f"checkpoints_{index}", [], place
    )
    np.savez(directory / f"results_{index}.npz", **results)


if __name__ == "__main__":
    main(
        pathlib.Path(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        int(sys.argv[4]),
    )
