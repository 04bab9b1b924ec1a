"""What steps of SGD are made of, whatever a network learns."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.engine.optimization import (
    apply_summed,
    at_values,
    share_of_mean,
    sum_over_replicas,
)


class StepModel(keras.Model):
    """A network and what it learns, one step of SGD after the other.

    An ordinary Keras model: `fit` drives it on one device, the project's own
    loop on any number.

    Args:
        weight_decay: L2 factor, added to the gradient after it is clipped.
        clip_norm: global-norm clip of the gradient; 0 is off.
    """

    rate_settings = ("learning_rate",)
    metric_keys: tuple[str, ...] = ("train_loss",)
    mode = None
    # Of each trainable variable's learning rate; None is the same for all.
    rate_factors: list[float] | None = None

    def __init__(self, weight_decay: float, clip_norm: float, name: str):
        super().__init__(name=name)
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm

    def compile(self, optimizer, **kwargs):
        """Takes the optimizer and builds it on the trainable weights.

        Args:
            optimizer: any Keras optimizer.
            **kwargs: passed on to `keras.Model.compile`.
        """
        optimizer.build(self.trainable_variables)
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, loss=None, **kwargs)

    @property
    def moved_variables(self) -> list[keras.Variable]:
        """Those that a step moves."""
        return self.trainable_variables

    def losses_and_metrics(
        self, data: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the loss and further figures of each example, [B] each.

        Args:
            data: a batch.
        """
        raise NotImplementedError

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step of SGD: gradient, sum, clip, weight decay, update."""
        variables = self.moved_variables
        values = [tf.convert_to_tensor(variable) for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            with at_values(variables, values, self.non_trainable_variables):
                losses, metrics = self.losses_and_metrics(data)
            loss = share_of_mean(losses)
        # Behind an edge `none` there may be weights that nothing depends on.
        gradients = tape.gradient(
            loss,
            values,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        shares = {name: share_of_mean(v) for name, v in metrics.items()}
        gradients, summed = sum_over_replicas(
            gradients,
            {**shares, "train_loss": loss},
            self.non_trainable_variables,
        )
        apply_summed(
            self.optimizer,
            gradients,
            values,
            self.weight_decay,
            self.clip_norm,
            variables,
            self._factors(variables),
        )
        return summed

    def _factors(self, variables: list[keras.Variable]) -> list[float] | None:
        if self.rate_factors is None:
            return None
        pairs = zip(self.trainable_variables, self.rate_factors, strict=True)
        by_id = {id(variable): factor for variable, factor in pairs}
        return [by_id[id(variable)] for variable in variables]

    @property
    def variable_groups(self) -> dict[str, list[keras.Variable]]:
        """All that a step changes, for checkpoints."""
        return {"model": self.variables, "optimizer": self.optimizer.variables}
