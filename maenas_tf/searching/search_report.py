"""What an epoch of a search leaves in figures and says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.engine.console import say
from maenas_tf.engine.restart import ONLY_ONE, Restart
from maenas_tf.searching.overfitting import overfit_warning
from maenas_tf.searching.searcher import Searcher
from maenas_tf.searching.setup import SearchSetup
from maenas_tf.spaces import Genotype, statistics

# Column of history.csv to the tag that shows it beside others.
_TAGS = {
    "weight_loss": "loss/weights",
    "alpha_loss": "loss/alphas",
    "learning_rate_weights": "learning_rate/weights",
    "learning_rate_alphas": "learning_rate/alphas",
}


class SearchReport:
    """Makes the rows of history.csv and the lines on the screen.

    Args:
        setup: of the search.
        number: of the stage.
        searcher: that is trained.
        restart: which of several searches this is.
    """

    def __init__(
        self,
        setup: SearchSetup,
        number: int,
        searcher: Searcher,
        restart: Restart = ONLY_ONE,
    ):
        self.config = setup.config
        self.task = setup.task
        self.steps = setup.data.steps
        self.epochs = setup.epochs
        self.stage = {"stage": number} if setup.num_stages > 1 else {}
        self.searcher = searcher
        self.restart = restart

    def images_per_step(self) -> int:
        """Returns how many images a step of the present phase sees."""
        halves = 2 if self.searcher.update_alphas else 1
        return halves * self.config.batch_size

    def row(
        self,
        epoch: int,
        means: Mapping[str, float],
        seconds: float,
        weights: Mapping[str, np.ndarray],
        genotype: Genotype | None,
    ) -> dict[str, Any]:
        """Returns the row of an epoch, column to value.

        Args:
            epoch: counted from 0.
            means: of the steps' metrics.
            seconds: that the steps took.
            weights: cell type to architecture weights; empty without alphas.
            genotype: read off them, or None.
        """
        count = self.steps * self.images_per_step()
        optimizers = {"weights": self.searcher.weight_optimizer}
        alpha_loss, skips, name = {}, {}, {}
        if genotype is not None:
            optimizers["alphas"] = self.searcher.alpha_optimizer
            alpha_loss = {"alpha_loss": means.get("alpha_loss", "")}
            skips = statistics.count_skips(genotype)
            name = {"genotype": str(genotype)}
        architecture = self.searcher.supernet.architecture
        numbers = {} if architecture is None else architecture.numbers()
        if self.searcher.noise is not None:
            rate = tf.convert_to_tensor(self.searcher.noise.rate)
            numbers["alpha_noise"] = float(rate)
        return {
            "epoch": epoch,
            **self.stage,
            "weight_loss": means["weight_loss"],
            **alpha_loss,
            **{name: means[name] for name in self.task.metric_names},
            **{
                f"learning_rate_{name}": float(
                    tf.convert_to_tensor(optimizer.learning_rate)
                )
                for name, optimizer in optimizers.items()
            },
            **{
                f"entropy_{k}": statistics.entropy(w)
                for k, w in weights.items()
            },
            **{f"skips_{kind}": count for kind, count in skips.items()},
            **numbers,
            "images_per_second": round(count / max(seconds, 1e-9), 1),
            "seconds": round(seconds, 3),
            **name,
        }

    def say_epoch(
        self,
        row: Mapping[str, Any],
        means: Mapping[str, float],
        genotype: Genotype | None,
    ) -> None:
        """Prints an epoch's losses and cell, with warnings where due.

        Args:
            row: as `row` made it.
            means: as above.
            genotype: as above.
        """
        losses = " ".join(f"{k} {v:.4f}" for k, v in sorted(means.items()))
        said = (
            f"{self.restart.words}epoch {row['epoch'] + 1}/{self.epochs}: "
            f"{losses} "
            f"({row['images_per_second']} images/s)"
        )
        if genotype is None:
            say(said)
            return
        skips = statistics.count_skips(genotype)
        say(
            f"{said}\n  {genotype}\n  skips: "
            + ", ".join(f"{kind} {count}" for kind, count in skips.items())
        )
        if not self.searcher.update_alphas:
            return
        warnings = (
            statistics.collapse_warning(genotype),
            self.overfit_warning(row),
        )
        for warning in filter(None, warnings):
            say(f"  warning: {warning}")

    def overfit_warning(self, row: Mapping[str, Any]) -> str | None:
        """Returns what is to be said of the losses of both halves.

        Nothing where labels are read, whose loss soon tells images apart that
        were seen, or where the alphas' loss holds a penalty.

        Args:
            row: of an epoch.
        """
        alpha_loss = row.get("alpha_loss", "")
        if alpha_loss == "" or self.task.reads_labels:
            return None
        values = self.searcher.supernet.architecture.values()
        penalty = self.searcher.penalty
        if penalty is not None and penalty(values) is not None:
            return None
        return overfit_warning(float(row["weight_loss"]), float(alpha_loss))

    def scalars(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Returns what TensorBoard shows of an epoch, tag to number.

        The figures of its row that are not drawn elsewhere, and what every
        edge has a number of.

        Args:
            row: as `row` made it.
        """
        architecture = self.searcher.supernet.architecture
        edges = {} if architecture is None else architecture.edge_numbers()
        shown = {
            _TAGS.get(name, name): value
            for name, value in row.items()
            if name not in ("epoch", "genotype")
            and not name.startswith(("entropy_", "skips_"))
            and value != ""
        }
        return {**shown, **edges}
