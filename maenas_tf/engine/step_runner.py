"""Steps in the graph, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config.noted import noting
from maenas_tf.engine.fingerprint import Fingerprint
from maenas_tf.engine.fingerprint_code import NotKnown
from maenas_tf.engine.fingerprint_program import process, program, streams
from maenas_tf.engine.saved_step import LoadedStep, SavedStep
from maenas_tf.engine.step_store import StepStore

_Identity = tuple[str, Sequence[tf.Tensor]]


class StepRunner:
    """Runs steps, each a call of the graph, on any strategy.

    With a store, a step that another run has traced is not traced again. It
    is one that cannot differ: all that a trace may read is told by its key
    (`Fingerprint`), and what cannot be told is neither kept nor taken up.
    So it is without a strategy of replicas alone: what sends messages takes
    numbers of its process.

    Args:
        model: has `train_step`; `metric_keys`, the keys of what that returns,
            the loss the last; `mode`, of which another value needs another
            graph; `variable_groups`, name to variables, all that training
            changes; and `rate_settings`, the settings that are learning rates.
        strategy: under whose scope it was made.
        jit_compile: compile the step with XLA.
        store: where traced steps are kept; None keeps none.
    """

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        jit_compile: bool = False,
        store: StepStore | None = None,
    ):
        self.model = model
        self.strategy = strategy
        self.jit_compile = jit_compile
        self._store = store
        self._functions: dict[Hashable, Callable] = {}
        # Each for batches of one kind.
        self._loaded: dict[Hashable, tuple[Any, LoadedStep]] = {}

    def __call__(self, iterator: Iterator, num_steps: int) -> dict[str, Any]:
        """Runs steps until one's loss is not finite.

        Args:
            iterator: of batches; distributed where the strategy is.
            num_steps: at least 1.

        Returns:
            The metrics summed over the steps (float64), and "num_finite",
            how many of the steps had a finite loss.
        """
        step = self._step(iterator)
        keys = self.model.metric_keys
        totals, num_finite = np.zeros(len(keys)), 0
        # Not in the graph: there each variable would be handed on to the body
        # and the condition of a loop, which puts off the first step, while a
        # step takes as long.
        for _ in range(num_steps):
            values = step(iterator).numpy()
            totals += values
            if not np.isfinite(values).all():
                break
            num_finite += 1
        return {
            **dict(zip(keys, totals.tolist(), strict=True)),
            "num_finite": num_finite,
        }

    def graph(self, iterator: Iterator) -> tf.Graph:
        """Returns the graph of a step that has been traced in this mode."""
        function = self._functions[self.model.mode]
        return function.get_concrete_function(iterator).graph

    def _step(self, iterator: Iterator) -> Callable:
        """Returns what makes a step in the present mode."""
        mode = self.model.mode
        if mode in self._loaded:
            spec, loaded = self._loaded[mode]
            if iterator.element_spec == spec:
                return loaded
        if mode in self._functions:
            return self._functions[mode]
        identity = None
        if mode not in self._loaded:
            identity = self._identity(iterator)
        loaded = self._load(identity)
        if loaded is not None:
            self._loaded[mode] = iterator.element_spec, loaded
            return loaded
        self._functions[mode] = function = self._make()
        self._keep(identity, function, iterator)
        return function

    def _identity(self, iterator: Iterator) -> _Identity | None:
        """Returns the key of the step to be traced, and what it may capture.

        It is None where a step is not to be kept.
        """
        if self._store is None:
            return None
        model, spec = self.model, iterator.element_spec
        told = Fingerprint()
        try:
            told.add([model, model.mode, model.metric_keys])
            told.add([spec, self.jit_compile, process(), program()])
        except NotKnown:
            return None
        return told.digest(), told.tensors

    def _load(self, identity: _Identity | None) -> LoadedStep | None:
        if identity is None:
            return None
        key, tensors = identity
        saved = self._store.find(key)
        try:
            return None if saved is None else LoadedStep(saved, tensors)
        except ValueError:
            return None

    def _keep(
        self,
        identity: _Identity | None,
        function: Callable,
        iterator: Iterator,
    ) -> None:
        if identity is None:
            return
        key, tensors = identity
        before = streams()
        with noting() as read:
            traced = function.get_concrete_function(iterator)
        if read or streams() != before:
            return
        with contextlib.suppress(NotKnown):
            self._store.keep(key, SavedStep.of(traced, tensors))

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
