"""Parameters and multiply-accumulates of networks, in closed form.

No layer is made: a limit can be checked, and all architectures of a space
compared, in no time. The cost of a network is that of what its plan places
plus that of every chosen edge; an edge costs what its primitive costs in all
cells of its type. That the sums equal the real networks' is tested.

Counted as the literature does: trainable parameters (normalisation is affine
in the network found); multiply-accumulates of convolutions and dense layers,
at one image, each output pixel costing the full kernel, at the border too.
"""

from __future__ import annotations

from maenas_tf.skeletons.costs import Cost
from maenas_tf.skeletons.plan import NetworkSize, Plan
from maenas_tf.skeletons.skeleton import make_plan
from maenas_tf.spaces import Genotype, Space


class NetworkCosts:
    """The costs of the networks of a space at one size.

    Args:
        space: a space or its name.
        size: of the networks.

    Attributes:
        fixed: cost of everything but the chosen edges, where every node has
            one.

    Raises:
        ConfigError: there is no such network.
    """

    def __init__(self, space: str | Space, size: NetworkSize):
        self.plan = make_plan(space, size)
        self.fixed = _fixed(self.plan)
        self._edges: dict[tuple[str, int, int, str], Cost] = {}

    def edge(self, kind: str, source: int, node: int, primitive: str) -> Cost:
        """Returns what a chosen edge costs in all cells of its type.

        Args:
            kind: name of the cell type.
            source: node that the edge leaves.
            node: node that the edge enters.
            primitive: placed on it.
        """
        key = kind, source, node, primitive
        if key not in self._edges:
            edge = self.plan.space.cell_type(kind).edge(source, node)
            self._edges[key] = sum(
                (
                    placed.cost(primitive)
                    for cell in self.plan.cells
                    for placed in cell.edges
                    if cell.cell_type == kind and placed.edge == edge
                ),
                Cost(),
            )
        return self._edges[key]

    def network(self, genotype: Genotype) -> Cost:
        """Returns the cost of the network of `genotype`."""
        plan = self.plan
        total = self.fixed
        if not _feeds_every_node(genotype, plan.space):
            total = _fixed(make_plan(plan.space, plan.size, genotype))
        for kind, edges in genotype.cells.items():
            for edge in edges:
                total += self.edge(kind, edge.source, edge.node, edge.primitive)
        return total


def _feeds_every_node(genotype: Genotype, space: Space) -> bool:
    return all(
        genotype.live_nodes(cell_type.name, cell_type.nodes)
        == tuple(cell_type.nodes)
        for cell_type in space.cell_types
    )


def _fixed(plan: Plan) -> Cost:
    last = plan.placement(plan.features[-1])
    head = plan.head.cost(
        last.channels_out, last.size_out, plan.size.num_classes
    )
    return sum((placement.cost() for placement in plan.placements), head)


def network_cost(genotype: Genotype, size: NetworkSize) -> Cost:
    """Returns what the network of a genotype costs, without building it.

    Examples:
        >>> from maenas_tf.spaces import PUBLISHED
        >>> network_cost(PUBLISHED["DARTS_V2"], NetworkSize(36, 20)).parameters
        3349342
    """
    return NetworkCosts(genotype.space, size).network(genotype)
