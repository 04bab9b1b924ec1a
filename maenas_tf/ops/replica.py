"""What a computation needs to know of the replicas beside it.

The one place outside `engine/` that speaks to `tf.distribute`: statistics
of the global batch cannot be had without the other replicas.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def num_replicas() -> int:
    """Returns how many replicas run this computation in step."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


_statistics_of_all = True


def synchronize_statistics(of_all: bool) -> None:
    """Sets whose statistics normalisations take, for the whole process.

    Args:
        of_all: those of the batch of all replicas together; else each
            replica's own, for which nothing is sent.
    """
    global _statistics_of_all
    _statistics_of_all = of_all


def synchronizes_statistics() -> bool:
    """Whether normalisations take the statistics of all replicas."""
    return _statistics_of_all


def replicas_of_statistics() -> int:
    """Returns how many replicas a normalisation takes its statistics of."""
    return num_replicas() if _statistics_of_all else 1


def replica_id() -> tf.Tensor | int:
    """Returns this replica's number, from 0."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


def all_reduce_sum(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns each tensor summed over the replicas; differentiable.

    Those of a type travel in one message: TensorFlow joins them end to end.
    """
    tensors = list(tensors)
    if num_replicas() == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    sums: list[tf.Tensor | None] = [None] * len(tensors)
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        places = [i for i, each in enumerate(tensors) if each.dtype == dtype]
        alike = [tensors[place] for place in places]
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, alike)
        for place, value in zip(places, summed, strict=True):
            sums[place] = value
    return sums
