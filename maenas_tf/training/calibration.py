"""Whether a network is right as often as it says."""

from __future__ import annotations

import dataclasses

import numpy as np

NUM_BINS = 15


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """Confidence and accuracy of the images of each bin of confidence.

    Bin i of M has the images of a confidence in ((i - 1) / M, i / M].

    Attributes:
        counts: images of each bin, int64 [M].
        confidences: their mean confidence, [M]; NaN of an empty bin.
        accuracies: the part of them that is right, [M]; NaN of an empty bin.
    """

    counts: np.ndarray
    confidences: np.ndarray
    accuracies: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, in 0..1.

        sum_i n_i / N |accuracy_i - confidence_i|

        Source: Guo et al., "On Calibration of Modern Neural Networks", ICML
        2017, equation 3.
        """
        gaps = np.abs(self.accuracies - self.confidences)
        return float(np.nansum(self.counts * gaps) / self.counts.sum())


def calibrate(
    confidences: np.ndarray, right: np.ndarray, num_bins: int = NUM_BINS
) -> Calibration:
    """Sorts images into bins by their confidence.

    Args:
        confidences: the probability of each image's likeliest class, in 0..1,
            [N], N > 0.
        right: whether it is the true class, bool [N].
        num_bins: M.
    """
    places = np.ceil(np.asarray(confidences) * num_bins).astype(np.int64) - 1
    places = np.clip(places, 0, num_bins - 1)

    def sums(values=None):
        return np.bincount(places, values, num_bins)

    counts = sums()
    filled = np.where(counts > 0, counts, np.nan)
    return Calibration(
        counts=counts,
        confidences=sums(confidences) / filled,
        accuracies=sums(np.asarray(right, np.float64)) / filled,
    )
