"""Perturbation: what the supernet misses most is kept.

Wang et al., "Rethinking Architecture Selection in Differentiable NAS" (2021),
section 4. Between two decisions they train the supernet on; here its weights
alone, for `tuning_epochs`.
"""

from __future__ import annotations

import numpy as np

from maenas_tf.config.random_streams import PERTURBATION
from maenas_tf.selection.selection import (
    SELECTIONS,
    Problem,
    ScoringSelection,
    Variant,
)
from maenas_tf.spaces import Edge, Genotype, GenotypeEdge
from maenas_tf.spaces.architectures import Choice


@SELECTIONS.register("perturbation")
class Perturbation(ScoringSelection):
    """Keeps, edge by edge, the candidate whose removal costs most.

    The edges are taken in a random order. Of each the held-out loss of the
    supernet is measured without each candidate that a genotype may have
    there; the one without which it is highest stays, alone and with weight 1.
    Where a genotype keeps only some of a node's edges, the nodes follow in a
    random order: those edges stay without which the loss is highest.

    Removing means a weight of 0; the other weights stay as they are. `none`,
    where it is a candidate, thus stays if nothing else on its edge helps.

    If the result breaks the limits, it is replaced by the architecture within
    them for which what the removals cost adds up to most.
    """

    needs_alphas = True
    tunes = True
    takes_limit = False
    takes_scores = False

    def most_candidates(self, problem):
        architectures = problem.architectures
        edges = sum(
            1 + len(architectures.primitives(kind, edge))
            for kind, edge in _edges(problem)
        )
        nodes = sum(len(found) for _, _, found in _surplus(problem))
        # The architecture itself is scored in the end.
        return edges + nodes + 1

    def most_tunings(self, problem):
        return len(_edges(problem)) + len(_surplus(problem)) - 1

    def select(self, problem):
        rng = PERTURBATION.generator(problem.seed)
        state = _State(problem)
        edges = list(_edges(problem))
        for number in rng.permutation(len(edges)):
            state.decide_primitive(*edges[number])
        nodes = list(_surplus(problem))
        for number in rng.permutation(len(nodes)):
            state.decide_edges(*nodes[number])
        return state.result()


def _edges(problem: Problem) -> list[tuple[str, Edge]]:
    cell_types = problem.architectures.space.cell_types
    return [(kind.name, edge) for kind in cell_types for edge in kind.edges]


def _surplus(problem: Problem) -> list[tuple[str, int, tuple[Edge, ...]]]:
    """Returns the nodes that have more edges than a genotype keeps."""
    space = problem.architectures.space
    return [
        (kind.name, node, kind.edges_into(node))
        for kind in space.cell_types
        for node in kind.nodes
        if 0 < space.edges_per_node < len(kind.edges_into(node))
    ]


class _State:
    """The supernet as far as it is decided."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.weights = {k: np.array(w) for k, w in problem.weights.items()}
        # What the removal of each candidate cost.
        self.rises = {k: np.zeros(w.shape) for k, w in self.weights.items()}
        self.primitives: dict[tuple[str, int], str] = {}
        self.dropped: set[tuple[str, int]] = set()
        self.decisions = 0

    def _without(self, kind: str, edge: Edge, column: int | None) -> Variant:
        """Returns the supernet without a candidate, or without the edge."""
        weights = {k: w.copy() for k, w in self.weights.items()}
        place = slice(None) if column is None else column
        weights[kind][edge.index, place] = 0.0
        what = "it" if column is None else edge.primitives[column]
        where = f"{kind} {edge.source}->{edge.node}"
        return Variant(f"{self.decisions}: {where} without {what}", weights)

    def _tune(self) -> None:
        """Lets the supernet get used to the decisions so far."""
        if self.decisions:
            self.problem.tune(self.decisions, self.weights)

    def decide_primitive(self, kind: str, edge: Edge) -> None:
        """Keeps the primitive without which the loss is highest."""
        self._tune()
        primitives = self.problem.architectures.primitives(kind, edge)
        columns = [edge.primitives.index(name) for name in primitives]
        base = Variant(f"{self.decisions}: all", self.weights)
        variants = [self._without(kind, edge, column) for column in columns]
        losses = self.problem.losses([base, *variants])
        rises = losses[1:] - losses[0]
        self.rises[kind][edge.index, columns] = rises
        kept = int(np.argmax(rises))
        row = np.zeros_like(self.weights[kind][edge.index])
        row[columns[kept]] = 1.0
        self._replace(kind, {edge.index: row})
        self.primitives[kind, edge.index] = primitives[kept]

    def decide_edges(
        self, kind: str, node: int, edges: tuple[Edge, ...]
    ) -> None:
        """Keeps the edges into a node without which the loss is highest."""
        del node
        self._tune()
        count = self.problem.architectures.space.edges_per_node
        variants = [self._without(kind, edge, None) for edge in edges]
        losses = self.problem.losses(variants)
        order = np.argsort(-losses, kind="stable")
        dropped = [edges[number] for number in order[count:]]
        nothing = np.zeros_like(self.weights[kind][0])
        self._replace(kind, {edge.index: nothing for edge in dropped})
        self.dropped |= {(kind, edge.index) for edge in dropped}

    def _replace(self, kind: str, rows: dict[int, np.ndarray]) -> None:
        matrix = self.weights[kind].copy()
        for index, row in rows.items():
            matrix[index] = row
        self.weights = {**self.weights, kind: matrix}
        self.decisions += 1

    def result(self) -> Choice:
        architectures = self.problem.architectures
        cells = {}
        for kind, edge in _edges(self.problem):
            if (kind, edge.index) not in self.dropped:
                primitive = self.primitives[kind, edge.index]
                cells.setdefault(kind, []).append(
                    GenotypeEdge(primitive, edge.source, edge.node)
                )
        genotype = Genotype(architectures.space.name, cells)
        # The strength of a genotype is the sum of the logarithms.
        strengths = {
            kind: np.exp(np.clip(rises, -100.0, 100.0))
            for kind, rises in self.rises.items()
        }
        return architectures.choice(
            self.problem.budget.choose(genotype, strengths)
        )
