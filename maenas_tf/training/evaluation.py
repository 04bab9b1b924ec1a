"""How good and how fast a network is."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import tensorflow as tf

from maenas_tf.engine.devices import present_strategy
from maenas_tf.engine.workers import Workers
from maenas_tf.models.network import Network


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network makes of labelled images.

    Attributes:
        num_images: how many.
        loss: mean cross-entropy, nats.
        top1: part of the images whose class is the likeliest one.
        top5: part whose class is among the five likeliest ones (1 where
            there are no more than five).
        confusion: int64 [K, K], images of class i taken for class j.
        losses: cross-entropy of each image, nats, [N].
        predicted: the likeliest class of each, [N].
        confidences: the probability that it is given, [N].
    """

    num_images: int
    loss: float
    top1: float
    top5: float
    confusion: np.ndarray
    losses: np.ndarray
    predicted: np.ndarray
    confidences: np.ndarray

    @property
    def class_accuracies(self) -> np.ndarray:
        """The part of each class's images taken for it, [K]; else NaN."""
        totals = self.confusion.sum(axis=1)
        right = np.diagonal(self.confusion)
        return np.where(totals > 0, right / np.maximum(totals, 1), np.nan)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes of which there are images."""
        return float(np.nanmean(self.class_accuracies))


class Evaluator:
    """Evaluates a network, on one device of each worker.

    Args:
        network: images, normalised, to logits.
        workers: that share out the images; None is this process alone.
    """

    def __init__(self, network: Network, workers: Workers | None = None):
        self.network = network
        self.workers = workers or Workers(present_strategy())
        size = network.image_size
        shape = (None, size, size, 3)
        self._logits = tf.function(
            lambda images: tf.cast(network(images, training=False), tf.float32),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
            autograph=False,
        )

    def __call__(self, dataset: tf.data.Dataset) -> Evaluation:
        """Evaluates the network on all batches.

        Args:
            dataset: of {"image": float32 [B, H, W, 3], "label": [B]}, this
                worker's part.

        Raises:
            ValueError: the dataset is empty.
        """
        logits = [np.zeros((0, self.network.num_classes), np.float32)]
        labels = [np.zeros(0, np.int64)]
        for batch in dataset:
            logits.append(self._logits(batch["image"]).numpy())
            labels.append(batch["label"].numpy())
        each = self.workers.join(np.concatenate(logits))
        if not len(each):
            raise ValueError("The dataset is empty; give at least one image.")
        return measure(each, self.workers.join(np.concatenate(labels)))

    def latency(self, batch_size: int, repeats: int = 20) -> float:
        """Measures the time of one inference.

        Args:
            batch_size: images at once.
            repeats: how many inferences; two more before them warm up.

        Returns:
            The median, in seconds, images in memory to logits in memory.
        """
        size = self.network.image_size
        images = tf.zeros((batch_size, size, size, 3))
        times = []
        for _ in range(repeats + 2):
            begin = time.perf_counter()
            self._logits(images).numpy()
            times.append(time.perf_counter() - begin)
        return float(np.median(times[2:]))


def inference_parameters(network: Network) -> int:
    """Counts the trainable parameters, without those of the auxiliary head."""
    parts = [network.trunk, network.head]
    weights = [v for part in parts for v in part.trainable_variables]
    return sum(math.prod(variable.shape) for variable in weights)


def measure(logits: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Compares logits with labels.

    Args:
        logits: [N, K]. Of equal ones the one of the lower class counts as
            the likelier.
        labels: class indices [N].
    """
    logits = np.asarray(logits, np.float64)
    rows = np.arange(len(labels))
    peaks = logits.max(axis=1, keepdims=True)
    sums = np.exp(logits - peaks).sum(axis=1)
    losses = np.log(sums) + peaks[:, 0] - logits[rows, labels]
    order = np.argsort(-logits, axis=1, kind="stable")
    hits = order == np.asarray(labels)[:, np.newaxis]
    num_classes = logits.shape[1]
    confusion = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(confusion, (labels, order[:, 0]), 1)
    return Evaluation(
        num_images=len(labels),
        loss=float(losses.mean()),
        top1=float(hits[:, 0].mean()),
        top5=float(hits[:, :5].any(axis=1).mean()),
        confusion=confusion,
        losses=losses,
        predicted=order[:, 0],
        confidences=1.0 / sums,
    )
