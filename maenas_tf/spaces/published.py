"""Genotypes printed in papers, as facts to compare with.

DARTS_V1, DARTS_V2: Liu et al., "DARTS" (ICLR 2019), the cells of the first-
and second-order search on CIFAR-10.
PDARTS: Chen et al., "Progressive Differentiable Architecture Search" (ICCV
2019), searched on CIFAR-10; 3.4 M parameters (C=36, 20 cells).
PC_DARTS_cifar, PC_DARTS_image: Xu et al., "PC-DARTS" (ICLR 2020), searched
on CIFAR-10 (3.6 M parameters) and on ImageNet (5.3 M, C=48, 14 cells).
"""

from __future__ import annotations

# Importing the space registers it, which `from_dict` relies on.
from maenas_tf.spaces.darts import DARTS
from maenas_tf.spaces.genotype import Genotype
from maenas_tf.spaces.mobilenet import MOBILENET_32

# ProxylessNAS for phones: Cai et al. (ICLR 2019), 4.1 M parameters.
_PROXYLESS = (
    "5_3 3_3 - - ; 7_3 3_3 5_3 5_3 ; 7_6 5_3 5_3 5_3 ; "
    "5_6 5_3 5_3 5_3 ; 7_6 7_6 7_3 7_3 ; 7_6"
)
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
    "PDARTS": _darts(
        normal="skip_connect 0, dil_conv_3x3 1, "
        "skip_connect 0, sep_conv_3x3 1, "
        "sep_conv_3x3 1, sep_conv_3x3 3, "
        "sep_conv_3x3 0, dil_conv_5x5 4",
        reduce="avg_pool_3x3 0, sep_conv_5x5 1, "
        "sep_conv_3x3 0, dil_conv_5x5 2, "
        "max_pool_3x3 0, dil_conv_3x3 1, "
        "dil_conv_3x3 1, dil_conv_5x5 3",
    ),
    "PC_DARTS_cifar": _darts(
        normal="sep_conv_3x3 1, skip_connect 0, "
        "sep_conv_3x3 0, dil_conv_3x3 1, "
        "sep_conv_5x5 0, sep_conv_3x3 1, "
        "avg_pool_3x3 0, dil_conv_3x3 1",
        reduce="sep_conv_5x5 1, max_pool_3x3 0, "
        "sep_conv_5x5 1, sep_conv_5x5 2, "
        "sep_conv_3x3 0, sep_conv_3x3 3, "
        "sep_conv_3x3 1, sep_conv_3x3 2",
    ),
    "PC_DARTS_image": _darts(
        normal="skip_connect 1, sep_conv_3x3 0, "
        "sep_conv_3x3 0, skip_connect 1, "
        "sep_conv_3x3 1, sep_conv_3x3 3, "
        "sep_conv_3x3 1, dil_conv_5x5 4",
        reduce="sep_conv_3x3 0, skip_connect 1, "
        "dil_conv_5x5 2, max_pool_3x3 1, "
        "sep_conv_3x3 2, sep_conv_3x3 1, "
        "sep_conv_5x5 0, sep_conv_3x3 3",
    ),
    "PROXYLESS_MOBILE": Genotype.from_dict(
        {"space": MOBILENET_32.name, "arch": _PROXYLESS}
    ),
}

# What some were called here before; still read.
FORMER_NAMES = {
    "P_DARTS": "PDARTS",
    "PC_DARTS_CIFAR": "PC_DARTS_cifar",
    "PC_DARTS_IMAGENET": "PC_DARTS_image",
}
