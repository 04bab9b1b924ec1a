"""Expressivity: how evenly features use their channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate


@SCORES.register("expressivity")
class Expressivity(StartScore):
    """The sum over stem, cells and what is between of a feature's entropy.

    The order of images and pixels changes nothing.

    Reads noise or the user's images. Costs one forward pass.

    Reference: Lee and Ham, "AZ-NAS: Assembling Zero-Cost Proxies for Network
    Architecture Search" (CVPR 2024), equations 1 and 2.
    """

    column = "expressivity"
    label = "expressivity"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        return float(sum(candidate.recording.entropies))
