"""Single paths of 2 replicas that normalise each by itself.

    python -m tests.searching.own_statistics_replicas FILE

Run by own_statistics_replicas_test.py, in a process of its own: see
replicas_script.py.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence
from types import ModuleType
from unittest import mock

import numpy as np
import tensorflow as tf

from maenas_tf.engine.devices import divide_cpu
from maenas_tf.engine.runtime import start_runtime
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.ops import sharing, single_path
from maenas_tf.ops.replica import num_replicas
from maenas_tf.spaces import SPACES
from tests.searching import small

STEPS = 3
# The candidates, and where a replica acts as if it needed the other ones.
SEARCHES = {
    "drawing": (("noise", "sep_conv_3x3"), ()),
    "drawing/unshared": (("noise", "sep_conv_3x3"), (sharing,)),
    "chosen": (("skip_connect", "sep_conv_3x3"), ()),
    "chosen/selected": (
        ("skip_connect", "sep_conv_3x3"),
        (sharing, single_path),
    ),
}


def run(
    candidates: tuple[str, ...], modules: Sequence[ModuleType]
) -> dict[str, np.ndarray]:
    """Makes steps; returns the variables, and how many functions are shared.

    Args:
        candidates: of each edge.
        modules: where a replica acts as if it told the others its statistics.
    """
    for module in modules:
        patched = mock.patch.object(
            module, "replicas_of_statistics", num_replicas
        )
        patched.start()
    space = small.TwoEdgeSpace("two", candidates)
    config = small.make_config(
        algorithm="single_path",
        space=space.name,
        strategy="mirrored",
        num_replicas=2,
        sync_statistics=False,
        batch_size=8,
    )
    strategy = start_runtime(config)
    with SPACES.temporary(space.name, space), strategy.scope():
        searcher = small.make_searcher(config)
    searcher.update_alphas = False
    batch = small.make_batch(searcher, batch_size=8)
    dataset = tf.data.Dataset.from_tensors(batch).unbatch().repeat()
    iterator = iter(strategy.experimental_distribute_dataset(dataset.batch(8)))
    StepRunner(searcher, strategy)(iterator, STEPS)
    mock.patch.stopall()
    return {
        "values": small.flat(small.values(searcher.variables)),
        "functions": len(searcher.supernet.trunk.functions),
    }


def main(file: pathlib.Path) -> None:
    """Runs all searches and writes the results."""
    divide_cpu(2)
    results = {}
    for name, search in SEARCHES.items():
        found = run(*search)
        results.update({f"{name}/{k}": value for k, value in found.items()})
    np.savez(file, **results)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
