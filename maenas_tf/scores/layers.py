"""Layers: how many operations with weights a network has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate


@SCORES.register("layers")
class Layers(StartScore):
    """Convolutions of the network, and the classifier.

    A depthwise and a pointwise convolution are two. Those that no way leads
    through are not counted. Reads noise or images, without looking at them.
    Costs one forward pass. The count is the second term of VKDNW (Tybl and
    Neumann, 2025), and a rival of its own there.
    """

    column = "layers"
    label = "layers"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        return float(candidate.recording.num_convolutions + 1)
