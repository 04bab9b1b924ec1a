"""How the architecture weights moved, as one panel an edge."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from maenas_tf.figures import canvas
from maenas_tf.spaces import CellType, Edge

_MOST_GRID_COLUMNS = 6


def draw_alpha_history(history: np.ndarray, cell_type: CellType) -> np.ndarray:
    """Draws how the weights of each edge moved: a panel an edge.

    Panels stand in a row for each node and a column for each source.

    Args:
        history: softmaxed weights, [epochs, edges, max_primitives].
        cell_type: the cell type.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: the shape does not fit, or there is no epoch.
    """
    history = canvas.check_weights("history", history, cell_type, rank=3)
    if not len(history):
        raise ValueError("`history` has no epoch; draw it after the first.")
    places, rows, columns = _panel_places(cell_type)
    figure = canvas.new_figure(2.6 * columns + 0.6, 1.75 * rows + 0.9)
    axes = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False
    )
    top = 1.05 * max(np.nanmax(history), 0.01)
    for row in axes:
        for panel in row:
            panel.set_axis_off()
    for edge in cell_type.edges:
        panel = axes[places[edge.index]]
        panel.set_axis_on()
        _draw_panel(panel, history[:, edge.index], edge)
        panel.set_ylim(0, top)
    _label_panels(axes, places)
    _legend(figure, cell_type)
    figure.subplots_adjust(
        left=0.06,
        right=0.98,
        bottom=0.55 / figure.get_figheight(),
        top=1 - 0.9 / figure.get_figheight(),
        hspace=0.35,
        wspace=0.1,
    )
    return canvas.render(figure)


def _panel_places(
    cell_type: CellType,
) -> tuple[dict[int, tuple[int, int]], int, int]:
    """Returns the panel of each edge, and the rows and columns needed."""
    edges = cell_type.edges
    columns = max(edge.source for edge in edges) + 1
    if columns <= _MOST_GRID_COLUMNS:
        places = {
            edge.index: (edge.node - cell_type.num_inputs, edge.source)
            for edge in edges
        }
        if len(set(places.values())) == len(edges):
            return places, cell_type.num_nodes, columns
    columns = min(_MOST_GRID_COLUMNS, len(edges))
    places = {e.index: divmod(e.index, columns) for e in edges}
    return places, -(-len(edges) // columns), columns


def _draw_panel(panel: Axes, values: np.ndarray, edge: Edge) -> None:
    """Draws one edge: values of shape [epochs, max_primitives]."""
    epochs = np.arange(len(values))
    for column, primitive in enumerate(edge.primitives):
        panel.plot(
            epochs,
            values[:, column],
            color=canvas.primitive_color(primitive),
            linestyle=":" if primitive == "none" else "-",
            linewidth=1.6,
            marker="o" if len(values) == 1 else None,
            markersize=4,
        )
    panel.set_title(canvas.edge_label(edge), size=9, pad=2)
    panel.tick_params(labelsize=8)
    panel.grid(color="#E5E5E5", linewidth=0.7)
    panel.spines[["top", "right"]].set_visible(False)


def _label_panels(axes: np.ndarray, places: dict[int, tuple[int, int]]) -> None:
    """Writes tick labels only where no panel follows."""
    taken = set(places.values())
    for row, column in taken:
        panel = axes[row, column]
        lowest = (row + 1, column) not in taken
        first = (row, column - 1) not in taken
        panel.tick_params(labelbottom=lowest, labelleft=first)
        panel.xaxis.get_major_locator().set_params(integer=True)
        if lowest:
            panel.set_xlabel("epoch", size=8)
        if first:
            panel.set_ylabel("weight", size=8)


def _legend(figure: Figure, cell_type: CellType) -> None:
    """Writes title and legend above the panels."""
    names = canvas.primitives_of(cell_type.edges)
    lines = [
        Line2D(
            [],
            [],
            color=canvas.primitive_color(name),
            linestyle=":" if name == "none" else "-",
            linewidth=2.5,
        )
        for name in names
    ]
    canvas.title(figure, f"architecture weights by epoch, {cell_type.name}")
    figure.legend(
        lines,
        names,
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.3 / figure.get_figheight()),
        ncols=min(8, len(names)),
        fontsize=9,
        frameon=False,
        columnspacing=1.2,
        handlelength=1.6,
    )
