"""Adds a space: the cell of DARTS with three candidates of your own choice.

python -m docs.examples.add_space
"""

from __future__ import annotations

import sklearn.datasets

import maenas_tf as mn
from maenas_tf.spaces import SPACES, DartsSpace

CANDIDATES = ("skip_connect", "max_pool_3x3", "nor_conv_3x3")


def candidates(cell_type: str, edge: int) -> tuple[str, ...]:
    """Returns what may stand on an edge of a "normal" or "reduce" cell."""
    del edge
    # A reduction cell has no need of an identity.
    return CANDIDATES if cell_type == "normal" else CANDIDATES[1:]


SMALL = SPACES.register("small")(DartsSpace("small", candidates))


def main() -> mn.SearchResult:
    """Searches in the space, on 64 digits."""
    digits = sklearn.datasets.load_digits().images[:64, :, :, None] / 16
    result = mn.search(
        digits,
        space="small",
        image_size=16,
        patch_size=4,
        init_channels=2,
        num_cells=3,
        batch_size=16,
        epochs=1,
        warmup_epochs=0,
    )
    print(result.genotype)
    # All that works on a genotype works on this one.
    network = mn.build_network(
        result.genotype, num_classes=10, init_channels=2, num_cells=3
    )
    print(mn.count_parameters(network), "parameters")
    return result


if __name__ == "__main__":
    main()
