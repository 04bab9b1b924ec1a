"""Pictures of a search: cells, architecture weights, reconstructions.

Every function returns an image, uint8 [H, W, 3], and leaves no state behind
(no pyplot); `png_bytes` is the file of one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from maenas_tf.figures import canvas
from maenas_tf.figures.alpha_history import draw_alpha_history
from maenas_tf.figures.canvas import png_bytes, stack_images
from maenas_tf.figures.cell_graph import draw_cell
from maenas_tf.figures.confusion import draw_confusion
from maenas_tf.spaces import CellType

__all__ = [
    "draw_alpha_history",
    "draw_alphas",
    "draw_cell",
    "draw_confusion",
    "draw_reconstructions",
    "png_bytes",
    "stack_images",
]

_MOST_RECONSTRUCTIONS = 8


def draw_alphas(weights: np.ndarray, cell_type: CellType) -> np.ndarray:
    """Draws the architecture weights of one cell type as a heat map.

    A row is an edge, a column a primitive; the largest weight of a row is
    framed, and a primitive that an edge does not offer is left blank.

    Args:
        weights: softmaxed weights, [edges, max_primitives]; the columns of
            row e follow `cell_type.edges[e].primitives`.
        cell_type: the cell type.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: the shape of `weights` does not fit the cell type.
    """
    weights = canvas.check_weights("weights", weights, cell_type, rank=2)
    names = canvas.primitives_of(cell_type.edges)
    table = np.full((cell_type.num_edges, len(names)), np.nan)
    for row, edge in enumerate(cell_type.edges):
        for column, name in enumerate(edge.primitives):
            table[row, names.index(name)] = weights[row, column]
    rows, columns = table.shape
    # Of the figure, in inches; the table is 0.95 x 0.36 a field.
    width, height = 1.6 + 0.95 * columns, 1.3 + 0.36 * rows
    figure = canvas.new_figure(width, height)
    left, bottom = 0.95 / width, 0.15 / height
    axes = figure.add_axes(
        (left, bottom, 0.95 * columns / width, 0.36 * rows / height)
    )
    # Uniform weights should look pale at the start, not saturated.
    limit = max(2.0 / cell_type.max_primitives, np.nanmax(table))
    axes.imshow(table, cmap="Blues", vmin=0, vmax=limit, aspect="auto")
    _write_values(axes, table, limit)
    _label_table(axes, names, [canvas.edge_label(e) for e in cell_type.edges])
    canvas.title(figure, f"architecture weights, {cell_type.name}")
    return canvas.render(figure)


def _label_table(axes: Axes, columns: Sequence[str], rows: Sequence[str]):
    """Names rows and columns and draws white lines between the fields."""
    axes.set_xticks(
        range(len(columns)),
        columns,
        rotation=25,
        ha="left",
        rotation_mode="anchor",
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylabel("edge (source → node)")
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write_values(axes: Axes, table: np.ndarray, limit: float) -> None:
    """Prints each value into its field and frames the largest of a row."""
    best = np.nanargmax(table, axis=1)
    for (row, column), value in np.ndenumerate(table):
        if np.isnan(value):
            continue
        largest = column == best[row]
        axes.text(
            column,
            row,
            f"{value:.3f}",
            ha="center",
            va="center",
            size=9,
            weight="bold" if largest else "normal",
            color="white" if value > 0.6 * limit else "black",
            bbox={
                "boxstyle": "round,pad=0.25",
                "facecolor": "none",
                "edgecolor": "#D55E00" if largest else "none",
                "linewidth": 1.4,
            },
        )


def draw_reconstructions(
    inputs: np.ndarray, outputs: np.ndarray, originals: np.ndarray
) -> np.ndarray:
    """Draws masked inputs, reconstructions and originals, a row each.

    Args:
        inputs: what the network saw, [n, H, W, 3] in 0..1.
        outputs: what it made of it, same shape; clipped to 0..1.
        originals: the truth, same shape.

    Returns:
        An image, uint8 [H', W', 3], of the first eight examples at most.

    Raises:
        ValueError: shapes differ, or there is no example.
    """
    stacks = [np.asarray(x, np.float64) for x in (inputs, outputs, originals)]
    shape = stacks[0].shape
    if len(shape) != 4 or shape[-1] != 3 or not shape[0]:
        raise ValueError(
            f"`inputs` must have the shape [n, H, W, 3] with n > 0, received "
            f"{list(shape)}."
        )
    if any(stack.shape != shape for stack in stacks):
        raise ValueError(
            f"`inputs`, `outputs` and `originals` must have one shape, "
            f"received {[list(stack.shape) for stack in stacks]}."
        )
    count = min(shape[0], _MOST_RECONSTRUCTIONS)
    figure = canvas.new_figure(1.25 * max(count, 2) + 0.2, 4.8)
    axes = figure.subplots(3, count, squeeze=False)
    titles = ("input", "reconstruction", "original")
    for row, (stack, title) in enumerate(zip(stacks, titles, strict=True)):
        for column in range(count):
            panel = axes[row, column]
            panel.imshow(
                np.clip(np.nan_to_num(stack[column]), 0, 1),
                interpolation="nearest",
            )
            panel.set_axis_off()
        axes[row, 0].set_title(title, loc="left", size=10, pad=4)
    figure.subplots_adjust(0.02, 0.02, 0.98, 0.93, wspace=0.06, hspace=0.2)
    return canvas.render(figure)
