"""Genotypes printed in papers, as facts to compare with.

Reference: Liu et al., "DARTS" (ICLR 2019); V1 is the cell of the first-order
search on CIFAR-10, V2 that of the second-order one.
"""

from __future__ import annotations

# Importing the space registers it, which `from_dict` relies on.
from maenas_tf.spaces.darts import DARTS
from maenas_tf.spaces.genotype import Genotype

_CONCAT = [2, 3, 4, 5]


def _darts(normal: str, reduce: str) -> Genotype:
    """Reads "primitive source" pairs, two a node in published order."""
    cells = {
        name: [
            [primitive, int(source)]
            for primitive, source in (pair.split() for pair in text.split(","))
        ]
        for name, text in (("normal", normal), ("reduce", reduce))
    }
    return Genotype.from_dict(
        {
            "space": DARTS.name,
            "normal": cells["normal"],
            "normal_concat": _CONCAT,
            "reduce": cells["reduce"],
            "reduce_concat": _CONCAT,
        }
    )


PUBLISHED: dict[str, Genotype] = {
    "DARTS_V1": _darts(
        normal="sep_conv_3x3 1, sep_conv_3x3 0, "
        "skip_connect 0, sep_conv_3x3 1, "
        "skip_connect 0, sep_conv_3x3 1, "
        "sep_conv_3x3 0, skip_connect 2",
        reduce="max_pool_3x3 0, max_pool_3x3 1, "
        "skip_connect 2, max_pool_3x3 0, "
        "max_pool_3x3 0, skip_connect 2, "
        "skip_connect 2, avg_pool_3x3 0",
    ),
    "DARTS_V2": _darts(
        normal="sep_conv_3x3 0, sep_conv_3x3 1, "
        "sep_conv_3x3 0, sep_conv_3x3 1, "
        "sep_conv_3x3 1, skip_connect 0, "
        "skip_connect 0, dil_conv_3x3 2",
        reduce="max_pool_3x3 0, max_pool_3x3 1, "
        "skip_connect 2, max_pool_3x3 1, "
        "max_pool_3x3 0, skip_connect 2, "
        "skip_connect 2, max_pool_3x3 1",
    ),
}
