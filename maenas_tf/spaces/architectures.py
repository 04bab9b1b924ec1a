"""All architectures of a space, as numbers.

An architecture is one wiring for each inner node of each cell type (see
`Space.wirings`); its number says which. All combinations of them are exactly
the genotypes of the space, so that a uniform draw of every number is one of
the architectures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.spaces.genotype import Genotype, GenotypeEdge
from maenas_tf.spaces.space import Edge, Space

# The number of the wiring of each inner node, in the order of `nodes`.
Choice = tuple[int, ...]
# Cell type to array or tensor [edges, primitives]; leading axes where there
# are several.
EdgeWeights = Mapping[str, Any]


class Architectures:
    """Names, draws and encodes the architectures of a space.

    Args:
        space: search space.

    Attributes:
        nodes: (cell type name, node) of each number of a choice.
        wirings: those of each node.
        tables: of each node what a wiring adds to the weights of its cell
            type, [wirings, edges, primitives].

    Examples:
        >>> from maenas_tf.spaces import SPACES
        >>> Architectures(SPACES.get("nasbench201")).count
        15625
    """

    def __init__(self, space: Space):
        self.space = space
        self.nodes: list[tuple[str, int]] = []
        self.wirings: list[list[tuple[tuple[Edge, str], ...]]] = []
        for cell_type in space.cell_types:
            for node in cell_type.nodes:
                self.nodes.append((cell_type.name, node))
                self.wirings.append(list(space.wirings(cell_type, node)))
        self._entries = [
            [frozenset((e.index, p) for e, p in wiring) for wiring in wirings]
            for wirings in self.wirings
        ]
        self.tables = [
            self._table(kind, wirings)
            for (kind, _), wirings in zip(self.nodes, self.wirings, strict=True)
        ]

    def _table(self, kind: str, wirings: list) -> np.ndarray:
        """Returns what each wiring adds to the weights, [wirings, E, K]."""
        cell_type = self.space.cell_type(kind)
        shape = (cell_type.num_edges, cell_type.max_primitives)
        table = np.zeros((len(wirings), *shape), np.float32)
        for number, wiring in enumerate(wirings):
            for edge, primitive in wiring:
                column = edge.primitives.index(primitive)
                table[number, edge.index, column] = 1.0
        return table

    @property
    def count(self) -> int:
        """How many there are."""
        return math.prod(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """How many wirings each node has."""
        return [len(wirings) for wirings in self.wirings]

    def genotype(self, choice: Sequence[int]) -> Genotype:
        """Returns the genotype of a choice."""
        cells: dict[str, list[GenotypeEdge]] = {}
        for (kind, node), wirings, number in zip(
            self.nodes, self.wirings, choice, strict=True
        ):
            cells.setdefault(kind, []).extend(
                GenotypeEdge(primitive, edge.source, node)
                for edge, primitive in wirings[number]
            )
        return Genotype(self.space.name, cells)

    def choice(self, genotype: Genotype) -> Choice:
        """Returns the choice of a genotype of the space."""
        numbers = []
        for (kind, node), entries in zip(
            self.nodes, self._entries, strict=True
        ):
            cell_type = self.space.cell_type(kind)
            chosen = frozenset(
                (cell_type.edge(edge.source, node).index, edge.primitive)
                for edge in genotype.cells[kind]
                if edge.node == node
            )
            if chosen not in entries:
                raise ValueError(
                    f"Node {node} of the {kind!r} cell has {len(chosen)} "
                    f"edge(s), which no architecture of the space "
                    f"{self.space.name!r} has that is proposed."
                )
            numbers.append(entries.index(chosen))
        return tuple(numbers)

    def primitives(self, kind: str, edge: Edge) -> tuple[str, ...]:
        """Returns what an architecture may have on an edge, in its order."""
        wirings = self.wirings[self.nodes.index((kind, edge.node))]
        found = {p for wiring in wirings for e, p in wiring if e == edge}
        return tuple(name for name in edge.primitives if name in found)

    def edge_weights(
        self, choices: Sequence[Sequence[int]]
    ) -> dict[str, np.ndarray]:
        """Returns choices as weights of the edges, zeros and ones.

        Args:
            choices: M of them.

        Returns:
            Cell type to [M, edges, primitives]; the row of an edge that the
            architecture does not have is 0.
        """
        numbers = np.asarray(choices, np.int64)
        return self.sum_by_cell_type(
            [
                table[numbers[:, position]]
                for position, table in enumerate(self.tables)
            ]
        )

    def sum_by_cell_type(self, parts: Sequence) -> dict[str, Any]:
        """Adds up the parts of each cell type's nodes; one for each node."""
        sums: dict[str, Any] = {}
        for (kind, _), part in zip(self.nodes, parts, strict=True):
            sums[kind] = sums[kind] + part if kind in sums else part
        return sums

    def random(self, rng: np.random.Generator) -> Choice:
        """Returns a choice drawn uniformly."""
        return tuple(int(rng.integers(size)) for size in self.sizes)

    def mutate(
        self, choice: Choice, rng: np.random.Generator, probability: float
    ) -> Choice:
        """Returns a choice with some of its edges changed.

        Each edge, with the given probability, becomes another one or gets
        another primitive, drawn uniformly from what the rest of its node
        leaves possible.
        """
        numbers = list(choice)
        for position, entries in enumerate(self._entries):
            for entry in sorted(entries[choice[position]]):
                if rng.random() >= probability:
                    continue
                now = entries[numbers[position]]
                others = [
                    number
                    for number, found in enumerate(entries)
                    if found != now and now - {entry} <= found
                ]
                if others:
                    numbers[position] = others[rng.integers(len(others))]
        return tuple(int(number) for number in numbers)

    def cross(
        self, one: Choice, other: Choice, rng: np.random.Generator
    ) -> Choice:
        """Returns a choice with each node's edges from one of two parents."""
        from_one = rng.random(len(one)) < 0.5
        return tuple(
            a if first else b
            for a, b, first in zip(one, other, from_one, strict=True)
        )

    def all(self) -> Iterator[Choice]:
        """Yields every choice, the last number the fastest."""
        for index in range(self.count):
            yield tuple(int(n) for n in np.unravel_index(index, self.sizes))
