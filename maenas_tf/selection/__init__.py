"""How candidates are proposed and one is taken, within limits."""

from maenas_tf.selection import evolution as evolution
from maenas_tf.selection import perturbation as perturbation
from maenas_tf.selection import random_draws as random_draws
from maenas_tf.selection import strongest as strongest
from maenas_tf.selection.selection import (
    SELECTIONS,
    Selection,
    default_selection,
)

__all__ = ["SELECTIONS", "Selection", "default_selection"]
