"""The stages of a search."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Stage:
    """A network that is searched from its beginning; most searches have one.

    An algorithm whose stages differ in more adds it in a subclass.

    Attributes:
        epochs: of the stage.
        warmup_epochs: those of them, the first, in which only weights move.
        num_cells: of the supernet (nasbench201: per stage of the skeleton).
    """

    epochs: int
    warmup_epochs: int
    num_cells: int

    def updates_alphas(self, epoch: int) -> bool:
        """Whether the alphas move in an epoch of the stage, from 0."""
        return epoch >= self.warmup_epochs
