"""The one place where training scales by the number of replicas.

The replicas' shares of a loss add up to its mean over the global batch, and
their gradients are summed before they are clipped: each replica's own clip
would not be that of the whole. The optimizers here sum nothing themselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import (
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.ops.constants import shared_constant
from maenas_tf.ops.normalization import MOVING_STATISTICS
from maenas_tf.ops.replica import (
    all_reduce_sum,
    num_replicas,
    replicas_of_statistics,
)


def share_of_mean(values: tf.Tensor) -> tf.Tensor:
    """Sums values [B] so that the replicas' results add up to the mean."""
    count = tf.shape(values)[0] * num_replicas()
    return tf.reduce_sum(values) / tf.cast(count, values.dtype)


class OfSummedGradients:
    """Makes a Keras optimizer take gradients that are summed already.

    Keras sums them over the replicas again, which costs as much once more.
    That also registers a gradient for ever, and with it keeps every graph in
    memory (TF 2.21).
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if any(
            isinstance(getattr(v, "value", v), tf.distribute.DistributedValues)
            for v in trainable_variables
        ):
            super()._backend_update_step(
                grads, trainable_variables, learning_rate
            )
            return
        # The same, without a thousand times what belongs to replicas.
        learning_rate = tf.convert_to_tensor(learning_rate)
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(
                gradient, getattr(variable, "value", variable), learning_rate
            )


class Adam(OfSummedGradients, keras.optimizers.Adam):
    """Keras' Adam."""


class SGD(OfSummedGradients, keras.optimizers.SGD):
    """Keras' SGD with momentum, each variable by one kernel.

        u <- momentum u - rate g        w <- w + u
        (Nesterov: w <- w + momentum u - rate g)

    The same update to the rounding; Keras' own makes a dozen operations of
    it, which for a supernet's thousand variables is a third of the graph.
    """

    def update_step(self, gradient, variable, learning_rate):
        # Keras passes the `tf.Variable` (under a strategy this replica's).
        if not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        dtype = tf.as_dtype(variable.dtype)
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=tf.cast(learning_rate, dtype),
            grad=tf.cast(gradient, dtype),
            momentum=shared_constant(self.momentum, (), dtype),
            use_nesterov=self.nesterov,
        )


def apply_summed(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    values: Sequence[tf.Tensor],
    weight_decay: float,
    clip_norm: float = 0.0,
    variables: Sequence[keras.Variable] | None = None,
    rate_factors: Sequence[float] | None = None,
) -> None:
    """Applies gradients that are already summed over the replicas.

    Args:
        optimizer: built on the variables; one of this module's.
        gradients: of all replicas together.
        values: of the variables.
        weight_decay: L2 factor; its gradient is `weight_decay` times the
            value.
        clip_norm: global norm that the gradients, without that of the decay,
            are clipped to; 0 is off.
        variables: that are moved; None means all of the optimizer's.
        rate_factors: of each variable's learning rate, of `SGD` alone, which
            is linear in its gradients; None means 1.

    Raises:
        ValueError: the optimizer would sum the gradients once more.
    """
    if num_replicas() > 1 and not isinstance(optimizer, OfSummedGradients):
        raise ValueError(
            f"optimizer={type(optimizer).__name__} would sum the gradients of "
            f"{num_replicas()} replicas again; use SGD or Adam of "
            f"{__name__}."
        )
    gradients = _regularized(gradients, values, weight_decay, clip_norm)
    if rate_factors is not None:
        gradients = [
            gradient * tf.cast(factor, gradient.dtype)
            for gradient, factor in zip(gradients, rate_factors, strict=True)
        ]
    optimizer.apply(gradients, variables)


def _regularized(
    gradients: Sequence[tf.Tensor],
    values: Sequence[tf.Tensor],
    weight_decay: float,
    clip_norm: float = 0.0,
) -> list[tf.Tensor]:
    """Returns the clipped gradient + weight_decay * value of each.

    Args: as `apply_summed`.
    """
    scale = None
    if clip_norm:
        scale = clip_norm / tf.maximum(_global_norm(gradients), clip_norm)

    def regularized(gradient, value):
        if scale is not None:
            gradient = gradient * scale
        return gradient + value * weight_decay

    return _by_shape(regularized, gradients, values)


def _global_norm(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the root of the sum of all squares."""
    halves = [
        tf.nn.l2_loss(tf.stack([tensors[place] for place in places]))
        for places in _places_by_shape(tensors)
    ]
    return tf.sqrt(2.0 * tf.add_n(halves))


def _by_shape(
    function: Callable[..., tf.Tensor], *lists: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Returns function(*tensors) for the tensors of each place in the lists.

    Those of a shape are stacked and computed at once: a supernet has a
    thousand weights and a few dozen shapes of them.

    Args:
        function: elementwise.
        *lists: of tensors; those of a place have the same shape and type.
    """
    results: list[Any] = [None] * len(lists[0])
    for places in _places_by_shape(lists[0]):
        stacked = [tf.stack([each[p] for p in places]) for each in lists]
        computed = tf.unstack(function(*stacked), len(places))
        for place, result in zip(places, computed, strict=True):
            results[place] = result
    return results


def _places_by_shape(tensors: Sequence[tf.Tensor]) -> list[list[int]]:
    """Returns the places of those of each shape and type."""
    groups: dict[Hashable, list[int]] = {}
    for place, tensor in enumerate(tensors):
        key = (tuple(tensor.shape), tensor.dtype)
        groups.setdefault(key, []).append(place)
    return list(groups.values())


@contextlib.contextmanager
def at_values(
    variables: Sequence[keras.Variable],
    values: Sequence[tf.Tensor],
    state: Iterable[keras.Variable] = (),
) -> Iterator[None]:
    """Gives variables other values in a `with` block.

    Args:
        variables: any.
        values: of each.
        state: variables that keep what the block assigns to them; others
            forget it.
    """
    mapping = list(zip(variables, values, strict=True))
    with keras.StatelessScope(state_mapping=mapping) as scope:
        yield
    for variable in state:
        value = scope.get_current_value(variable)
        if value is not None:
            variable.assign(value)


def sum_over_replicas(
    gradients: Sequence[tf.Tensor],
    metrics: Mapping[str, tf.Tensor],
    variables: Iterable[keras.Variable] = (),
) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
    """Adds up what the replicas have found in a phase, in one message.

    Where each normalises by statistics of its own (`ops.replica`), their
    moving statistics take the mean of all, and so stay equal.

    Args:
        gradients: shares of those of the global batch.
        metrics: shares of figures, by name.
        variables: of which some may be moving statistics.

    Returns:
        Gradients and metrics, the same on all replicas.
    """
    moved = []
    if replicas_of_statistics() < num_replicas():
        moved = [v for v in variables if v.name in MOVING_STATISTICS]
    parts = [tf.convert_to_tensor(v) / num_replicas() for v in moved]
    names, values = sorted(metrics), [metrics[name] for name in sorted(metrics)]
    sums = iter(all_reduce_sum([*gradients, *values, *parts]))
    gradients = [next(sums) for _ in gradients]
    metrics = {name: next(sums) for name in names}
    for variable, value in zip(moved, sums, strict=True):
        variable.assign(value)
    return gradients, metrics
