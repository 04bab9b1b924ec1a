"""The model that trains a found network with labels."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from maenas_tf.models.network import Network
from maenas_tf.training.step_model import StepModel


class Retrainer(StepModel):
    """Trains a network by cross-entropy, with an auxiliary loss if it has one.

    The network starts from its random initialisation, or from the weights of
    a pretraining: nothing of the search but the genotype is used, and none of
    its weights. (In the search, weights serve a mixture of operations; they
    fit no single architecture.)

    Its batch is {"image": [B, H, W, 3], "label": [B]}.

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

    metric_keys = ("train_accuracy", "train_loss")

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
        super().__init__(weight_decay, clip_norm, name)
        if bool(auxiliary_weight) != network.auxiliary:
            raise ValueError(
                f"auxiliary_weight={auxiliary_weight} does not fit a network "
                f"with auxiliary={network.auxiliary}; set both or neither."
            )
        self.network = network
        self.auxiliary_weight = auxiliary_weight
        self.label_smoothing = label_smoothing
        self.class_weights = tuple(class_weights)
        # A trunk that is not to move sees what it would see in use.
        self.frozen = False
        self.built = True

    def call(self, batch, training=False):
        """Returns the network's logits for a batch."""
        return self.network(batch["image"], training=training)

    @property
    def mode(self) -> bool:
        """Whether the trunk is frozen, which takes another graph."""
        return self.frozen

    @property
    def moved_variables(self) -> list[keras.Variable]:
        """Those that a step moves: where the trunk is frozen, the heads'."""
        if not self.frozen:
            return self.trainable_variables
        trunk = {id(v) for v in self.network.trunk.trainable_variables}
        return [v for v in self.trainable_variables if id(v) not in trunk]

    def losses_and_metrics(self, data):
        """Returns the loss of each image, and whether it is taken right."""
        labels = data["label"]
        logits, auxiliary = self.network.call_with_auxiliary(
            data["image"], training=True, frozen=self.frozen
        )
        losses = self.losses(labels, logits)
        if auxiliary is not None:
            losses += self.auxiliary_weight * self.losses(labels, auxiliary)
        correct = tf.equal(tf.argmax(logits, -1, labels.dtype), labels)
        return losses, {"train_accuracy": tf.cast(correct, tf.float32)}

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
