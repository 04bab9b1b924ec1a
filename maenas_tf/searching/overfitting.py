"""Whether a label-free search has learned its images by heart."""

from __future__ import annotations

# Ours. Masked searches of 200 images lay 13 to 34 % apart, their cells among
# the worst; those of 1,000 and 16,000 at most 2.3 % (results/selection.md).
_MOST_APART = 0.1


def overfit_warning(weight_loss: float, alpha_loss: float) -> str | None:
    """Returns a sentence when the alphas' images are met as strangers.

    The weights and the alphas are trained on two halves of the images. Where
    there are few, the weights learn theirs by heart, and the operations with
    most parameters look worst on the other half.

    Args:
        weight_loss: of the weights' images, mean of an epoch.
        alpha_loss: of the alphas' images in the same epoch.

    Returns:
        The warning, or None; None as well where a loss is not a number.
    """
    if not weight_loss > 0 or not alpha_loss / weight_loss > 1 + _MOST_APART:
        return None
    return (
        f"Too few images for so many steps: the loss of the alphas' images is "
        f"{100 * (alpha_loss / weight_loss - 1):.0f} % above that of the "
        f"weights', and alphas that learn from that prefer operations without "
        f"parameters. Give more images (1,000 were enough where 200 were "
        f"not), or search without training (--algorithm=training_free)."
    )
