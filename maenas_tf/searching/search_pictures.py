"""The pictures of a search: its cells, its alphas, its reconstructions."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.figures import plots
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
        run_directory: holds the alphas of the epochs; takes the pictures.
    """

    def __init__(
        self,
        space: Space,
        searcher: Searcher,
        data: SearchImages,
        run_directory: RunDirectory,
    ):
        self.space = space
        self.searcher = searcher
        self.data = data
        self.run_directory = run_directory

    def draw(self, genotype: Genotype | None) -> dict[str, np.ndarray]:
        """Draws an epoch; returns the pictures for TensorBoard.

        Args:
            genotype: of the epoch; None where there is none before the end.

        Returns:
            Tag to image, uint8 [H, W, 3].
        """
        directory = self.run_directory.subdirectory("plots")
        images, histories = {}, self.run_directory.stacked_arrays()
        for cell_type in self.space.cell_types:
            name = cell_type.name
            if genotype is not None:
                picture = plots.draw_cell(genotype, name)
                plots.save_png(picture, directory / f"cell_{name}.png")
            if f"weights_{name}" in histories:
                images[f"alpha_history/{name}"] = plots.draw_alpha_history(
                    histories[f"weights_{name}"], cell_type
                )
        if images:
            picture = plots.stack_images(list(images.values()))
            plots.save_png(picture, directory / "alphas.png")
        reconstructions = self._reconstruct(genotype)
        if reconstructions is not None:
            picture = plots.draw_reconstructions(*reconstructions)
            plots.save_png(picture, directory / "reconstructions.png")
            images["reconstructions"] = picture
        return images

    def _reconstruct(
        self, genotype: Genotype | None
    ) -> tuple[np.ndarray, ...] | None:
        """Returns inputs, outputs and originals of the same few images.

        By the mixture of all candidates or, without alphas, by the genotype
        or an architecture of the training's.
        """
        batch, weights = self.data.preview(), None
        if not self.searcher.alpha_variables:
            weights = self._shown_weights(genotype)
        shown = self.searcher.task.preview(
            batch, self.searcher(batch, edge_weights=weights)
        )
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
