"""What a run sets for the whole process, and gives back."""

from __future__ import annotations

import dataclasses
import random
from types import TracebackType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

# Its opposite, and what is set, have no public name.
from tensorflow.python.framework.config import (
    disable_op_determinism,
    enable_op_determinism,
    is_op_determinism_enabled,
)

from maenas_tf.ops.replica import (
    synchronize_statistics,
    synchronizes_statistics,
)


@dataclasses.dataclass(frozen=True)
class ProcessSettings:
    """The settings of the process that runs change, at one moment.

    Attributes:
        python_random: state of `random`.
        numpy_random: state of `np.random`'s old generator.
        seed: of `tf.random.set_seed`; None where there is none.
        stream: state of what gives seeds to TensorFlow's stateful random
            operations that have none; None without a seed.
        policy: Keras' policy of dtypes.
        deterministic: whether TensorFlow's operations must be.
        optimizer: options of TensorFlow's graph optimizer.
        statistics_of_all: whether normalisations take all replicas'.
    """

    python_random: tuple[Any, ...]
    numpy_random: tuple[Any, ...]
    seed: int | None
    stream: tuple[Any, ...] | None
    policy: keras.dtype_policies.DTypePolicy
    deterministic: bool
    optimizer: dict[str, Any]
    statistics_of_all: bool

    @classmethod
    def present(cls) -> ProcessSettings:
        """Returns those that hold now."""
        seed = context.global_seed()
        stream = None
        if seed is not None:
            stream = context.context()._rng.getstate()
        return cls(
            random.getstate(),
            np.random.get_state(),  # noqa: NPY002
            seed,
            stream,
            keras.config.dtype_policy(),
            is_op_determinism_enabled(),
            tf.config.optimizer.get_experimental_options(),
            synchronizes_statistics(),
        )

    def restore(self) -> None:
        """Makes them hold again."""
        random.setstate(self.python_random)
        np.random.set_state(self.numpy_random)  # noqa: NPY002
        keras.config.set_dtype_policy(self.policy)
        if self.deterministic:
            enable_op_determinism()
        else:
            disable_op_determinism()
        tf.config.optimizer.set_experimental_options(self.optimizer)
        synchronize_statistics(self.statistics_of_all)
        tf.random.set_seed(self.seed)
        if self.stream is not None:
            context.context()._rng.setstate(self.stream)


class OwnRuntime:
    """Lets a run have its own settings of the process, while it is at work.

        runtime = OwnRuntime()
        with runtime:
            ...  # Settings are changed, something is built.
        with runtime:
            ...  # They are again as they were left above.

    In between and afterwards, also after an error, those of the caller hold:
    seeds and where their streams have got to, Keras' policy of dtypes,
    determinism, the options of the graph optimizer, whose statistics a
    normalisation takes.

    TensorFlow cannot be given everything back. A stateful random operation
    with a seed of its own, called outside of a graph, starts its stream
    again; logical devices that the CPU was divided into remain. The names
    that Keras numbers go on.
    """

    def __init__(self):
        self._own: ProcessSettings | None = None

    def __enter__(self) -> OwnRuntime:
        self._callers = ProcessSettings.present()
        if self._own is not None:
            self._own.restore()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._own = ProcessSettings.present()
        self._callers.restore()
