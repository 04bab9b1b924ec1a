"""Pictures of cells: a layered graph, drawn without any graph library.

The layout is a switchboard. Each operation owns a horizontal lane of its own,
and each node stands beside the lanes that enter it. A line leaves its source,
bends at once to the lane of its operation and then runs straight; lines
may cross, but none passes through a box or a label.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from maenas_tf.figures import canvas
from maenas_tf.figures.cell_layout import (
    BEND,
    BOX_WIDTH,
    INPUT_WIDTH,
    MARGIN,
    MERGE,
    RADIUS,
    Layout,
    lay_out,
)
from maenas_tf.figures.chain_graph import draw_chain, is_chain
from maenas_tf.spaces import SPACES, CellType, Genotype, GenotypeEdge

_BOX_HEIGHT = 0.32
_GREY = "#666666"


def draw_cell(genotype: Genotype, cell_type: str) -> np.ndarray:
    """Draws one cell of a genotype as a graph from left to right.

    A chain of layers is read from top to bottom instead.

    Inner nodes carry their number among the inner nodes, as in the papers,
    and below it their number among all nodes, as in the names of edges.

    Args:
        genotype: the architecture.
        cell_type: name of a cell type of its space ("normal", "cell", ...).

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: the genotype has no such cell type.
    """
    if cell_type not in genotype.cells:
        raise ValueError(
            f"`cell_type` {cell_type!r} is not in the genotype; it has "
            f"{', '.join(genotype.cells)}."
        )
    kind = SPACES.get(genotype.space).cell_type(cell_type)
    if is_chain(kind):
        return draw_chain(genotype, cell_type)
    edges = tuple(genotype.cells[cell_type])
    layout = lay_out(kind, edges)
    figure = canvas.new_figure(layout.width, layout.height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, layout.width)
    axes.set_ylim(0, layout.height)
    axes.set_axis_off()
    axes.text(
        MARGIN,
        layout.height - 0.3,
        f"{cell_type.removesuffix('cell')} cell, {genotype.space}".strip(),
        fontsize=12,
        weight="bold",
        va="center",
    )
    _draw_operations(axes, layout, edges)
    _draw_states(axes, layout, kind)
    return canvas.render(figure)


def _line(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    color: str,
    arrow: bool,
    style: str = "-",
) -> None:
    """Draws straight runs joined by S-shaped bends through points."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y0 == y1:
            vertices.append((x1, y1))
            codes.append(Path.LINETO)
        else:
            middle = (x0 + x1) / 2
            vertices += [(middle, y0), (middle, y1), (x1, y1)]
            codes += [Path.CURVE4] * 3
    axes.add_patch(
        FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>" if arrow else "-",
            mutation_scale=13,
            color=color,
            # Thick, as TensorBoard's thumbnails keep each third pixel.
            linewidth=2.4,
            linestyle=style,
            joinstyle="miter",
            zorder=1,
        )
    )


def _draw_operations(
    axes: Axes, layout: Layout, edges: Sequence[GenotypeEdge]
) -> None:
    """Draws the box of each operation and the lines to and from it."""
    for i, edge in enumerate(edges):
        color = canvas.primitive_color(edge.primitive)
        style = ":" if edge.primitive == "none" else "-"
        source_x, source_y = layout.states[edge.source]
        node_x, node_y = layout.states[edge.node]
        lane = layout.lanes[i]
        half = RADIUS if layout.depths[edge.source] else INPUT_WIDTH / 2
        left = node_x - RADIUS - MERGE - BOX_WIDTH
        right = left + BOX_WIDTH
        start = source_x + half
        way = [(start, source_y), (start + BEND, lane)]
        if left > start + BEND + 1e-6:
            way.append((left, lane))
        _line(axes, way, color, arrow=False, style=style)
        # Arrows end one above the other, not all in the same point.
        end_y = node_y + 0.22 * (lane - node_y)
        offset = abs(end_y - node_y) / RADIUS
        end_x = node_x - RADIUS * max(0.0, 1 - offset**2) ** 0.5
        _line(axes, [(right, lane), (end_x, end_y)], color, True, style)
        _box(axes, left + BOX_WIDTH / 2, lane, edge.primitive, color)


def _box(axes: Axes, x: float, y: float, text: str, color: str) -> None:
    """Draws the box of one operation around a centre."""
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX_WIDTH / 2, y - _BOX_HEIGHT / 2),
            BOX_WIDTH,
            _BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor="white",
            edgecolor=color,
            linewidth=2.2,
            linestyle=":" if text == "none" else "-",
            zorder=3,
        )
    )
    axes.text(x, y, text, ha="center", va="center", size=11, zorder=4)


def _draw_states(axes: Axes, layout: Layout, kind: CellType) -> None:
    """Draws inputs, nodes, the output and the lines into the output."""
    output_x, output_y = layout.states[-1]
    for node in kind.concat:
        x, y = layout.states[node]
        bend = output_x - INPUT_WIDTH / 2 - BEND
        way = [(x + RADIUS, y)]
        if bend > x + RADIUS + 1e-6:
            way.append((bend, y))
        way.append((output_x - INPUT_WIDTH / 2, output_y))
        _line(axes, way, _GREY, arrow=True)
    for state, (x, y) in layout.states.items():
        if state < kind.num_inputs:
            age = kind.num_inputs - state if state >= 0 else 0
            name = f"$c_{{k-{age}}}$" if age else "$c_{k}$"
            color = "#DCE9D5" if age else "#F6E3B5"
            note = f"node {state}" if age else _output_note(kind)
            _terminal(axes, x, y, name, note, color)
        else:
            number = state if kind.num_inputs == 1 else state - kind.num_inputs
            axes.add_patch(
                Circle((x, y), RADIUS, fc="#D6E4F5", ec=_GREY, zorder=3)
            )
            axes.text(
                x, y, str(number), ha="center", va="center", size=12, zorder=4
            )
            if number != state:
                _note(axes, x, y - RADIUS - 0.1, f"node {state}")


def _output_note(kind: CellType) -> str:
    """Says how the output is made."""
    return "concat" if len(kind.concat) > 1 else f"= node {kind.concat[0]}"


def _note(axes: Axes, x: float, y: float, text: str) -> None:
    """Writes a small grey remark."""
    axes.text(
        x, y, text, ha="center", va="center", size=7.5, color=_GREY, zorder=4
    )


def _terminal(
    axes: Axes, x: float, y: float, name: str, note: str, color: str
) -> None:
    """Draws the box of an input or of the output."""
    axes.add_patch(
        FancyBboxPatch(
            (x - INPUT_WIDTH / 2, y - 0.24),
            INPUT_WIDTH,
            0.48,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=color,
            edgecolor=_GREY,
            zorder=3,
        )
    )
    axes.text(x, y, name, ha="center", va="center", size=13, zorder=4)
    _note(axes, x, y - 0.34, note)
