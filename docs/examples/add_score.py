"""Adds a score: convolutions on the longest way through a cell.

It needs no trained supernet and looks at no image, so the search below trains
nothing.

    python -m docs.examples.add_score
"""

from __future__ import annotations

import numpy as np
import sklearn.datasets

import maenas_tf as mn
from maenas_tf.scores import SCORES, Score


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


def main() -> mn.SearchResult:
    """Selects by the score, within a limit on parameters."""
    digits = sklearn.datasets.load_digits().images[:64, :, :, None] / 16
    result = mn.search(
        digits,
        algorithm="training_free",
        score="depth",
        num_candidates=200,
        max_parameters=300_000,
        space="nasbench201",
        image_size=16,
    )
    print(result.genotype)
    return result


if __name__ == "__main__":
    main()
