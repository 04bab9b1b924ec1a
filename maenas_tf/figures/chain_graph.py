"""Pictures of chains of layers, read from top to bottom."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import FancyBboxPatch

from maenas_tf.figures import canvas
from maenas_tf.spaces import CellType, Genotype

# In inches, as are the axes.
_ROW = 0.36
_BOX_WIDTH, _BOX_HEIGHT = 1.8, 0.24
_TITLE, _MARGIN = 0.5, 0.3
_LEFT = 0.7


def is_chain(cell_type: CellType) -> bool:
    """Whether every node has one edge, from the node before it."""
    return all(
        edge.node == edge.source + 1 for edge in cell_type.edges
    ) and cell_type.num_edges == len(cell_type.nodes)


def draw_chain(genotype: Genotype, cell_type: str) -> np.ndarray:
    """Draws the layers of a genotype one below the other.

    Args:
        genotype: the architecture.
        cell_type: name of a cell type that is a chain.

    Returns:
        An image, uint8 [H, W, 3].
    """
    edges = genotype.cells[cell_type]
    width = _LEFT + _BOX_WIDTH + _MARGIN
    height = _TITLE + len(edges) * _ROW + _MARGIN
    figure = canvas.new_figure(max(width, 3.0), height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, max(width, 3.0))
    axes.set_ylim(0, height)
    axes.set_axis_off()
    canvas.title(figure, f"{len(edges)} layers, {genotype.space}")
    middle = _LEFT + _BOX_WIDTH / 2
    for row, edge in enumerate(edges):
        y = height - _TITLE - (row + 0.5) * _ROW
        color = canvas.primitive_color(edge.primitive)
        # Behind the box: the line to the next layer.
        axes.plot([middle, middle], [y, y - _ROW], color="#666666", zorder=1)
        axes.add_patch(
            FancyBboxPatch(
                (_LEFT, y - _BOX_HEIGHT / 2),
                _BOX_WIDTH,
                _BOX_HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor="white",
                edgecolor=color,
                linewidth=2.0,
                zorder=2,
            )
        )
        axes.text(
            middle, y, edge.primitive, ha="center", va="center", fontsize=9
        )
        axes.text(_LEFT - 0.2, y, str(row), ha="right", va="center", fontsize=9)
    return canvas.render(figure)
