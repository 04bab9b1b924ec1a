"""Where the parts of a cell's picture stand."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from maenas_tf.spaces import CellType, GenotypeEdge

# In inches, as are the axes.
LANE = 0.46
BAND_GAP = 0.3
MARGIN = 0.35
TITLE = 0.45
INPUT_WIDTH = 0.9
BEND = 0.85
BOX_WIDTH = 1.4
MERGE = 0.55
RADIUS = 0.27
_MOST_PERMUTED = 6


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where things stand: states (nodes and inputs), lanes, columns."""

    states: dict[int, tuple[float, float]]
    lanes: dict[int, float]
    depths: dict[int, int]
    width: float
    height: float


def _depths(kind: CellType, edges: Sequence[GenotypeEdge]) -> dict[int, int]:
    """Returns the longest way from an input to each state, in edges."""
    depths = dict.fromkeys(range(kind.num_inputs), 0)
    for node in kind.nodes:
        sources = [edge.source for edge in edges if edge.node == node]
        depths[node] = 1 + max((depths[s] for s in sources), default=0)
    return depths


def _bands(
    order: Sequence[int], edges: Sequence[GenotypeEdge]
) -> tuple[dict[int, float], float]:
    """Stacks the nodes' bands of lanes; returns centres and the height."""
    centres, bottom = {}, 0.0
    for node in reversed(order):
        lanes = max(1, sum(edge.node == node for edge in edges))
        centres[node] = bottom + lanes * LANE / 2
        bottom += lanes * LANE + BAND_GAP
    return centres, bottom - BAND_GAP


def _input_heights(count: int, height: float) -> dict[int, float]:
    """Spreads the inputs over the height, the oldest on top."""
    return {i: height * (count - i - 0.5) / count for i in range(count)}


def _best_order(
    kind: CellType, edges: Sequence[GenotypeEdge]
) -> tuple[int, ...]:
    """Returns the order of nodes, from top, with the shortest bends."""
    nodes = tuple(kind.nodes)
    if len(nodes) > _MOST_PERMUTED:
        return nodes

    def bends(order: tuple[int, ...]) -> float:
        heights, total = _bands(order, edges)
        heights |= _input_heights(kind.num_inputs, total)
        return sum(
            (heights[edge.source] - heights[edge.node]) ** 2 for edge in edges
        )

    return min(itertools.permutations(nodes), key=bends)


def _column(depth: int) -> float:
    """Returns the horizontal centre of the states of a depth."""
    if depth == 0:
        return MARGIN + INPUT_WIDTH / 2
    step = BEND + BOX_WIDTH + MERGE + 2 * RADIUS
    return MARGIN + INPUT_WIDTH + depth * step - RADIUS


def lay_out(kind: CellType, edges: Sequence[GenotypeEdge]) -> Layout:
    """Places states and lanes."""
    depths = _depths(kind, edges)
    heights, total = _bands(_best_order(kind, edges), edges)
    heights |= _input_heights(kind.num_inputs, total)
    lanes = {}
    for node in kind.nodes:
        into = [i for i, edge in enumerate(edges) if edge.node == node]
        into.sort(key=lambda i: -heights[edges[i].source])
        for rank, i in enumerate(into):
            lanes[i] = heights[node] + ((len(into) - 1) / 2 - rank) * LANE
    states = {
        state: (_column(depth), heights[state] + MARGIN)
        for state, depth in depths.items()
    }
    last = max(depths.values())
    width = _column(last) + RADIUS + BEND + INPUT_WIDTH + MARGIN
    states[-1] = (width - MARGIN - INPUT_WIDTH / 2, total / 2 + MARGIN)
    lanes = {i: height + MARGIN for i, height in lanes.items()}
    return Layout(states, lanes, depths, width, total + MARGIN + TITLE + 0.2)
