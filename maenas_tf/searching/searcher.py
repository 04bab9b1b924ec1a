"""The model that searches: a supernet with a bi-level train_step."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from maenas_tf.algorithms import bilevel
from maenas_tf.algorithms.alpha_noise import AlphaNoise
from maenas_tf.engine.optimization import (
    apply_summed,
    at_values,
    share_of_mean,
    sum_over_replicas,
)
from maenas_tf.models.alphas import Values
from maenas_tf.models.supernet import Supernet
from maenas_tf.ops.replica import all_reduce_sum, num_replicas
from maenas_tf.spaces.architectures import EdgeWeights
from maenas_tf.tasks import Task


def _values(variables):
    return [tf.convert_to_tensor(variable) for variable in variables]


class Searcher(keras.Model):
    """Searches an architecture: alphas and weights move in turn.

    An ordinary Keras model: `fit` drives it on one device, the project's own
    loop on any number. Its batch is {"weights": ..., "alphas": ...}, examples
    of the task from two disjoint halves of the images.

    Args:
        supernet: with the task's head, built.
        task: supplies input layer, loss and metrics.
        order: "first" or "second".
        hessian_vector_product: "finite_difference" or "exact".
        weight_decay: L2 factor, added to the weights' gradient.
        alpha_weight_decay: L2 factor, added to the alphas' gradient.
        clip_norm: global-norm clip of the weights' gradient; 0 is off.
        draw: maps the number of weight steps done, int64 scalar, to the edge
            weights at which the next one is made; None takes the alphas'.
        penalty: maps the architecture parameters' values by name to a scalar
            that is added to the loss of the alphas; None adds nothing.
        alpha_clip_norm: global-norm clip of the alphas' gradient; 0 is off.
        noise: perturbs the alphas' weights in a weight step, instead of
            `draw`; None does not.
    """

    def __init__(
        self,
        supernet: Supernet,
        task: Task,
        order: str = "first",
        hessian_vector_product: str = "finite_difference",
        weight_decay: float = 3e-4,
        alpha_weight_decay: float = 1e-3,
        clip_norm: float = 5.0,
        draw: Callable[[tf.Tensor], EdgeWeights] | None = None,
        penalty: Callable[[Values], tf.Tensor | None] | None = None,
        alpha_clip_norm: float = 0.0,
        noise: AlphaNoise | None = None,
        name: str = "searcher",
    ):
        super().__init__(name=name)
        self.supernet = supernet
        self.input_layer = task.build_input()
        self.task = task
        self.order = order
        self.hessian_vector_product = hessian_vector_product
        self.weight_decay = weight_decay
        self.alpha_weight_decay = alpha_weight_decay
        self.clip_norm = clip_norm
        self.draw = noise or draw
        self.noise = noise
        self.penalty = penalty
        self.alpha_clip_norm = alpha_clip_norm
        # The phases of a step; without alphas it is one of the warm-up.
        self.update_alphas = True
        self.update_weights = True
        self.built = True
        self.alpha_variables = []
        if supernet.architecture is not None:
            self.alpha_variables = supernet.architecture.trainable_variables
        alphas = {id(variable) for variable in self.alpha_variables}
        self.weight_variables = [
            v for v in self.trainable_variables if id(v) not in alphas
        ]

    def compile(self, weight_optimizer, alpha_optimizer, **kwargs):
        """Takes the two optimizers and builds each on its own variables.

        Args:
            weight_optimizer: SGD of `engine.optimization`; the second order
                steps virtually as it does.
            alpha_optimizer: one of the same module.
            **kwargs: passed on to `keras.Model.compile`.
        """
        weight_optimizer.build(self.weight_variables)
        alpha_optimizer.build(self.alpha_variables)
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=weight_optimizer, loss=None, **kwargs)
        self.weight_optimizer = weight_optimizer
        self.alpha_optimizer = alpha_optimizer

    def call(self, batch, training=False, edge_weights=None):
        """Returns the head's output for a batch of the task.

        Args:
            batch: examples of the task.
            training: passed on to the supernet.
            edge_weights: of an architecture, or a function that makes them;
                None takes the alphas'.
        """
        images = batch["input"]
        if self.input_layer is not None:
            images = self.input_layer(batch)
        return self.supernet(
            images, training=training, edge_weights=edge_weights
        )

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step: first the alphas, then the weights (DARTS, algorithm 1)."""
        summed = {}
        weights = _values(self.weight_variables)
        alphas = _values(self.alpha_variables)
        train_loss = functools.partial(self.task_loss, data["weights"])

        # Phase 1: alphas descend the loss on their own half of the images.
        if self.update_alphas:
            validation_loss = functools.partial(self.alpha_loss, data["alphas"])
            alpha_loss, gradients = self._alpha_gradient(
                train_loss, validation_loss, weights, alphas
            )
            gradients, summed = sum_over_replicas(
                gradients, {"alpha_loss": alpha_loss}
            )
            apply_summed(
                self.alpha_optimizer,
                gradients,
                alphas,
                self.alpha_weight_decay,
                self.alpha_clip_norm,
            )
            alphas = _values(self.alpha_variables)
            # Else TensorFlow computes what it can of phase 2 during phase 1,
            # and the tensors of both take memory at a time.
            with tf.control_dependencies(alphas):
                data = tf.nest.map_structure(tf.identity, data)

        # Phase 2: weights descend the loss on the other half, alphas fixed.
        if self.update_weights:
            metrics = {}
            loss_and_state = functools.partial(
                self.task_loss,
                data["weights"],
                metrics=metrics,
                keep_state=True,
                edge_weights=self._drawn(),
            )
            metrics["weight_loss"], gradients = bilevel.gradient(
                loss_and_state, weights, alphas, "weights"
            )
            gradients, found = sum_over_replicas(
                gradients, metrics, self.non_trainable_variables
            )
            summed = {**summed, **found}
            apply_summed(
                self.weight_optimizer,
                gradients,
                weights,
                self.weight_decay,
                self.clip_norm,
            )
        return summed

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The keys of what `train_step` returns."""
        alphas = ("alpha_loss",) if self.update_alphas else ()
        weights = (*self.task.metric_names, "weight_loss")
        return (*alphas, *(weights if self.update_weights else ()))

    rate_settings = ("weight_learning_rate", "alpha_learning_rate")

    @property
    def mode(self) -> tuple[bool, bool, Callable | None]:
        """Of which another value needs another graph of `train_step`."""
        return self.update_alphas, self.update_weights, self.draw

    @property
    def variable_groups(self) -> dict[str, list[keras.Variable]]:
        """All that a step changes, for checkpoints."""
        return {
            "model": self.variables,
            "weight_optimizer": self.weight_optimizer.variables,
            "alpha_optimizer": self.alpha_optimizer.variables,
        }

    @property
    def can_begin_anew(self) -> bool:
        """Whether another seed needs no other graph; that of a draw does."""
        return self.draw is self.noise

    def begin_anew(self, fresh: Searcher) -> None:
        """Becomes a searcher that was just built, and keeps its own graphs.

        What was traced reads variables; all that a seed decides is in them.

        Args:
            fresh: of the same configuration but for the seed.
        """
        for name, variables in fresh.variable_groups.items():
            mine = self.variable_groups[name]
            for variable, value in zip(mine, variables, strict=True):
                variable.assign(value.value.numpy())
        if self.noise is not None:
            self.noise.seed.assign(fresh.noise.seed.value.numpy())

    def _drawn(self) -> Callable[[], EdgeWeights] | None:
        if self.draw is None:
            return None
        done = tf.convert_to_tensor(self.weight_optimizer.iterations)
        return functools.partial(self.draw, tf.cast(done, tf.int64))

    def _alpha_gradient(self, train_loss, validation_loss, weights, alphas):
        if self.order == "first":
            return bilevel.first_order(validation_loss, weights, alphas)
        return bilevel.second_order(
            train_loss,
            validation_loss,
            weights,
            alphas,
            self._virtual_step,
            self.hessian_vector_product,
            all_reduce_sum,
        )

    def _virtual_step(self, weights, gradients):
        optimizer = self.weight_optimizer
        velocities = [tf.zeros_like(w) for w in weights]
        if optimizer.momentum:
            velocities = [tf.convert_to_tensor(u) for u in optimizer.momentums]
        return bilevel.sgd_virtual_step(
            weights,
            gradients,
            velocities,
            tf.convert_to_tensor(optimizer.learning_rate),
            optimizer.momentum,
            optimizer.nesterov,
            self.weight_decay,
        )

    def alpha_loss(self, batch, weights, alphas, with_decay=False):
        """Returns this replica's share of what the alphas descend.

        The loss of the task and, once for all replicas, the penalty.

        Args:
            batch: examples of the task, this replica's part.
            weights: values of `weight_variables`.
            alphas: values of `alpha_variables`.
            with_decay: add what the decay stands for; a step adds the decay
                to the gradient.
        """
        loss = self.task_loss(batch, weights, alphas)
        extra = self._penalty(alphas)
        if with_decay:
            squares = tf.add_n([tf.reduce_sum(tf.square(a)) for a in alphas])
            extra += 0.5 * self.alpha_weight_decay * squares
        return loss + extra / num_replicas()

    def _penalty(self, alphas):
        with at_values(self.alpha_variables, alphas):
            penalty = None
            if self.penalty is not None:
                penalty = self.penalty(self.supernet.architecture.values())
        return 0.0 if penalty is None else penalty

    def task_loss(
        self,
        batch,
        weights,
        alphas,
        metrics=None,
        keep_state=False,
        edge_weights=None,
    ):
        """Returns this replica's share of the task's loss at given values.

        Args:
            batch: examples of the task, this replica's part.
            weights: values of `weight_variables`.
            alphas: values of `alpha_variables`.
            metrics: a dictionary that takes the task's metrics, or None.
            keep_state: keep what the pass did to non-trainable variables.
            edge_weights: as of `call`.
        """
        variables = [*self.weight_variables, *self.alpha_variables]
        values = [*weights, *alphas]
        state = self.non_trainable_variables if keep_state else ()
        with at_values(variables, values, state):
            outputs = self(batch, training=True, edge_weights=edge_weights)
            losses = self.task.losses(batch, outputs)
        if metrics is not None:
            for key, value in self.task.metrics(batch, outputs).items():
                metrics[key] = share_of_mean(value)
        return share_of_mean(losses)
