"""Steps that are made to be timed, and undone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import keras

from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.workers import mean_of_workers

_MOST_CALLS = 6


def rehearse(
    runner: StepRunner,
    iterator: Iterator,
    variables: Sequence[keras.Variable],
    seconds: float,
) -> Iterator[float]:
    """Makes single steps in the present mode of the model and undoes them.

    The graph that is traced is kept, so that little is done twice; and what
    a later phase of a run needs in memory shows before the run has begun.

    Args:
        runner: makes the steps.
        iterator: of enough batches; distributed where the strategy is.
        variables: all that a step changes; they end with the bits that they
            had.
        seconds: go on until the steps, the first aside, have taken so long,
            or are enough.

    Yields:
        The seconds of each step, in the mean of all workers; of the first
        those of tracing as well.
    """
    before = [variable.value.numpy() for variable in variables]
    timed = 0.0
    try:
        for number in range(_MOST_CALLS):
            begin = time.monotonic()
            runner(iterator, 1)
            taken = mean_of_workers(runner.strategy, time.monotonic() - begin)
            yield taken
            timed += taken if number else 0.0
            if number and timed >= seconds:
                return
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
