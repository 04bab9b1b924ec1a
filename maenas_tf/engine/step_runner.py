"""Steps in the graph, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class StepRunner:
    """Runs steps, each a call of the graph, on any strategy.

    Args:
        model: has `train_step`; `metric_keys`, the keys of what that returns,
            the loss the last; `mode`, of which another value needs another
            graph; `variable_groups`, name to variables, all that training
            changes; and `rate_settings`, the settings that are learning rates.
        strategy: under whose scope it was made.
        jit_compile: compile the step with XLA.
    """

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        jit_compile: bool = False,
    ):
        self.model = model
        self.strategy = strategy
        self.jit_compile = jit_compile
        self._functions: dict[Hashable, Callable] = {}

    def __call__(self, iterator: Iterator, num_steps: int) -> dict[str, Any]:
        """Runs steps until one's loss is not finite.

        Args:
            iterator: of batches; distributed where the strategy is.
            num_steps: at least 1.

        Returns:
            The metrics summed over the steps (float64), and "num_finite",
            how many of the steps had a finite loss.
        """
        mode = self.model.mode
        if mode not in self._functions:
            self._functions[mode] = self._make()
        keys = self.model.metric_keys
        totals, num_finite = np.zeros(len(keys)), 0
        # Not in the graph: there each variable would be handed on to the body
        # and the condition of a loop, which puts off the first step, while a
        # step takes as long.
        for _ in range(num_steps):
            values = self._functions[mode](iterator).numpy()
            totals += values
            if not np.isfinite(values).all():
                break
            num_finite += 1
        return {
            **dict(zip(keys, totals.tolist(), strict=True)),
            "num_finite": num_finite,
        }

    def graph(self, iterator: Iterator) -> tf.Graph:
        """Returns the graph of a step that has been run in this mode."""
        function = self._functions[self.model.mode]
        return function.get_concrete_function(iterator).graph

    def _make(self) -> Callable:
        keys = self.model.metric_keys
        step = self.model.train_step
        if self.jit_compile:
            step = tf.function(step, jit_compile=True)

        @tf.function(reduce_retracing=True)
        def run(iterator):
            results = self.strategy.run(step, (next(iterator),))
            # Every replica holds the global value; take the first's.
            local = self.strategy.experimental_local_results
            return tf.stack(
                [tf.cast(local(results[key])[0], tf.float64) for key in keys]
            )

        return run
