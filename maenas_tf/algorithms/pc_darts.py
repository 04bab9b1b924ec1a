"""PC-DARTS: Xu et al., "PC-DARTS: Partial Channel Connections for
Memory-Efficient Architecture Search" (2020).

Only 1/K of the channels pass through the candidates of an edge, the others
bypass them, which takes about 1/K of the memory. As another part of the
channels would favour other candidates, the choice between the edges of a node
has parameters of its own: edge (i, j) with candidate o weighs

    softmax over o (alpha_ij) * softmax over i (beta_ij).
"""

from __future__ import annotations

import dataclasses

from etils import epy

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.config import AT_LEAST_ONE, Config, setting
from maenas_tf.spaces import CellType

with epy.lazy_imports():
    import keras
    import tensorflow as tf

    from maenas_tf.models import alphas
    from maenas_tf.ops import partial_channels


@dataclasses.dataclass(frozen=True)
class PcDartsSettings(Config):
    """How much of an edge is searched."""

    partial_channels: int = setting(
        4,
        "K: one channel of so many passes through the candidates of an edge",
        AT_LEAST_ONE,
    )


@ALGORITHMS.register("pc_darts")
class PcDarts(Algorithm):
    """DARTS on a part of the channels, with weights of the edges."""

    settings = PcDartsSettings()
    warmup_fraction = 0.3
    needs_cells = True

    def parameters(self, space):
        betas = {
            f"betas_{kind.name}": alphas.Parameter(
                (kind.num_edges,),
                keras.initializers.RandomNormal(stddev=1e-3),
                edges_of=kind.name,
            )
            for kind in space.cell_types
        }
        return {**super().parameters(space), **betas}

    def edge_weights(self, values, cell_type):
        weights = super().edge_weights(values, cell_type)
        scales = softmax_by_node(values[f"betas_{cell_type.name}"], cell_type)
        return weights * scales[:, tf.newaxis]

    def make_edge(self, stage, architecture, *args, **kwargs):
        return partial_channels.PartialChannelsOp(
            *args, parts=self.settings.partial_channels, **kwargs
        )


def softmax_by_node(betas: tf.Tensor, cell_type: CellType) -> tf.Tensor:
    """Returns softmax over the edges that enter the same node, [edges]."""
    each, scales = tf.unstack(betas), {}
    for node in cell_type.nodes:
        rows = [edge.index for edge in cell_type.edges_into(node)]
        softmax = tf.nn.softmax(tf.stack([each[row] for row in rows]))
        scales.update(zip(rows, tf.unstack(softmax), strict=True))
    return tf.stack([scales[row] for row in range(len(each))])
