"""`DartsSpace`: cells with two inputs, and the space of DARTS itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from maenas_tf.spaces.genotype import Genotype, GenotypeEdge
from maenas_tf.spaces.known import SPACES
from maenas_tf.spaces.space import (
    NONE,
    CellType,
    Edge,
    Space,
    check_fields,
)

# The order is part of the definition: it is that of the alphas' columns.
PRIMITIVES = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
NORMAL = "normal"
REDUCE = "reduce"
NUM_INPUTS = 2
NUM_NODES = 4
EDGES_PER_NODE = 2
NUM_CHOSEN = EDGES_PER_NODE * NUM_NODES


class DartsSpace(Space):
    """A space of normal and reduction cells wired as in DARTS.

    A cell has the outputs of the two cells before it as nodes 0 and 1 and
    four inner nodes; node i may draw on all earlier nodes, which makes 14
    edges: (2<-0), (2<-1), (3<-0), ... (5<-4). A genotype keeps two edges
    into each inner node. Edges from the two inputs of a reduction cell have
    stride 2.

    Args:
        name: of the space.
        primitives: candidates of an edge, given the name of its cell type
            and its index.

    Reference: Liu et al., "DARTS" (ICLR 2019), sections 2.1 and 2.4.
    """

    skeleton = "darts"
    edges_per_node = EDGES_PER_NODE

    def __init__(
        self, name: str, primitives: Callable[[str, int], tuple[str, ...]]
    ):
        cell_types = tuple(
            _cell_type(cell_name, primitives) for cell_name in (NORMAL, REDUCE)
        )
        super().__init__(name, cell_types)

    def derive(self, weights: Mapping[str, np.ndarray]) -> Genotype:
        """Keeps two edges into each node and one primitive on each.

        A node's incoming edges are ranked by their strongest primitive other
        than `none`; the best two stay, each with that primitive. Ties go to
        the lower index. The columns of an edge are those of its *own*
        primitives, so `none` is looked up on the edge itself.

        Args:
            weights: "normal" and "reduce", each [14, max_primitives], after
                the softmax.

        Returns:
            The genotype; sources ascend within a node.

        Raises:
            ValueError: a matrix is missing, misshapen or not a number.
        """
        matrices = self._checked_weights(weights)
        cells = {
            cell_type.name: tuple(
                edge
                for node in cell_type.nodes
                for edge in _strongest_edges(
                    cell_type.edges_into(node), matrices[cell_type.name]
                )
            )
            for cell_type in self.cell_types
        }
        return Genotype(self.name, cells)

    def random_genotype(self, rng: np.random.Generator) -> Genotype:
        """Draws two sources a node and a primitive other than `none`."""
        cells = {}
        for cell_type in self.cell_types:
            chosen = []
            for node in cell_type.nodes:
                edges = cell_type.edges_into(node)
                picks = rng.choice(len(edges), EDGES_PER_NODE, replace=False)
                for pick in sorted(picks):
                    choices = self._choices(edges[pick])
                    primitive = choices[rng.integers(len(choices))]
                    chosen.append(
                        GenotypeEdge(primitive, edges[pick].source, node)
                    )
            cells[cell_type.name] = tuple(chosen)
        return Genotype(self.name, cells)

    def genotype_to_dict(self, genotype: Genotype) -> dict[str, Any]:
        """Returns lists of [primitive, source], two a node, and concats.

        A cell in which a node has fewer edges has lists of [primitive,
        source, node], and concatenates the nodes that have any.
        """
        values: dict[str, Any] = {"space": self.name}
        for cell_type in self.cell_types:
            name, edges = cell_type.name, genotype.cells[cell_type.name]
            whole = len(edges) == NUM_CHOSEN
            values[name] = [
                [edge.primitive, edge.source, *(() if whole else (edge.node,))]
                for edge in edges
            ]
            live = genotype.live_nodes(name, cell_type.concat)
            values[f"{name}_concat"] = list(live)
        return values

    def genotype_from_dict(self, values: Mapping[str, Any]) -> Genotype:
        """Reads what `genotype_to_dict` returns."""
        names = [cell_type.name for cell_type in self.cell_types]
        fields = [(name, f"{name}_concat") for name in names]
        check_fields(self.name, values, ("space", *sum(fields, ())))
        cells = {name: _read_edges(name, values[name]) for name in names}
        genotype = Genotype(self.name, cells)
        for cell_type in self.cell_types:
            concat = values[f"{cell_type.name}_concat"]
            live = genotype.live_nodes(cell_type.name, cell_type.concat)
            if not isinstance(concat, (list, tuple)) or tuple(concat) != live:
                raise ValueError(
                    f"{cell_type.name}_concat={concat!r} is not supported: "
                    f"the space {self.name!r} concatenates the nodes that "
                    f"have an edge, here {list(live)}."
                )
        return genotype

    def genotype_to_string(self, genotype: Genotype) -> str:
        """Returns `genotype.json` in one line."""
        return json.dumps(self.genotype_to_dict(genotype))

    def _choices(self, edge: Edge) -> tuple[str, ...]:
        return tuple(name for name in edge.primitives if name != NONE)

    def _check_counts(
        self, cell_type: CellType, edges: tuple[GenotypeEdge, ...]
    ) -> None:
        nodes = [edge.node for edge in edges]
        most = max((nodes.count(node) for node in nodes), default=0)
        if not edges or most > EDGES_PER_NODE or nodes != sorted(nodes):
            raise ValueError(
                f"The {cell_type.name!r} cell needs up to {EDGES_PER_NODE} "
                f"edges into each of the nodes {list(cell_type.nodes)}, in "
                f"this order, and one at least; received edges into {nodes}."
            )
        fed = {*range(cell_type.num_inputs), *nodes}
        for first, second in itertools.pairwise(edges):
            if first.node == second.node and first.source == second.source:
                raise ValueError(
                    f"Node {first.node} of the {cell_type.name!r} cell has "
                    f"the source {first.source} twice; give two different "
                    f"ones."
                )
        for edge in edges:
            if edge.source not in fed:
                raise ValueError(
                    f"Node {edge.node} of the {cell_type.name!r} cell has the "
                    f"source {edge.source}, which no edge leads to; drop that "
                    f"edge."
                )


def _cell_type(
    name: str, primitives: Callable[[str, int], tuple[str, ...]]
) -> CellType:
    """Wires one cell type: every node draws on all earlier ones."""
    pairs = [
        (source, node)
        for node in range(NUM_INPUTS, NUM_INPUTS + NUM_NODES)
        for source in range(node)
    ]
    edges = tuple(
        Edge(
            index=index,
            source=source,
            node=node,
            primitives=tuple(primitives(name, index)),
            reduces=name == REDUCE and source < NUM_INPUTS,
        )
        for index, (source, node) in enumerate(pairs)
    )
    concat = tuple(range(NUM_INPUTS, NUM_INPUTS + NUM_NODES))
    return CellType(name, NUM_INPUTS, NUM_NODES, edges, concat)


def _strongest_edges(
    edges: tuple[Edge, ...], matrix: np.ndarray
) -> list[GenotypeEdge]:
    """Returns the two strongest of a node's edges, sources ascending."""
    ranked = []
    for edge in edges:
        row = matrix[edge.index]
        columns = [
            column
            for column, name in enumerate(edge.primitives)
            if name != NONE
        ]
        best = max(columns, key=lambda column: row[column])
        ranked.append((-row[best], edge.index, edge, edge.primitives[best]))
    kept = sorted(ranked, key=lambda entry: entry[:2])[:EDGES_PER_NODE]
    return [
        GenotypeEdge(primitive, edge.source, edge.node)
        for _, _, edge, primitive in sorted(kept, key=lambda entry: entry[1])
    ]


def _read_edges(name: str, entries: Any) -> tuple[GenotypeEdge, ...]:
    """Reads a list of [primitive, source] or [primitive, source, node].

    Of pairs there are eight: the place gives the node.
    """
    if isinstance(entries, (list, tuple)) and all(
        isinstance(entry, (list, tuple))
        and len(entry) == 3
        and isinstance(entry[0], str)
        and type(entry[1]) is type(entry[2]) is int
        for entry in entries
    ):
        return tuple(GenotypeEdge(*entry) for entry in entries)
    return _read_pairs(name, entries)


def _read_pairs(name: str, pairs: Any) -> tuple[GenotypeEdge, ...]:
    if not isinstance(pairs, (list, tuple)) or len(pairs) != NUM_CHOSEN:
        received = len(pairs) if isinstance(pairs, (list, tuple)) else pairs
        raise ValueError(
            f"The {name!r} cell needs a list of {NUM_CHOSEN} pairs "
            f"[primitive, source], two for each inner node; received "
            f"{received!r}."
        )
    edges = []
    for position, pair in enumerate(pairs):
        if (
            not isinstance(pair, (list, tuple))
            or len(pair) != 2
            or not isinstance(pair[0], str)
            or type(pair[1]) is not int
        ):
            raise ValueError(
                f"Entry {position} of the {name!r} cell is {pair!r}; "
                f"expected a pair [primitive, source] such as "
                f'["sep_conv_3x3", 0].'
            )
        node = NUM_INPUTS + position // EDGES_PER_NODE
        edges.append(GenotypeEdge(pair[0], pair[1], node))
    return tuple(edges)


def _darts_primitives(cell_type: str, index: int) -> tuple[str, ...]:
    """Returns the eight primitives of DARTS, the same on every edge."""
    del cell_type, index
    return PRIMITIVES


DARTS = SPACES.register("darts")(DartsSpace("darts", _darts_primitives))
