"""What architecture the weights of the alphas say."""

from __future__ import annotations

import dataclasses

from maenas_tf.algorithms import Algorithm, skip_limit
from maenas_tf.selection.constraints import Budget
from maenas_tf.spaces import Genotype, Space
from maenas_tf.spaces.architectures import EdgeWeights


@dataclasses.dataclass(frozen=True)
class Deriving:
    """Reads architectures off weights.

    Attributes:
        algorithm: whose derivation it is.
        space: search space.
        budget: that the architecture is to keep.
    """

    algorithm: Algorithm
    space: Space
    budget: Budget

    def strongest(self, weights: EdgeWeights) -> Genotype:
        """Returns what the algorithm derives, whatever it costs."""
        most = self.budget.limits.skips
        return skip_limit.derive(self.algorithm, self.space, weights, most)

    def best(self, weights: EdgeWeights) -> Genotype:
        """Returns what the algorithm derives, or the best in the budget.

        Raises:
            ConfigError: no architecture keeps the budget.
        """
        return self.budget.choose(self.strongest(weights), weights)
