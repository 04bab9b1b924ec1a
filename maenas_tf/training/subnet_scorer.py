"""The loss of single architectures inside a supernet, on fixed images."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.data.held_out import part_dataset
from maenas_tf.data.image_set import ImageSet
from maenas_tf.search.architectures import EdgeWeights
from maenas_tf.training.searcher import Searcher


class SubnetScorer:
    """Gives the held-out task loss of architectures inside a supernet.

    All are judged on the same images, not augmented, with the same masks (or
    noise, rotations, ...): those of epoch 0. A candidate costs one forward
    pass; with `SinglePathOp` on the edges one of its own operations alone.
    All candidates go through the same graph, which is traced once.

    A pass leaves no trace: it changes no variable and draws no random number
    of the training. Normalisation is by the statistics of the batch, so that
    nothing needs to be calibrated for an architecture.

    Under several replicas the first one scores.

    Args:
        searcher: any searcher, at its weights as they are when called.
        images: the images.
        indices: of those to judge by; the rest of a last batch that is not
            full is left out.
        batch_size: images in a pass, if there are as many.
        seed: of masks and alike.
    """

    def __init__(
        self,
        searcher: Searcher,
        images: ImageSet,
        indices: np.ndarray,
        batch_size: int,
        seed: int,
    ):
        self.searcher = searcher
        batch_size = min(batch_size, len(indices))
        task = searcher.task
        dataset = part_dataset(
            images,
            indices,
            example_map=task.map,
            batch_size=batch_size,
            seed=seed,
            epoch=0,
            augment=False,
            with_labels=task.reads_labels,
            shuffle=False,
        )
        batches = list(dataset)
        self.num_images = batch_size * len(batches)
        # [batches, B, ...]: the graph takes one after the other.
        self._batches = tf.nest.map_structure(
            lambda *parts: tf.stack(parts), *batches
        )
        self._num_batches = len(batches)
        self._losses = tf.function(
            self._all_losses, input_signature=[self._signature()]
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

    def __call__(self, weights: EdgeWeights) -> np.ndarray:
        """Returns the mean loss of each candidate, [M], float32.

        Args:
            weights: cell type to edge weights [M, edges, primitives]; those
                of a single architecture are zeros and ones (see
                `Architectures.edge_weights`).
        """
        tensors = {
            kind: tf.convert_to_tensor(array, tf.float32)
            for kind, array in weights.items()
        }
        return self._losses(tensors).numpy()

    @tf.autograph.experimental.do_not_convert
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
            batch = tf.nest.map_structure(lambda x: x[number], self._batches)
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
