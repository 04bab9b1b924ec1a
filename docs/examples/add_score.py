"""Adds a score, and a selection that takes the best by it.

The score counts the convolutions that an image passes on its longest way: it
needs neither a trained supernet nor images.

    python -m docs.examples.add_score
"""

from __future__ import annotations

import numpy as np
import sklearn.datasets

import maenas_tf as mn
from maenas_tf.scores import SCORES, Score
from maenas_tf.selection import SELECTIONS
from maenas_tf.selection.selection import Exhaustive


@SCORES.register("depth")
class Depth(Score):
    """Convolutions on the longest way through a cell of NAS-Bench-201."""

    column = "depth"
    label = "depth"
    higher_is_better = True

    def __call__(self, weights, genotypes=()):
        """Returns a number for each candidate, [M]."""
        del weights
        return np.array([self._depth(g.cells["cell"]) for g in genotypes])

    @staticmethod
    def _depth(edges) -> int:
        depth = {0: 0}
        for edge in edges:
            way = depth[edge.source] + ("conv" in edge.primitive)
            depth[edge.node] = max(way, depth.get(edge.node, 0))
        return depth[edges[-1].node]


@SELECTIONS.register("deepest")
class Deepest(Exhaustive):
    """Judges every architecture of the space by the score above."""

    score = "depth"


def main() -> mn.SearchResult:
    """Selects with the score, after a short search on 64 digits."""
    digits = sklearn.datasets.load_digits().images[:64, :, :, None] / 16
    result = mn.search(
        digits,
        selection="deepest",
        max_parameters=300_000,
        space="nasbench201",
        image_size=16,
        patch_size=4,
        init_channels=2,
        num_cells=1,
        batch_size=16,
        epochs=1,
    )
    print(result.genotype)
    return result


if __name__ == "__main__":
    main()
