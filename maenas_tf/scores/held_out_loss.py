"""The loss of single architectures inside a supernet, on fixed images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from etils import epy

from maenas_tf.scores.score import SCORES, Score
from maenas_tf.spaces import Genotype
from maenas_tf.spaces.architectures import EdgeWeights

with epy.lazy_imports():
    import keras
    import tensorflow as tf


@SCORES.register("loss")
class HeldOutLoss(Score):
    """Gives the held-out task loss of architectures inside a supernet.

    All are judged on the same images with the same masks (or noise,
    rotations, ...). A candidate costs one forward
    pass; with `SinglePathOp` on the edges one of its own operations alone.
    All candidates go through the same graph, which is traced once.

    A pass leaves no trace: it changes no variable and draws no random number
    of the training. Normalisation is by the statistics of the batch, so that
    nothing needs to be calibrated for an architecture.

    Under several replicas the first one scores.

    Args: as `Score`; the searcher is at its weights as they are when called.
    """

    column = "held_out_loss"
    label = "held-out loss"
    needs_supernet = True
    needs_images = True

    def __init__(self, searcher, batches, size=None, start=None):
        super().__init__(searcher, batches, size, start)
        self._num_batches = tf.nest.flatten(batches)[0].shape[0]
        self._losses = tf.function(
            self._all_losses,
            input_signature=[self._signature()],
            autograph=False,
        )

    def _signature(self):
        return {
            kind.name: tf.TensorSpec(
                (None, kind.num_edges, kind.max_primitives),
                tf.float32,
                kind.name,
            )
            for kind in self.searcher.supernet.space.cell_types
        }

    def __call__(
        self, weights: EdgeWeights, genotypes: Sequence[Genotype] = ()
    ) -> np.ndarray:
        """Returns the mean loss of each candidate, [M], float32."""
        del genotypes
        tensors = {
            kind: tf.convert_to_tensor(array, tf.float32)
            for kind, array in weights.items()
        }
        return self._losses(tensors).numpy()

    def _all_losses(self, weights):
        count = tf.shape(next(iter(weights.values())))[0]
        results = tf.TensorArray(tf.float32, count)

        def one_more(index, results):
            candidate = {kind: w[index] for kind, w in weights.items()}
            total = self._total_loss(candidate)
            return index + 1, results.write(index, total / self.num_images)

        _, results = tf.while_loop(
            lambda index, _: index < count,
            one_more,
            (0, results),
            parallel_iterations=1,
        )
        return results.stack()

    def _total_loss(self, weights):
        """Returns the sum of the losses of all images."""

        def add(number, total):
            batch = tf.nest.map_structure(lambda x: x[number], self.batches)
            # What the pass assigns, such as counters, ends with the scope.
            with keras.StatelessScope():
                outputs = self.searcher(batch, edge_weights=weights)
                losses = self.searcher.task.losses(batch, outputs)
            losses = tf.cast(losses, tf.float32)
            return number + 1, total + tf.reduce_sum(losses)

        _, total = tf.while_loop(
            lambda number, _: number < self._num_batches,
            add,
            (0, 0.0),
            parallel_iterations=1,
        )
        return total
