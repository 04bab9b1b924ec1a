"""What a score is: a number for a candidate."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.registry import Registry
from maenas_tf.skeletons import NetworkSize
from maenas_tf.spaces import Genotype
from maenas_tf.spaces.architectures import EdgeWeights

SCORES: Registry = Registry("score")


class Score(abc.ABC):
    """Judges candidates; a selection proposes them and takes the best.

    Args:
        searcher: with the trained supernet, where the score needs it.
        batches: of the task, stacked, [batches, B, ...], such as those of
            `SearchImages.judging`, where the score needs images.
        size: of the network that a candidate would become.

    Attributes:
        column: what it is called in files.
        label: what it is called for people.
        higher_is_better: whether a higher number is better than a lower one.
        needs_supernet: whether candidates are judged inside a trained one.
        needs_images: whether images are shown to them.
        num_images: in all batches.
    """

    column: str
    label: str
    higher_is_better = False
    needs_supernet = False
    needs_images = False

    def __init__(
        self,
        searcher: keras.Model | None = None,
        batches: dict[str, tf.Tensor] | None = None,
        size: NetworkSize | None = None,
    ):
        self.searcher = searcher
        self.batches = batches
        self.size = size
        self.num_images = 0
        if batches is not None:
            count, size = tf.nest.flatten(batches)[0].shape[:2]
            self.num_images = count * size

    @abc.abstractmethod
    def __call__(
        self, weights: EdgeWeights, genotypes: Sequence[Genotype] = ()
    ) -> np.ndarray:
        """Returns the number of each of M candidates, [M].

        Args:
            weights: cell type to edge weights, [M, edges, primitives]; those
                of an architecture are zeros and ones (see
                `Architectures.edge_weights`).
            genotypes: of the candidates; empty where they are mixtures, such
                as perturbed supernets.
        """
