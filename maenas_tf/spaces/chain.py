"""`ChainSpace`: layers in a row, with one choice each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.spaces.genotype import Genotype, GenotypeEdge
from maenas_tf.spaces.space import CellType, Edge, Space, check_fields

LAYERS = "layers"


class ChainSpace(Space):
    """A space without cells: every layer has weights of its own.

    A chain is one cell type whose nodes are the layers' outputs: the edge from
    node i to node i + 1 is layer i, and its row of the weight matrix is that
    layer's alone.

    Args:
        name: of the space.
        skeleton: name of the skeleton that places the layers.
        primitives: candidates of each layer.
        symbols: primitive to what it is called in the architecture string.
        groups: number of layers between two separators of that string.
        separator: between groups.
        joiner: between layers.
        pasteable: whether the string alone names the space; else the line
            that is read back is JSON.
    """

    has_cells = False

    def __init__(
        self,
        name: str,
        skeleton: str,
        primitives: Sequence[tuple[str, ...]],
        symbols: Mapping[str, str],
        groups: Sequence[int],
        separator: str = "",
        joiner: str = "",
        pasteable: bool = True,
    ):
        edges = tuple(
            Edge(index, index, index + 1, candidates)
            for index, candidates in enumerate(primitives)
        )
        last = len(edges)
        self.skeleton = skeleton
        self.symbols = dict(symbols)
        self.groups = tuple(groups)
        self.separator = separator
        self.joiner = joiner
        self.pasteable = pasteable
        super().__init__(name, (CellType(LAYERS, 1, last, edges, (last,)),))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The layers, first to last."""
        return self.cell_types[0].edges

    def derive(self, weights: Mapping[str, np.ndarray]) -> Genotype:
        """Takes each layer's strongest primitive; ties go to the first.

        Args:
            weights: "layers" [layers, max_primitives], after the softmax.

        Raises:
            ValueError: the matrix is missing, misshapen or not a number.
        """
        matrix = self._checked_weights(weights)[LAYERS]
        return self.of(
            edge.primitives[int(np.argmax(row[: len(edge.primitives)]))]
            for row, edge in zip(matrix, self.edges, strict=True)
        )

    def random_genotype(self, rng: np.random.Generator) -> Genotype:
        """Draws every layer uniformly."""
        return self.of(
            edge.primitives[rng.integers(len(edge.primitives))]
            for edge in self.edges
        )

    def of(self, primitives: Iterable[str]) -> Genotype:
        """Returns the genotype with the given primitive in each layer."""
        edges = tuple(
            GenotypeEdge(primitive, index, index + 1)
            for index, primitive in enumerate(primitives)
        )
        return Genotype(self.name, {LAYERS: edges})

    def genotype_to_dict(self, genotype: Genotype) -> dict[str, Any]:
        """Returns the space and the architecture string."""
        return {
            "space": self.name,
            "arch": self._arch(genotype),
        }

    def genotype_from_dict(self, values: Mapping[str, Any]) -> Genotype:
        """Reads the space and the architecture string."""
        check_fields(self.name, values, ("space", "arch"))
        if not isinstance(values["arch"], str):
            raise ValueError(
                f"arch={values['arch']!r} is not a string; {self.form}."
            )
        return self.of(self._parse(values["arch"]))

    def genotype_to_string(self, genotype: Genotype) -> str:
        """Returns the architecture string, or JSON with the space's name."""
        if self.pasteable:
            return self._arch(genotype)
        return json.dumps(self.genotype_to_dict(genotype))

    def reads(self, text: str) -> bool:
        """Whether a text has a known symbol for every layer."""
        if not self.pasteable:
            return False
        symbols = self._split(text)
        known = set(self.symbols.values())
        return len(symbols) == len(self.edges) and set(symbols) <= known

    def _arch(self, genotype: Genotype) -> str:
        names = [self.symbols[e.primitive] for e in genotype.cells[LAYERS]]
        parts, start = [], 0
        for count in self.groups:
            parts.append(self.joiner.join(names[start : start + count]))
            start += count
        return self.separator.join(parts)

    @property
    def form(self) -> str:
        """How an architecture string of the space is written, in words."""
        return (
            f"an architecture of the space {self.name!r} has "
            f"{len(self.edges)} layers, each one of "
            f"{', '.join(self.symbols.values())}"
        )

    def _parse(self, text: str) -> list[str]:
        """Returns the primitives of an architecture string.

        Raises:
            ValueError: it has another number of layers, or unknown symbols.
        """
        symbols = self._split(text)
        known = {symbol: name for name, symbol in self.symbols.items()}
        unknown = [symbol for symbol in symbols if symbol not in known]
        if unknown or len(symbols) != len(self.edges):
            what = f"{len(symbols)} layers"
            if unknown:
                what = f"the symbol {unknown[0]!r}"
            raise ValueError(
                f"The architecture string {text[:80]!r} has {what}; "
                f"{self.form}."
            )
        return [known[symbol] for symbol in symbols]

    def _split(self, text: str) -> list[str]:
        if self.separator:
            text = text.replace(self.separator.strip(), " ")
        return text.split() if self.joiner else list(text.strip())

    def _choices(self, edge: Edge) -> tuple[str, ...]:
        return edge.primitives

    def _check_counts(
        self, cell_type: CellType, edges: tuple[GenotypeEdge, ...]
    ) -> None:
        nodes = [edge.node for edge in edges]
        if nodes != list(cell_type.nodes):
            raise ValueError(
                f"The {cell_type.name!r} cell needs one primitive for each of "
                f"its {len(self.edges)} layers, in their order; received "
                f"layers into {nodes}."
            )
