"""Makes steps of a small search with a folder of traced steps, and prints.

Run as a process of its own: arguments are the folder, the seed and, further,
settings as name=value. Each line is JSON: how often a step was traced, and a
hash of what each group of variables holds in the end.
"""

from __future__ import annotations

import ast
import hashlib
import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from maenas_tf.engine.devices import configure_runtime
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.step_store import StepStore
from maenas_tf.searching.searcher import Searcher
from tests.searching.small import (
    ONE_EDGE,
    make_batch,
    make_config,
    make_searcher,
)

SETTINGS = {"space": ONE_EDGE.name, "decoder": "linear"}
STEPS = 2


def make_runner(searcher: Searcher, store: StepStore | None) -> StepRunner:
    """Returns what makes steps on one device."""
    return StepRunner(searcher, tf.distribute.get_strategy(), store=store)


def num_traces(runner: StepRunner) -> int:
    """Returns how often a runner has had a step traced."""
    made = runner._functions.values()
    return sum(each.experimental_get_tracing_count() for each in made)


def bits(searcher: Searcher) -> dict[str, str]:
    """Returns a hash of what each group of variables holds."""
    found = {}
    for name, variables in searcher.variable_groups.items():
        content = b"".join(v.value.numpy().tobytes() for v in variables)
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def make_steps(
    searcher: Searcher, runner: StepRunner, batch_size: int = 4
) -> list[dict[str, Any]]:
    """Makes steps of the warm-up, then with alphas; returns their losses."""
    results = []
    for update_alphas in (False, True):
        searcher.update_alphas = update_alphas
        batches = [make_batch(searcher, n, batch_size) for n in range(STEPS)]
        stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *batches)
        dataset = tf.data.Dataset.from_tensor_slices(stacked)
        results.append(runner(iter(dataset), STEPS))
    return results


def run(
    store: StepStore | None, seed: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Makes steps of a fresh searcher; returns what is printed."""
    searcher = make_searcher(make_config(**{**SETTINGS, **settings}), seed)
    runner = make_runner(searcher, store)
    losses = make_steps(searcher, runner)
    return {
        "losses": losses,
        "bits": bits(searcher),
        "traces": num_traces(runner),
    }


def main(folder: str, seed: str, *given: str) -> None:
    """Prints what `run` returns."""
    settings = dict(pair.split("=") for pair in given)
    settings = {n: ast.literal_eval(v) for n, v in settings.items()}
    config = make_config(**{**SETTINGS, **settings})
    configure_runtime(config)
    store = StepStore(pathlib.Path(folder))
    print(json.dumps(run(store, int(seed), settings)))


if __name__ == "__main__":
    main(*sys.argv[1:])
