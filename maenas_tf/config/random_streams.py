"""Every stream of random numbers that NumPy draws for an experiment.

A stream is named by three numbers: the seed of the run, an epoch and a number
of its own. The values are part of the results: they may never change. The
pixels' own randomness (crop, flip, task) is hashed from the image's index
instead, `data.epoch_table.example_seeds`, and cannot meet these.

NumPy takes missing numbers for zeros: `default_rng(seed)`, from which the
start of the Hessian's iteration is drawn, is the stream (seed, 0, 0), the
first epoch's order: harmless, as the start may be any.
"""

from __future__ import annotations

import dataclasses

import numpy as np

# Streams of different kinds of experiments never meet: no experiment is of
# two kinds. A search has two halves, or trains on all but a held-out part.
HALVED = "a search in halves"
HELD_OUT = "a search with a held-out part"
SEARCHES = (HALVED, HELD_OUT)
PRETRAINING = "a pretraining"
TRAINING = "a training"
CORRELATION = "a correlation"


@dataclasses.dataclass(frozen=True)
class Stream:
    """One purpose that random numbers are drawn for.

    Attributes:
        purpose: in words.
        number: the last of the three numbers.
        used_by: the kinds of experiments that draw from it.
        epoch: the only epoch it is drawn for; None means every one.
    """

    purpose: str
    number: int
    used_by: tuple[str, ...]
    epoch: int | None = 0

    def generator(self, seed: int, epoch: int = 0) -> np.random.Generator:
        """Returns the stream from its beginning.

        Args:
            seed: of the run.
            epoch: counted from 0; only for a stream of every epoch.

        Raises:
            ValueError: the stream has no such epoch.
        """
        if self.epoch is not None:
            if epoch:
                raise ValueError(
                    f"epoch={epoch}, but the stream of {self.purpose} is the "
                    f"same for the whole run; leave the epoch out."
                )
            epoch = self.epoch
        return np.random.default_rng((seed, epoch, self.number))

    def meets(self, other: Stream) -> bool:
        """Whether an experiment can draw the same numbers from both."""
        epochs = {self.epoch, other.epoch}
        return (
            self.number == other.number
            and bool(set(self.used_by) & set(other.used_by))
            and (None in epochs or len(epochs) == 1)
        )


# The order of an epoch; a part that is not halved has that of the weights.
WEIGHTS_ORDER = Stream(
    "the order of the weights' images",
    0,
    (*SEARCHES, PRETRAINING, CORRELATION),
    epoch=None,
)
ALPHAS_ORDER = Stream(
    "the order of the alphas' images", 1, (HALVED, CORRELATION), epoch=None
)
HALVES = Stream("the split in halves", 2, (HALVED, CORRELATION))
HELD_OUT_PART = Stream("what a search holds out", 3, (HELD_OUT,))
EVOLUTION = Stream("evolution", 4, SEARCHES)
EXHAUSTIVE = Stream("the order of an exhaustive selection", 5, SEARCHES)
PERTURBATION = Stream("the order of a perturbation", 6, SEARCHES)
RANDOM = Stream("random candidates", 7, SEARCHES)

# The numbers of the search's, by chance: a training is no search.
VALIDATION_PART = Stream("what a training validates on", 3, (TRAINING,))
TRAINING_ORDER = Stream(
    "the order of a training's images", 4, (TRAINING,), epoch=None
)
LABELLED_PART = Stream("whose labels a training uses", 5, (TRAINING,))

# Drawn with two numbers, (seed, 201), which is the order of epoch 201 of the
# weights. Harmless: cells are drawn of the one, a permutation of the other.
ARCHITECTURES = Stream("the architectures to correlate", 0, (CORRELATION,), 201)

STREAMS = (
    WEIGHTS_ORDER,
    ALPHAS_ORDER,
    HALVES,
    HELD_OUT_PART,
    EVOLUTION,
    EXHAUSTIVE,
    PERTURBATION,
    RANDOM,
    VALIDATION_PART,
    TRAINING_ORDER,
    LABELLED_PART,
    ARCHITECTURES,
)
