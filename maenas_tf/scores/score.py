"""What a score is: a number for a candidate."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np
from etils import epy

from maenas_tf.registry import Registry
from maenas_tf.scores.together import judge_together
from maenas_tf.skeletons import NetworkCosts, NetworkSize
from maenas_tf.spaces import Genotype
from maenas_tf.spaces.architectures import EdgeWeights

# What the flags list must not wait for TensorFlow.
with epy.lazy_imports():
    import keras
    import tensorflow as tf

    from maenas_tf.scores import start as starts

SCORES: Registry = Registry("score")


class Score(abc.ABC):
    """Judges candidates; a selection proposes them and takes the best.

    Args:
        searcher: with the trained supernet, where the score needs it.
        batches: of the task, stacked, [batches, B, ...], such as those of
            `SearchImages.judging`, where the score needs images.
        size: of the network that a candidate would become.
        start: the networks of candidates, where the score looks at them
            before any training.

    Attributes:
        column: what it is called in files.
        label: what it is called for people.
        higher_is_better: whether a higher number is better than a lower one.
        needs_supernet: whether candidates are judged inside a trained one.
        needs_images: whether images of the task are shown to them.
        needs_start: whether a network is looked at as it is initialised.
        num_images: in all batches.
    """

    column: str
    label: str
    higher_is_better = False
    needs_supernet = False
    needs_images = False
    needs_start = False

    def __init__(
        self,
        searcher: keras.Model | None = None,
        batches: dict[str, tf.Tensor] | None = None,
        size: NetworkSize | None = None,
        start: starts.Start | None = None,
    ):
        self.searcher = searcher
        self.batches = batches
        self.size = size
        self.start = start
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


class StartScore(Score):
    """A score of a network as it is initialised, before any training."""

    needs_start = True

    def __call__(
        self, weights: EdgeWeights, genotypes: Sequence[Genotype] = ()
    ) -> np.ndarray:
        """Returns the number of each of M candidates, [M]."""
        del weights
        return judge_together(self.start, [self.of], genotypes)[:, 0]

    @abc.abstractmethod
    def of(self, candidate: starts.Candidate) -> float:
        """Returns the number of a candidate, always finite.

        A function of the candidate alone: several are judged at a time, by
        threads.
        """


class CostScore(Score):
    """A score that is read off the plan of the network, at no cost."""

    higher_is_better = True

    def __call__(
        self, weights: EdgeWeights, genotypes: Sequence[Genotype] = ()
    ) -> np.ndarray:
        """Returns the number of each of M candidates, [M]."""
        del weights
        costs: dict[str, NetworkCosts] = {}
        found = []
        for genotype in genotypes:
            space = genotype.space
            if space not in costs:
                costs[space] = NetworkCosts(space, self.size)
            found.append(getattr(costs[space].network(genotype), self.column))
        return np.array(found, np.float64)
