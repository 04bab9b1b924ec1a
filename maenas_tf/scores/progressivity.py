"""Progressivity: whether features use more of their channels with depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate


@SCORES.register("progressivity")
class Progressivity(StartScore):
    """The least rise of a feature's entropy from one block to the next.

    Blocks and entropy are those of `Expressivity`.

    Reads noise or the user's images. Costs one forward pass.

    Reference: Lee and Ham, "AZ-NAS" (CVPR 2024), equation 3.
    """

    column = "progressivity"
    label = "progressivity"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        return float(np.diff(candidate.recording.entropies).min())
