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
from collections.abc import Callable, Mapping, Sequence
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
from maenas_tf.spaces.skips import SKIP, count_limited, limited_types

Weights = Mapping[str, np.ndarray]
Wiring = tuple[tuple[Edge, str], ...]
# Weights that a softmax has rounded to 0 still have an order by number.
_SMALLEST = np.finfo(np.float64).tiny
_UNITS = {"parameters": "parameters", "macs": "MACs", "skips": "skips"}


def log_weights(weights: Weights) -> dict[str, np.ndarray]:
    """Returns the logarithms of weights, of 0 that of the smallest number."""
    return {
        kind: np.log(np.maximum(np.asarray(w, np.float64), _SMALLEST))
        for kind, w in weights.items()
    }


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a network may have at most.

    Attributes:
        parameters: trainable parameters; 0 is no limit.
        macs: multiply-accumulates of one image; 0 is no limit.
        skips: in the cells that keep the resolution; None is no limit.
    """

    parameters: int = 0
    macs: int = 0
    skips: int | None = None

    def active(self) -> list[str]:
        """Returns the names of those that are set."""
        return [
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]

    def allow(self, used: Mapping[str, int]) -> bool:
        """Whether amounts, by the limits' names, keep all limits."""
        return all(used[name] <= getattr(self, name) for name in self.active())


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
        self._limited_types = [kind.name for kind in limited_types(space)]
        self.costs: NetworkCosts = NetworkCosts(space, size)
        self._check_possible()

    def cost(self, genotype: Genotype) -> Cost:
        """Returns the cost of a genotype's network."""
        return self.costs.network(genotype)

    def allows(self, genotype: Genotype) -> bool:
        """Whether a genotype keeps the limits."""
        return self.limits.allow(self._used(genotype))

    def choose(self, strongest: Genotype, weights: Weights) -> Genotype:
        """Returns `strongest` if it keeps the limits, else what does.

        Args:
            strongest: what was derived without a limit on costs.
            weights: cell type to [edges, primitives], not negative, as the
                derivation reads them.
        """
        if self.allows(strongest):
            return strongest
        return self.strongest(weights)

    def strongest(self, weights: Weights) -> Genotype:
        """Returns the strongest genotype that keeps the limits."""
        logs = log_weights(weights)

        def value(kind: str, wiring: Wiring) -> float:
            return sum(
                logs[kind][edge.index, edge.primitives.index(primitive)]
                for edge, primitive in wiring
            )

        return self._best(self.limits, value)

    def report(self, strongest: Genotype, chosen: Genotype) -> dict[str, Any]:
        """Returns what summary.json says about the evaluation's network.

        Its size, the cost of the genotype that was chosen, the limits if any
        and, where it is another one, the strongest without those on costs.
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
        kept = Limits(skips=self.limits.skips)
        both = dataclasses.replace(kept, parameters=self.limits.parameters)
        for name, others in (
            ("skips", Limits()),
            ("parameters", kept),
            ("macs", kept),
            ("macs", both),
        ):
            if name in self.limits.active():
                self._check_least(name, others)

    def _check_least(self, name: str, kept: Limits) -> None:
        """Refuses a limit below what the least network within others has."""

        def value(kind: str, wiring: Wiring) -> float:
            return -self._amounts(kind, wiring, [name])[0]

        best = self._best(kept, value)
        least = self._used(best)[name]
        limit = getattr(self.limits, name)
        if least > limit:
            size = self.size
            others = [
                f"{getattr(kept, other):,} {_UNITS[other]}"
                for other in kept.active()
            ]
            within = f" of at most {' and '.join(others)}" if others else ""
            raise ConfigError(
                f"--max_{name}={limit} cannot be kept: with "
                f"--eval_init_channels={size.init_channels}, "
                f"--eval_num_cells={size.num_cells} and {size.image_size}-"
                f"pixel images the smallest network of "
                f"--space={self.space.name}{within} has {least} "
                f"{_UNITS[name]}; allow as many or evaluate a smaller network."
            )

    def _used(self, genotype: Genotype) -> dict[str, int]:
        """Returns what a genotype has of everything that is limited."""
        skips = count_limited(self.space, genotype)
        return {**vars(self.cost(genotype)), "skips": skips}

    def _amounts(
        self, kind: str, wiring: Wiring, names: Sequence[str]
    ) -> list[int]:
        """Returns what a node's wiring adds to that, by the names."""
        used = {"skips": self._skips(kind, wiring)}
        if set(names) - set(used):
            used |= vars(self._cost(kind, wiring))
        return [used[name] for name in names]

    def _skips(self, kind: str, wiring: Wiring) -> int:
        if kind not in self._limited_types:
            return 0
        return sum(primitive == SKIP for _, primitive in wiring)

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
                    [self._amounts(kind, w, names) for w in wirings],
                    np.int64,
                ),
                np.array([value(kind, w) for w in wirings]),
            )
            for kind, wirings in nodes
        ]
        fixed = {"skips": 0, **vars(self.costs.fixed)}
        room = np.array(
            [min(getattr(limits, n), 2**62) - fixed[n] for n in names], np.int64
        )
        cells: dict[str, tuple[GenotypeEdge, ...]] = {}
        for (kind, wirings), index in zip(
            nodes, select(choices, room), strict=True
        ):
            cells[kind] = cells.get(kind, ()) + tuple(
                GenotypeEdge(primitive, edge.source, edge.node)
                for edge, primitive in wirings[index]
            )
        return Genotype(self.space.name, cells)


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
