"""Several scores of the same candidates, and how they are named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.scores.score import SCORES, Score
from maenas_tf.scores.together import judge_together
from maenas_tf.spaces import Genotype
from maenas_tf.spaces.architectures import EdgeWeights

JOINER = "+"


def parse(text: str) -> list[str]:
    """Returns the names in a text such as "regions+macs".

    Raises:
        ConfigError: a name is unknown, or stands there twice.
    """
    names = text.split(JOINER)
    for name in names:
        SCORES.get_for_flag("score", name)
        if names.count(name) > 1:
            raise ConfigError(
                f"--score={text} names {name} more than once; name every "
                f"score once."
            )
    return names


class JointScore:
    """Judges candidates by several scores.

    What several look at is computed once for each candidate.

    Args:
        scores: those that judge.
    """

    def __init__(self, scores: Sequence[Score]):
        self.scores = list(scores)
        self.num_images = max(score.num_images for score in scores)

    def __call__(
        self, weights: EdgeWeights, genotypes: Sequence[Genotype] = ()
    ) -> np.ndarray:
        """Returns the numbers of each of M candidates, [M, scores].

        Args: as of `Score`.
        """
        looking = [score for score in self.scores if score.needs_start]
        of_start = iter(())
        if looking:
            each = [score.of for score in looking]
            found = judge_together(looking[0].start, each, genotypes)
            of_start = iter(found.T)
        columns = [
            next(of_start) if score.needs_start else score(weights, genotypes)
            for score in self.scores
        ]
        return np.stack(columns, -1)
