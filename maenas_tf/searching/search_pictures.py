"""The pictures of a search: its cells, its alphas, its reconstructions."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.figures import plots
from maenas_tf.recording.history import History
from maenas_tf.runs import files
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.searching.search_images import SearchImages
from maenas_tf.searching.searcher import Searcher
from maenas_tf.spaces import Genotype, Space
from maenas_tf.spaces.architectures import Architectures, EdgeWeights


class SearchPictures:
    """Draws what the run directory and TensorBoard both show.

    Args:
        space: that is searched.
        searcher: that is trained.
        data: supplies the images to reconstruct.
        history: holds the alphas of the epochs.
        run_directory: takes the pictures.
    """

    def __init__(
        self,
        space: Space,
        searcher: Searcher,
        data: SearchImages,
        history: History,
        run_directory: RunDirectory,
    ):
        self.space = space
        self.searcher = searcher
        self.data = data
        self.history = history
        self.run_directory = run_directory

    def draw(self, genotype: Genotype | None) -> dict[str, np.ndarray]:
        """Draws an epoch; returns the pictures for TensorBoard.

        Args:
            genotype: of the epoch; None where there is none before the end.

        Returns:
            Tag to image, uint8 [H, W, 3].
        """
        images, histories = {}, self.history.stacked_arrays()
        for cell_type in self.space.cell_types:
            name = cell_type.name
            if genotype is not None:
                picture = plots.draw_cell(genotype, name)
                self._write(files.cell_plot(name), picture)
            if f"weights_{name}" in histories:
                images[f"alpha_history/{name}"] = plots.draw_alpha_history(
                    histories[f"weights_{name}"], cell_type
                )
        if images:
            picture = plots.stack_images(list(images.values()))
            self._write(files.ALPHAS_PLOT, picture)
        reconstructions = self._reconstruct(genotype)
        if reconstructions is not None:
            picture = plots.draw_reconstructions(*reconstructions)
            self._write(files.RECONSTRUCTIONS_PLOT, picture)
            images["reconstructions"] = picture
        return images

    def _write(self, name: str, picture: np.ndarray) -> None:
        self.run_directory.write_bytes(name, plots.png_bytes(picture))

    def _reconstruct(
        self, genotype: Genotype | None
    ) -> tuple[np.ndarray, ...] | None:
        """Returns inputs, outputs and originals of the same few images.

        By the mixture of all candidates or, without alphas, by the genotype
        or an architecture of the training's. No variable changes.
        """
        batch, weights = self.data.preview(), None
        if not self.searcher.alpha_variables:
            weights = self._shown_weights(genotype)
        # What the pass assigns, such as counters, ends with the scope.
        with keras.StatelessScope():
            outputs = self.searcher(batch, edge_weights=weights)
            shown = self.searcher.task.preview(batch, outputs)
        if shown is None:
            return None
        mean, std = self.data.images.mean, self.data.images.std
        return tuple(np.clip(x.numpy() * std + mean, 0.0, 1.0) for x in shown)

    def _shown_weights(self, genotype: Genotype | None) -> EdgeWeights:
        if genotype is None:
            return self.searcher.draw(tf.constant(0, tf.int64))
        architectures = Architectures(self.space)
        choices = [architectures.choice(genotype)]
        weights = architectures.edge_weights(choices)
        return {kind: tf.constant(array[0]) for kind, array in weights.items()}
