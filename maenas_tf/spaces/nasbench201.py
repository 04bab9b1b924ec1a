"""`NASBench201Space`: the cell space of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Mapping
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

# The order is part of the definition: it is that of the alphas' columns and
# of the digits in tables of the benchmark.
PRIMITIVES = (
    NONE,
    "skip_connect",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "avg_pool_3x3",
)
CELL = "cell"
NUM_NODES = 3
FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"


class NASBench201Space(Space):
    """One cell type of four nodes and six edges, five primitives an edge.

    A node is the sum over all earlier ones and the last node is the output.
    `none` can be chosen; a genotype has a primitive on every edge. That
    makes 5**6 = 15,625 cells.

    Args:
        name: of the space.

    Reference: Dong and Yang, "NAS-Bench-201" (ICLR 2020), section 2.1.
    """

    skeleton = "nasbench201"

    def __init__(self, name: str):
        pairs = [
            (source, node)
            for node in range(1, NUM_NODES + 1)
            for source in range(node)
        ]
        edges = tuple(
            Edge(index, source, node, PRIMITIVES)
            for index, (source, node) in enumerate(pairs)
        )
        cell_type = CellType(
            name=CELL,
            num_inputs=1,
            num_nodes=NUM_NODES,
            edges=edges,
            concat=(NUM_NODES,),
        )
        super().__init__(name, (cell_type,))

    def derive(self, weights: Mapping[str, np.ndarray]) -> Genotype:
        """Takes each edge's strongest primitive, `none` included.

        Args:
            weights: "cell" [6, 5], after the softmax; ties go to the lower
                index.

        Returns:
            The genotype, six edges by ascending index.

        Raises:
            ValueError: the matrix is missing, misshapen or not a number.
        """
        matrix = self._checked_weights(weights)[CELL]
        return self._place(np.argmax(matrix, axis=1))

    def random_genotype(self, rng: np.random.Generator) -> Genotype:
        """Draws one of the 15,625 cells uniformly."""
        num_edges = self.cell_types[0].num_edges
        return self._place(rng.integers(len(PRIMITIVES), size=num_edges))

    def genotype_to_dict(self, genotype: Genotype) -> dict[str, Any]:
        """Returns the space and the architecture string."""
        return {
            "space": self.name,
            "arch": self.genotype_to_string(genotype),
        }

    def genotype_from_dict(self, values: Mapping[str, Any]) -> Genotype:
        """Reads the space and the architecture string."""
        check_fields(self.name, values, ("space", "arch"))
        arch = values["arch"]
        if not isinstance(arch, str):
            raise ValueError(f"arch={arch!r} is not a string {FORM!r}.")
        return Genotype(self.name, {CELL: parse_arch(arch)})

    def genotype_to_string(self, genotype: Genotype) -> str:
        """Returns the benchmark's architecture string."""
        groups = [
            "|"
            + "".join(
                f"{edge.primitive}~{edge.source}|"
                for edge in genotype.cells[CELL]
                if edge.node == node
            )
            for node in self.cell_types[0].nodes
        ]
        return "+".join(groups)

    def reads(self, text: str) -> bool:
        """Whether a text begins as the benchmark's strings do."""
        return text.startswith("|")

    def _place(self, columns: np.ndarray) -> Genotype:
        """Returns the genotype with the given primitive on each edge."""
        edges = tuple(
            GenotypeEdge(PRIMITIVES[column], edge.source, edge.node)
            for edge, column in zip(
                self.cell_types[0].edges, columns, strict=True
            )
        )
        return Genotype(self.name, {CELL: edges})

    def _choices(self, edge: Edge) -> tuple[str, ...]:
        return edge.primitives

    def _check_counts(
        self, cell_type: CellType, edges: tuple[GenotypeEdge, ...]
    ) -> None:
        pairs = [(edge.source, edge.node) for edge in edges]
        expected = [(edge.source, edge.node) for edge in cell_type.edges]
        if pairs != expected:
            raise ValueError(
                f"The {cell_type.name!r} cell needs one primitive on each "
                f"of the edges (source, node) {expected}, in this order; "
                f"received {pairs}."
            )


def parse_arch(arch: str) -> tuple[GenotypeEdge, ...]:
    """Reads the benchmark's architecture string.

    Args:
        arch: "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|".

    Raises:
        ValueError: the string has another form.
    """
    groups = arch.strip().split("+")
    if len(groups) != NUM_NODES:
        raise ValueError(
            f"The architecture string {arch!r} has {len(groups)} node(s); "
            f"expected {NUM_NODES}, in the form {FORM!r}."
        )
    edges = []
    for node, group in enumerate(groups, start=1):
        terms = group.strip("|").split("|")
        if group != "|" + "|".join(terms) + "|" or len(terms) != node:
            raise ValueError(
                f"Node {node} of the architecture string is {group!r}; "
                f"expected {node} term(s) 'op~source' between bars, in the "
                f"form {FORM!r}."
            )
        for position, term in enumerate(terms):
            primitive, _, source = term.partition("~")
            if source != str(position):
                raise ValueError(
                    f"Term {term!r} of node {node} is malformed: expected "
                    f"'op~{position}', in the form {FORM!r}."
                )
            edges.append(GenotypeEdge(primitive, position, node))
    return tuple(edges)


NASBENCH201 = SPACES.register("nasbench201")(NASBench201Space("nasbench201"))
