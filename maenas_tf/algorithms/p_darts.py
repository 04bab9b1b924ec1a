"""P-DARTS: Chen et al., "Progressive Differentiable Architecture Search:
Bridging the Depth Gap between Search and Evaluation" (2019).

The search approaches the depth of the network that is evaluated in stages,
each with a deeper supernet, with weights and alphas that begin anew, and with
fewer candidates: on every edge those of the least weight are dropped. Dropout
on skip connections keeps them from winning early, and a cell that still has
too many loses its weakest ones.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from etils import epy

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.algorithms.stage import Stage
from maenas_tf.config import Config, ConfigError, check, setting
from maenas_tf.spaces import CellType, Genotype, GenotypeEdge, Space
from maenas_tf.spaces.space import NONE

with epy.lazy_imports():
    import keras

    from maenas_tf.models import alphas
    from maenas_tf.ops import identity_dropout

RATE = "skip_dropout"
# By which the rate of dropout falls in an epoch after the warm-up.
_DECAY = 0.2


@dataclasses.dataclass(frozen=True)
class PDartsSettings(Config):
    """The stages of the search."""

    stage_added_cells: str = setting(
        "0,6,12",
        "how many cells each stage has more than --num_cells, with commas; "
        "one number a stage",
    )
    stage_primitives: str = setting(
        "8,5,3",
        "how many candidates an edge has at most in each stage, with commas",
    )
    stage_dropouts: str = setting(
        "0.1,0.4,0.7",
        "first rate of dropout on skips in each stage, with commas; 0 is off",
    )

    def validate(self) -> None:
        super().validate()
        lengths = {
            name: len(numbers(name, getattr(self, name), kind, least, below))
            for name, kind, least, below in (
                ("stage_added_cells", int, 0, math.inf),
                ("stage_primitives", int, 1, math.inf),
                ("stage_dropouts", float, 0, 1),
            )
        }
        if len(set(lengths.values())) > 1:
            raise ConfigError(
                "--stage_added_cells, --stage_primitives and --stage_dropouts "
                f"have {', '.join(map(str, lengths.values()))} numbers; give "
                "each one for every stage."
            )

    @property
    def stages(self) -> list[tuple[int, int, float]]:
        """Added cells, candidates and rate of dropout of every stage."""
        return list(
            zip(
                numbers("stage_added_cells", self.stage_added_cells, int),
                numbers("stage_primitives", self.stage_primitives, int),
                numbers("stage_dropouts", self.stage_dropouts, float),
                strict=True,
            )
        )


def numbers(
    name: str,
    text: str,
    kind: type = float,
    least: float = -math.inf,
    below: float = math.inf,
) -> list[float]:
    """Reads numbers with commas between.

    Args:
        name: of the setting, for messages.
        text: its value.
        kind: int or float.
        least: no number may be below.
        below: every number must be.

    Raises:
        ConfigError: one is no number, or out of range.
    """
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError:
        found = []
    fits = found and all(least <= number < below for number in found)
    limit = "" if below == math.inf else f" and below {below}"
    words = "whole numbers" if kind is int else "numbers"
    check(
        bool(fits),
        name,
        text,
        f"give {words} of at least {least}{limit}, with commas between.",
    )
    return found


@dataclasses.dataclass(frozen=True)
class PDartsStage(Stage):
    """A stage of P-DARTS.

    Attributes:
        dropout: first rate of dropout on skips; 0 is none.
        primitives_left: candidates of an edge in the next stage; 0 after the
            last one.
    """

    dropout: float = 0.0
    primitives_left: int = 0

    def dropout_rate(self, epoch: int) -> float:
        """Returns the rate in an epoch of the stage, from 0.

        It falls linearly over the warm-up, and begins anew to fall
        exponentially where the alphas begin to move.
        """
        if epoch < self.warmup_epochs:
            return self.dropout * (self.epochs - epoch - 1) / self.epochs
        return self.dropout * math.exp(-_DECAY * (epoch - self.warmup_epochs))


@ALGORITHMS.register("p_darts")
class PDarts(Algorithm):
    """DARTS in stages, deeper and with fewer candidates each."""

    settings = PDartsSettings()
    warmup_fraction = 0.4
    num_cells = 5
    max_skips = 2
    orders = ("first",)
    needs_cells = True

    def stages(self, whole):
        asked = self.settings.stages
        left = [primitives for _, primitives, _ in asked[1:]] + [0]
        return tuple(
            PDartsStage(
                whole.epochs,
                whole.warmup_epochs,
                whole.num_cells + added,
                dropout,
                following,
            )
            for (added, _, dropout), following in zip(asked, left, strict=True)
        )

    def check(self, space):
        super().check(space)
        most = max(kind.max_primitives for kind in space.cell_types)
        first = self.settings.stages[0][1]
        if first < most:
            raise ConfigError(
                f"--stage_primitives={self.settings.stage_primitives} begins "
                f"with {first}, and an edge of --space={space.name} has {most} "
                f"candidates, of which none has a weight yet; begin with "
                f"{most}."
            )

    def parameters(self, space):
        rate = alphas.Parameter((), keras.initializers.Zeros(), trainable=False)
        return {**super().parameters(space), RATE: rate}

    def make_edge(self, stage, architecture, *args, **kwargs):
        if not stage.dropout:
            return super().make_edge(stage, architecture, *args, **kwargs)
        rate = architecture.arrays[RATE]
        return identity_dropout.IdentityDropoutOp(*args, rate=rate, **kwargs)

    def start_epoch(self, stage, epoch, supernet):
        rate = stage.dropout_rate(epoch)
        supernet.architecture.arrays[RATE].assign(rate)

    def narrow(self, stage, candidates, weights):
        """Leaves each edge its strongest; `none` is one like any other."""
        found = {}
        for kind, exists in candidates.items():
            strengths = np.where(exists, weights[kind], -np.inf)
            order = np.argsort(-strengths, axis=1, kind="stable")
            left = np.zeros_like(exists)
            kept = order[:, : stage.primitives_left]
            np.put_along_axis(left, kept, True, axis=1)
            found[kind] = left & exists
        return found

    def derive(
        self, space: Space, edge_weights: Mapping[str, np.ndarray]
    ) -> Genotype:
        """Keeps a node's two strongest edges, of equal ones the higher."""
        if not space.edges_per_node:
            return super().derive(space, edge_weights)
        cells = {
            kind.name: _strongest(
                kind, edge_weights[kind.name], space.edges_per_node
            )
            for kind in space.cell_types
        }
        return Genotype(space.name, cells)


def _strongest(
    kind: CellType, weights: np.ndarray, per_node: int
) -> tuple[GenotypeEdge, ...]:
    chosen = []
    for node in kind.nodes:
        ranked = []
        for edge in kind.edges_into(node):
            columns = [
                column
                for column, name in enumerate(edge.primitives)
                if name != NONE
            ]
            best = max(columns, key=lambda column: weights[edge.index, column])
            strength = weights[edge.index, best]
            ranked.append((strength, edge.index, edge, edge.primitives[best]))
        ranked.sort(key=lambda entry: entry[:2])
        chosen += [
            GenotypeEdge(primitive, edge.source, node)
            for _, _, edge, primitive in sorted(
                ranked[-per_node:], key=lambda entry: entry[1]
            )
        ]
    return tuple(chosen)
