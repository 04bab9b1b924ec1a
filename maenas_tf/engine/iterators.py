"""Iterators of batches that are given up without a wait.

TensorFlow tunes a dataset in a thread of each iterator. Who gives an iterator
up cancels that thread and waits for its end; it is woken before it is marked
as cancelled, though, and often goes back to sleep for as long as it slept
before: up to a minute, and for one replica after the other (in TensorFlow 2.21,
`CancellationManager::StartCancel` and `Model::OptimizeLoop`). Two busy cores
with 8 replicas stood still for minutes after an epoch. So nothing is tuned
here: how many examples are made at a time is fixed in `data.pipeline`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops import multi_device_iterator_ops


def iterate(
    strategy: tf.distribute.Strategy,
    make: Callable[..., tf.data.Dataset],
) -> Iterator:
    """Returns the batches of a dataset, of each what a replica is to have.

    Args:
        strategy: of the replicas.
        make: makes the dataset of this worker; takes an input context or
            nothing.
    """

    def make_untuned(context: Any = None) -> tf.data.Dataset:
        return _untuned(make(context))

    if strategy.num_replicas_in_sync == 1:
        return iter(make_untuned())
    with _untuned_parts():
        return iter(strategy.distribute_datasets_from_function(make_untuned))


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


@contextlib.contextmanager
def _untuned_parts() -> Iterator[None]:
    """Within it the datasets that hand each replica its part are so, too."""
    # No public name reaches them: they take none of the options given.
    make = multi_device_iterator_ops._create_device_dataset

    def make_untuned(*args, **kwargs):
        return _untuned(make(*args, **kwargs))

    multi_device_iterator_ops._create_device_dataset = make_untuned
    try:
        yield
    finally:
        multi_device_iterator_ops._create_device_dataset = make
