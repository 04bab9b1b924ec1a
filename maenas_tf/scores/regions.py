"""Regions: into how many linear pieces ReLUs cut what a network is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate


@SCORES.register("regions")
class Regions(StartScore):
    """The number of distinct patterns of units (SWAP).

    The pattern of a unit is, for each image, whether what its ReLU is fed
    with is above 0. Units are those of all ReLUs, pixel by pixel; equal
    patterns count once, so that the order of images, what is computed twice
    and what is not computed change nothing.

    Reads noise or the user's images. Costs one forward pass.

    Reference: Peng et al., "SWAP-NAS: Sample-Wise Activation Patterns for
    Ultra-fast NAS" (ICLR 2024), definitions 3.2 and 3.3, unregularised.
    """

    column = "regions"
    label = "regions"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        return float(len(candidate.recording.patterns.numbers))
