"""Searches with 1 and with 2 replicas; run by replicas_test.py.

    python -m tests.searching.replicas_script ORDER DIRECTORY [OPTION ...]

It runs in a process of its own, because the CPU can be divided into logical
devices only before TensorFlow starts. Results go to results.npz.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.data.augment import CropAndFlip
from maenas_tf.data.pipeline import bilevel_dataset
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.devices import (
    configure_runtime,
    divide_cpu,
    find_unequal,
)
from maenas_tf.engine.loop import DriftedApart, Loop
from maenas_tf.engine.optimization import SGD, Adam, apply_summed
from maenas_tf.engine.pace import Pace
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.strategies import make_strategy
from tests.searching import small

STEPS = 20
# Far below the gradients' norm of about 1, which the test checks.
CLIP_NORM = 0.1


def penalty(values: dict) -> tf.Tensor:
    """Returns what is to count once, however many replicas there are."""
    return tf.reduce_sum(tf.square(values["alphas_cell"] - 1.0))


def run(
    order: str,
    replicas: int,
    directory: pathlib.Path,
    options: Sequence[str],
    place: Mapping[str, object] | None = None,
) -> dict:
    """Runs one epoch of 20 steps; returns figures and values by name.

    Args:
        order: of the search.
        replicas: of this process.
        directory: for checkpoints.
        options: as of `main`.
        place: settings of the strategy; None takes those of the replicas.
    """
    place = place or {
        "strategy": "mirrored" if replicas > 1 else "one_device",
        "num_replicas": replicas if replicas > 1 else 0,
    }
    noise = "noise" in options
    exact = {"hessian_vector_product": "exact"} if "exact" in options else {}
    config = small.make_config(
        space="one_edge",
        order=order,
        clip_norm=CLIP_NORM,
        weight_decay=0.01,
        # Adam is blind to a factor: a decay as large as the gradient shows
        # whether that is of all replicas.
        alpha_weight_decay=5.0,
        batch_size=8,
        **place,
        **exact,
        algorithm="plain" if "plain" in options else "darts",
        recompute="recompute" in options and replicas > 1,
        perturb_alphas="random" if noise else "off",
    )
    configure_runtime(config)
    strategy = make_strategy(config)
    with strategy.scope():
        searcher = small.make_searcher(config)
    if noise:
        searcher.noise.rate.assign(0.3)
        searcher.penalty = penalty
    groups = {
        **searcher.variable_groups,
        "weights": searcher.weight_variables,
        "alphas": searcher.alpha_variables,
    }
    start = {k: small.flat(small.values(v)) for k, v in groups.items()}
    images = small.make_images(2 * STEPS * config.batch_size)

    def make_dataset(epoch, start_step):
        return bilevel_dataset(
            images,
            example_map=searcher.task.map,
            batch_size=config.batch_size,
            seed=0,
            epoch=epoch,
            augmentation=CropAndFlip(),
            start_step=start_step,
            with_labels=False,
        )

    means = {}
    loop = Loop(
        StepRunner(searcher, strategy),
        RunCheckpoint(directory, searcher.variable_groups),
        make_dataset,
        lambda epoch: None,
        lambda epoch, values, seconds: means.update(values),
        1,
        STEPS,
    )
    loop.pace.steps = lambda mode: STEPS // 2
    loop.run()
    variables = [v for group in groups.values() for v in group]
    results = {
        "num_replicas": strategy.num_replicas_in_sync,
        "norm": gradient_norm(searcher, next(iter(make_dataset(0, 0)))),
        "num_unequal": len(find_unequal(strategy, variables)),
        **{f"mean_{k}": v for k, v in means.items()},
        **{f"start_{k}": v for k, v in start.items()},
        **{k: small.flat(small.values(v)) for k, v in groups.items()},
    }
    if strategy.num_replicas_in_sync > 1:
        results.update(disturb(loop, strategy, searcher))
    if replicas > 1:
        results["mean_seconds"] = timed(strategy)
        results["summed_by_another"] = summed(make_strategy(config))
        for optimizer_class in (SGD, Adam):
            reduced, value = applied(strategy, optimizer_class)
            name = optimizer_class.__name__
            results.update({f"{name}_reduced": reduced, name: value})
    return results


def timed(strategy) -> float:
    """Returns what a worker takes as the time of a step of 3 seconds."""
    pace = Pace(strategy, 9.0)
    pace.note("mode", 50.0)
    for _ in range(3):
        pace.note("mode", 3.0)
    return 9.0 / pace.steps("mode")


def summed(strategy) -> list[np.ndarray]:
    """Returns what each replica gets for the sum of a row of ones."""

    def step():
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.ones(7))

    found = strategy.run(tf.function(step))
    return [v.numpy() for v in strategy.experimental_local_results(found)]


def applied(strategy, optimizer_class) -> tuple[int, float]:
    """Applies a summed gradient of 1 to 0 with a rate of 1.

    Returns:
        How often something was summed over the replicas, and the value.
    """
    with strategy.scope():
        variable, optimizer = keras.Variable(0.0), optimizer_class(1.0)
        optimizer.build([variable])
    context, sums = tf.distribute.ReplicaContext, []
    all_reduce = context.all_reduce

    def counting(*args, **kwargs):
        sums.append(args)
        return all_reduce(*args, **kwargs)

    def step():
        apply_summed(optimizer, [tf.constant(1.0)], [variable.value], 0.0)

    context.all_reduce = counting
    try:
        strategy.run(tf.function(step))
    finally:
        context.all_reduce = all_reduce
    return len(sums), float(variable.numpy())


def gradient_norm(searcher, batch) -> float:
    """Returns the norm of the weights' gradient on one batch."""
    with tf.GradientTape() as tape:
        outputs = searcher(batch["weights"], training=True)
        losses = searcher.task.losses(batch["weights"], outputs)
        loss = tf.reduce_mean(losses)
    sources = [v.value for v in searcher.weight_variables]
    return float(tf.linalg.global_norm(tape.gradient(loss, sources)))


def disturb(loop, strategy, searcher) -> dict:
    """Changes the last replica's copy of the alphas; returns who notices."""
    (alphas,) = searcher.alpha_variables
    copy = strategy.experimental_local_results(alphas.value)[-1]
    if loop.workers.index == loop.workers.count - 1:
        copy.assign(np.nextafter(copy.numpy(), np.float32(1)))
    found = find_unequal(strategy, searcher.variables)
    try:
        loop.save()
        message = ""
    except DriftedApart as error:
        message = str(error)
    return {"disturbed": found, "message": message, "path": alphas.path}


def main(order: str, directory: pathlib.Path, options: Sequence[str]) -> None:
    """Runs the search with each number of replicas and writes the results.

    With "recompute", two replicas compute the cells again, one does not; with
    "noise", the weights' steps are perturbed and the alphas have a penalty;
    with "plain", the candidates are as they are defined; with "exact", so is
    the Hessian's product.
    """
    divide_cpu(2)
    with ALGORITHMS.temporary("plain", small.PlainDarts):
        results = {
            f"{replicas}/{key}": value
            for replicas in (1, 2)
            for key, value in run(
                order,
                replicas,
                directory / f"checkpoints_{replicas}",
                options,
            ).items()
        }
    np.savez(directory / "results.npz", **results)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:])
