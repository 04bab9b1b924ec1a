"""`Space`: what a search can choose, as plain data."""

from __future__ import annotations

import abc
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from maenas_tf.spaces.genotype import Genotype, GenotypeEdge

NONE = "none"


@dataclasses.dataclass(frozen=True)
class Edge:
    """One edge of a cell and the primitives that can be placed on it.

    Attributes:
        index: row of the edge in the cell type's weight matrix.
        source: node the edge leaves.
        node: node the edge enters; larger than `source`.
        primitives: names of the candidates, in the order of the columns.
        reduces: whether the primitive has stride 2.
    """

    index: int
    source: int
    node: int
    primitives: tuple[str, ...]
    reduces: bool = False


@dataclasses.dataclass(frozen=True)
class CellType:
    """One kind of cell; all cells of a type share their weights.

    Attributes:
        name: of the type ("normal", "reduce", "cell").
        num_inputs: number of input nodes, numbered from 0.
        num_nodes: number of inner nodes, numbered after the inputs.
        edges: in the order of the rows of the weight matrix.
        concat: nodes whose values are concatenated into the output.
    """

    name: str
    num_inputs: int
    num_nodes: int
    edges: tuple[Edge, ...]
    concat: tuple[int, ...]

    @property
    def nodes(self) -> range:
        """The numbers of the inner nodes."""
        return range(self.num_inputs, self.num_inputs + self.num_nodes)

    @property
    def num_edges(self) -> int:
        """The number of rows of the weight matrix."""
        return len(self.edges)

    @property
    def max_primitives(self) -> int:
        """The number of columns of the weight matrix."""
        return max(len(edge.primitives) for edge in self.edges)

    def edges_into(self, node: int) -> tuple[Edge, ...]:
        """Returns the edges that enter `node`, by ascending index."""
        return tuple(edge for edge in self.edges if edge.node == node)

    def edge(self, source: int, node: int) -> Edge:
        """Returns the edge from `source` to `node`.

        Raises:
            ValueError: the cell type has no such edge.
        """
        for edge in self.edges_into(node):
            if edge.source == source:
                return edge
        sources = [edge.source for edge in self.edges_into(node)]
        raise ValueError(
            f"No edge of a {self.name!r} cell leads from node {source!r} to "
            f"node {node!r}; the sources of node {node!r} are {sources}."
        )


class Space(abc.ABC):
    """A search space: cell types, and how weights become a genotype.

    Attributes:
        name: under which it is registered.
        cell_types: its kinds of cells.
        skeleton: name of the network around the choices (see `skeletons`).
        edges_per_node: how many edges into a node a genotype keeps; 0: all.
        has_cells: whether its edges are those of cells, which a network
            repeats; else every edge is a layer.
    """

    skeleton: str
    edges_per_node: int = 0
    has_cells: bool = True

    def __init__(self, name: str, cell_types: tuple[CellType, ...]):
        self.name = name
        self.cell_types = cell_types

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def cell_type(self, name: str) -> CellType:
        """Returns the cell type called `name`.

        Raises:
            ValueError: there is none; the message lists the known ones.
        """
        for cell_type in self.cell_types:
            if cell_type.name == name:
                return cell_type
        known = ", ".join(cell_type.name for cell_type in self.cell_types)
        raise ValueError(
            f"The space {self.name!r} has no cell type {name!r}; known are "
            f"{known}."
        )

    @property
    def primitives(self) -> tuple[str, ...]:
        """All primitives of the space, each once, in order of appearance."""
        return tuple(
            dict.fromkeys(
                primitive
                for cell_type in self.cell_types
                for edge in cell_type.edges
                for primitive in edge.primitives
            )
        )

    def wirings(
        self, cell_type: CellType, node: int
    ) -> Iterator[tuple[tuple[Edge, str], ...]]:
        """Yields every way in which a genotype may feed an inner node.

        Each is a tuple of edges by ascending index, with their primitives.
        """
        edges = cell_type.edges_into(node)
        count = self.edges_per_node or len(edges)
        for kept in itertools.combinations(edges, count):
            for primitives in itertools.product(*map(self._choices, kept)):
                yield tuple(zip(kept, primitives, strict=True))

    def validate(self, genotype: Genotype) -> None:
        """Checks that `genotype` can be built in this space.

        Raises:
            ValueError: it cannot; the message names the place and remedy.
        """
        if genotype.space != self.name:
            raise ValueError(
                f"The genotype belongs to the space {genotype.space!r}, not "
                f"to {self.name!r}; name that space instead."
            )
        expected = [cell_type.name for cell_type in self.cell_types]
        if sorted(genotype.cells) != sorted(expected):
            raise ValueError(
                f"A genotype of the space {self.name!r} has the cells "
                f"{expected}; received {list(genotype.cells)}."
            )
        for cell_type in self.cell_types:
            edges = genotype.cells[cell_type.name]
            for edge in edges:
                self._check_edge(cell_type, edge)
            self._check_counts(cell_type, edges)

    def _check_edge(self, cell_type: CellType, edge: GenotypeEdge) -> None:
        """Checks that one chosen edge exists and carries a candidate."""
        where = (
            f"in the {cell_type.name!r} cell of a {self.name!r} genotype, "
            f"node {edge.node!r}"
        )
        if edge.node not in cell_type.nodes:
            raise ValueError(
                f"Wrong node {where}: the inner nodes are "
                f"{list(cell_type.nodes)}."
            )
        sources = [known.source for known in cell_type.edges_into(edge.node)]
        if edge.source not in sources:
            raise ValueError(
                f"Wrong source {edge.source!r} {where}: give one of {sources}."
            )
        allowed = self._choices(cell_type.edge(edge.source, edge.node))
        if edge.primitive not in allowed:
            raise ValueError(
                f"Wrong primitive {edge.primitive!r} {where}, source "
                f"{edge.source}: give one of {', '.join(allowed)}."
            )

    def _checked_weights(
        self, weights: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Returns `weights` as float64 arrays of the right shapes."""
        checked = {}
        for cell_type in self.cell_types:
            if cell_type.name not in weights:
                raise ValueError(
                    f"weights of the cell type {cell_type.name!r} are "
                    f"missing; received {list(weights)}."
                )
            matrix = np.asarray(weights[cell_type.name], np.float64)
            shape = (cell_type.num_edges, cell_type.max_primitives)
            if matrix.shape != shape:
                raise ValueError(
                    f"weights[{cell_type.name!r}] has the shape "
                    f"{matrix.shape}; the space {self.name!r} needs {shape} "
                    f"(edges, primitives)."
                )
            for edge in cell_type.edges:
                if np.isnan(matrix[edge.index, : len(edge.primitives)]).any():
                    raise ValueError(
                        f"weights[{cell_type.name!r}] holds NaN on edge "
                        f"{edge.index}: the search has diverged, no genotype "
                        f"can be derived."
                    )
            checked[cell_type.name] = matrix
        return checked

    @abc.abstractmethod
    def derive(self, weights: Mapping[str, np.ndarray]) -> Genotype:
        """Returns the genotype that the weights stand for.

        Args:
            weights: cell type name to matrix [edges, max_primitives] of
                weights that can be compared between edges: after the
                softmax, not the raw architecture parameters.

        Raises:
            ValueError: a matrix is missing, misshapen or not a number.
        """

    @abc.abstractmethod
    def random_genotype(self, rng: np.random.Generator) -> Genotype:
        """Returns a genotype drawn uniformly from the space."""

    @abc.abstractmethod
    def genotype_to_dict(self, genotype: Genotype) -> dict[str, Any]:
        """Returns the content of `genotype.json`."""

    @abc.abstractmethod
    def genotype_from_dict(self, values: Mapping[str, Any]) -> Genotype:
        """Reads the content of `genotype.json`.

        Raises:
            ValueError: fields are missing, unexpected or malformed.
        """

    @abc.abstractmethod
    def genotype_to_string(self, genotype: Genotype) -> str:
        """Returns one line that `Genotype.from_string` reads back."""

    def reads(self, text: str) -> bool:
        """Whether a text is an architecture string of this space.

        By its form alone; a space without such strings reads none.
        """
        del text
        return False

    @abc.abstractmethod
    def _choices(self, edge: Edge) -> tuple[str, ...]:
        """Returns the primitives a genotype may have on `edge`."""

    @abc.abstractmethod
    def _check_counts(
        self, cell_type: CellType, edges: tuple[GenotypeEdge, ...]
    ) -> None:
        """Checks number and order of a cell's chosen edges."""


def check_fields(
    space: str, values: Mapping[str, Any], expected: tuple[str, ...]
) -> None:
    """Checks that `values` has exactly the fields `expected`.

    Raises:
        ValueError: fields are missing or unexpected.
    """
    missing = [name for name in expected if name not in values]
    unexpected = [name for name in values if name not in expected]
    if missing or unexpected:
        raise ValueError(
            f"A genotype of the space {space!r} has the fields "
            f"{', '.join(expected)}; missing: {missing}, unexpected: "
            f"{unexpected}."
        )
