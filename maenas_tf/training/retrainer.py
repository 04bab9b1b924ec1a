"""The model that trains a found network from scratch."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from maenas_tf.engine.optimization import (
    apply_summed,
    share_of_mean,
    summed_metrics,
)
from maenas_tf.models.network import Network
from maenas_tf.ops.replica import all_reduce_sum


class Retrainer(keras.Model):
    """Trains a network by cross-entropy, with an auxiliary loss if it has one.

    The network starts from its random initialisation: nothing of the search
    but the genotype is used, and none of its weights. (In the search, weights
    serve a mixture of operations; they fit no single architecture.)

    An ordinary Keras model: `fit` drives it on one device, the project's own
    loop on any number. Its batch is {"image": [B, H, W, 3], "label": [B]}.

    Args:
        network: built; with an auxiliary head where `auxiliary_weight` > 0.
        weight_decay: L2 factor, added to the gradient after it is clipped.
        clip_norm: global-norm clip of the gradient; 0 is off.
        auxiliary_weight: of the auxiliary head's loss.
        label_smoothing: part of a label that is spread over all classes.
        class_weights: of the losses of each class's images; empty weighs all
            alike.

    Raises:
        ValueError: there is an auxiliary head and no weight for its loss, or
            the other way round.
    """

    rate_settings = ("learning_rate",)
    metric_keys = ("train_accuracy", "train_loss")
    mode = None

    def __init__(
        self,
        network: Network,
        weight_decay: float = 3e-4,
        clip_norm: float = 5.0,
        auxiliary_weight: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] = (),
        name: str = "retrainer",
    ):
        super().__init__(name=name)
        if bool(auxiliary_weight) != network.auxiliary:
            raise ValueError(
                f"auxiliary_weight={auxiliary_weight} does not fit a network "
                f"with auxiliary={network.auxiliary}; set both or neither."
            )
        self.network = network
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.auxiliary_weight = auxiliary_weight
        self.label_smoothing = label_smoothing
        self.class_weights = tuple(class_weights)
        self.built = True

    def compile(self, optimizer, **kwargs):
        """Takes the optimizer and builds it on the network's weights.

        Args:
            optimizer: any Keras optimizer.
            **kwargs: passed on to `keras.Model.compile`.
        """
        optimizer.build(self.trainable_variables)
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, loss=None, **kwargs)

    def call(self, batch, training=False):
        """Returns the network's logits for a batch."""
        return self.network(batch["image"], training=training)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step of SGD: gradient, sum, clip, weight decay, update."""
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            logits, auxiliary = self.network.call_with_auxiliary(
                data["image"], training=True
            )
            losses = self.losses(data["label"], logits)
            if auxiliary is not None:
                losses += self.auxiliary_weight * self.losses(
                    data["label"], auxiliary
                )
            loss = share_of_mean(losses)
        # Behind an edge `none` there may be weights that nothing depends on.
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        apply_summed(
            self.optimizer,
            all_reduce_sum(gradients),
            [tf.convert_to_tensor(variable) for variable in variables],
            self.weight_decay,
            self.clip_norm,
        )
        correct = tf.equal(
            tf.argmax(logits, -1, data["label"].dtype), data["label"]
        )
        accuracy = share_of_mean(tf.cast(correct, tf.float32))
        return summed_metrics({"train_accuracy": accuracy, "train_loss": loss})

    def losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the cross-entropy with smoothed labels, float32 [B].

        -w_label sum_k q_k log p_k with q = (1 - s) onehot(label) + s / K

        Args:
            labels: [B], class indices.
            logits: [B, K].
        """
        logits = tf.cast(logits, tf.float32)
        targets = tf.one_hot(labels, logits.shape[-1])
        smoothing = self.label_smoothing
        if smoothing:
            targets = (1.0 - smoothing) * targets
            targets += smoothing / logits.shape[-1]
        losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
        if self.class_weights:
            losses *= tf.gather(tf.constant(self.class_weights), labels)
        return losses

    @property
    def variable_groups(self) -> dict[str, list[keras.Variable]]:
        """All that a step changes, for checkpoints."""
        return {"model": self.variables, "optimizer": self.optimizer.variables}
