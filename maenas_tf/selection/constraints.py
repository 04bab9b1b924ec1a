r"""The strongest architecture that a limit on its size allows.

A genotype is a choice for every inner node of every cell type: which edges
feed it and which primitive each holds, among those that the space's
derivation could take (`Space.wirings`). Its strength is

    sum over its edges e, with primitive o, of log w[e, o],

w being the weights that the derivation reads; without a limit the strongest
genotype is what it returns. Costs add up over the edges as well, so that the
strongest genotype under a limit is found exactly (`search.pareto`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.selection.pareto import Choices, select
from maenas_tf.skeletons import (
    Cost,
    NetworkCosts,
    NetworkSize,
    skeleton_of,
)
from maenas_tf.spaces import Edge, Genotype, GenotypeEdge, Space

Weights = Mapping[str, np.ndarray]
Wiring = tuple[tuple[Edge, str], ...]
# Weights that a softmax has rounded to 0 still have an order by number.
_SMALLEST = np.finfo(np.float64).tiny


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a network may cost at most; 0 is no limit.

    Attributes:
        parameters: trainable parameters.
        macs: multiply-accumulates of one image.
    """

    parameters: int = 0
    macs: int = 0

    def active(self) -> list[str]:
        """Returns the names of those that are set."""
        return [name for name, value in vars(self).items() if value]

    def allow(self, cost: Cost) -> bool:
        """Whether a cost keeps all limits."""
        return all(
            getattr(cost, name) <= getattr(self, name) for name in self.active()
        )


class Budget:
    """The network of the evaluation and the limits it must keep.

    Args:
        space: search space.
        size: of the network that is evaluated.
        limits: on it.

    Raises:
        ConfigError: there is no network of that size, or none of the space
            keeps the limits.
    """

    def __init__(
        self, space: Space, size: NetworkSize, limits: Limits | None = None
    ):
        least = skeleton_of(space).min_num_cells
        if size.num_cells < least:
            raise ConfigError(
                f"--eval_num_cells={size.num_cells} is too few for "
                f"--space={space.name}: give at least {least}, "
                f"or 0 for the reference's number."
            )
        self.space = space
        self.size = size
        self.limits = limits or Limits()
        self.costs: NetworkCosts = NetworkCosts(space, size)
        self._check_possible()

    def cost(self, genotype: Genotype) -> Cost:
        """Returns the cost of a genotype's network."""
        return self.costs.network(genotype)

    def choose(self, strongest: Genotype, weights: Weights) -> Genotype:
        """Returns `strongest` if it keeps the limits, else what does.

        Args:
            strongest: what was derived without a limit.
            weights: cell type to [edges, primitives], not negative, as the
                derivation reads them.
        """
        if self.limits.allow(self.cost(strongest)):
            return strongest
        return self.strongest(weights)

    def strongest(self, weights: Weights) -> Genotype:
        """Returns the strongest genotype that keeps the limits."""
        logs = {
            kind: np.log(np.maximum(np.asarray(w, np.float64), _SMALLEST))
            for kind, w in weights.items()
        }

        def value(kind: str, wiring: Wiring) -> float:
            return sum(
                logs[kind][edge.index, edge.primitives.index(primitive)]
                for edge, primitive in wiring
            )

        return self._best(self.limits, value)

    def report(self, strongest: Genotype, chosen: Genotype) -> dict[str, Any]:
        """Returns what summary.json says about the evaluation's network.

        Its size, the cost of the genotype that was chosen, the limits if any
        and, where it is another one, the strongest without them.
        """
        report = {
            **dataclasses.asdict(self.size),
            **dataclasses.asdict(self.cost(chosen)),
        }
        for name in self.limits.active():
            report[f"max_{name}"] = getattr(self.limits, name)
        if strongest != chosen:
            report["without_limits"] = {
                "genotype": strongest.to_dict(),
                **dataclasses.asdict(self.cost(strongest)),
            }
        return report

    def _check_possible(self) -> None:
        for name in self.limits.active():
            self._check_least(name, Limits(), "")
        if len(self.limits.active()) == 2:
            kept = Limits(parameters=self.limits.parameters)
            within = f" of at most {kept.parameters:,} parameters"
            self._check_least("macs", kept, within)

    def _check_least(self, name: str, kept: Limits, within: str) -> None:
        """Refuses a limit below what the cheapest network costs."""

        def value(kind: str, wiring: Wiring) -> float:
            return -getattr(self._cost(kind, wiring), name)

        least = getattr(self.cost(self._best(kept, value)), name)
        limit = getattr(self.limits, name)
        if least > limit:
            size = self.size
            what = {"parameters": "parameters", "macs": "MACs"}[name]
            raise ConfigError(
                f"--max_{name}={limit} cannot be kept: with "
                f"--eval_init_channels={size.init_channels}, "
                f"--eval_num_cells={size.num_cells} and {size.image_size}-"
                f"pixel images the smallest network of "
                f"--space={self.space.name}{within} has {least} {what}; allow "
                f"as many or evaluate a smaller network."
            )

    def _cost(self, kind: str, wiring: Wiring) -> Cost:
        return sum(
            (
                self.costs.edge(kind, edge.source, edge.node, primitive)
                for edge, primitive in wiring
            ),
            Cost(),
        )

    def _best(
        self, limits: Limits, value: Callable[[str, Wiring], float]
    ) -> Genotype:
        """Returns the genotype of the highest value within `limits`."""
        names = limits.active()
        nodes = [
            (cell_type.name, list(self.space.wirings(cell_type, node)))
            for cell_type in self.space.cell_types
            for node in cell_type.nodes
        ]
        choices = [
            Choices(
                np.array(
                    [_pick(self._cost(kind, w), names) for w in wirings],
                    np.int64,
                ),
                np.array([value(kind, w) for w in wirings]),
            )
            for kind, wirings in nodes
        ]
        ceiling = [min(limit, 2**62) for limit in _pick(limits, names)]
        room = np.array(ceiling, np.int64)
        room -= np.array(_pick(self.costs.fixed, names), np.int64)
        cells: dict[str, tuple[GenotypeEdge, ...]] = {}
        for (kind, wirings), index in zip(
            nodes, select(choices, room), strict=True
        ):
            cells[kind] = cells.get(kind, ()) + tuple(
                GenotypeEdge(primitive, edge.source, edge.node)
                for edge, primitive in wirings[index]
            )
        return Genotype(self.space.name, cells)


def _pick(values: Cost | Limits, names: list[str]) -> list[int]:
    return [getattr(values, name) for name in names]


def describe(report: Mapping[str, Any]) -> str:
    """Returns `Budget.report` in words, a line for each network."""
    size = (
        f"C={report['init_channels']}, {report['num_cells']} cells, "
        f"{report['image_size']} px, {report['num_classes']} classes"
    )
    lines = [f"At the evaluation's size ({size}): {_figures(report)}."]
    other = report.get("without_limits")
    if other:
        limits = " and ".join(
            f"--max_{name}={report[f'max_{name}']}"
            for name in ("parameters", "macs")
            if f"max_{name}" in report
        )
        lines.append(
            f"The strongest without {limits} has {_figures(other)}: "
            f"{Genotype.from_dict(other['genotype'])}"
        )
    return "\n".join(lines)


def _figures(cost: Mapping[str, int]) -> str:
    return f"{cost['parameters']:,} parameters, {cost['macs']:,} MACs"
