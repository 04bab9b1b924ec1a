"""Stopping a search where the alphas' curvature has grown.

R-DARTS: Zela et al., "Understanding and Robustifying Differentiable
Architecture Search" (2020). Cells generalise badly once the dominant
eigenvalue of the alphas' Hessian has grown fast; the search ends there and
the architecture is that of some epochs before. The numbers are those of the
published code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.algorithms.stage import Stage
from maenas_tf.config import (
    AT_LEAST_ONE,
    POSITIVE,
    Config,
    ConfigError,
    Range,
    setting,
)

OFF = "off"
EIGENVALUE = "eigenvalue"
# The column of history.csv that is read.
COLUMN = "hessian_eigenvalue"


@dataclasses.dataclass(frozen=True)
class EarlyStopSettings(Config):
    """When a search ends before its last epoch."""

    early_stop: str = setting(
        OFF,
        'end the search (of p_darts: its last stage) where the "eigenvalue" '
        "that --hessian_every measures has grown (R-DARTS), and return the "
        'genotype of some epochs before; "off" runs all epochs.',
        choices=(OFF, EIGENVALUE),
    )
    early_stop_window: int = setting(
        5, "readings of the eigenvalue that are averaged.", AT_LEAST_ONE
    )
    early_stop_lag: int = setting(
        4,
        "compare their mean with that of so many readings earlier.",
        AT_LEAST_ONE,
    )
    early_stop_factor: float = setting(
        1.3, "stop if it has grown by more than this factor.", POSITIVE
    )
    early_stop_from: int = setting(
        22,
        "first epoch, counted from 0, in which the search may stop.",
        Range("give the number of an epoch, from 0.", least=0),
    )
    early_stop_back: int = setting(
        12,
        "return the genotype of so many epochs before.",
        Range("give a number of epochs, from 0.", least=0),
    )


@dataclasses.dataclass(frozen=True)
class Stop:
    """Where a search stopped; epochs are counted from 0.

    Attributes:
        epoch: the last that was run.
        genotype_epoch: whose genotype is returned.
        mean: of the last readings.
        mean_before: of those some readings earlier.
    """

    epoch: int
    genotype_epoch: int
    mean: float
    mean_before: float


def find_stop(
    readings: Sequence[tuple[int, float]], settings: EarlyStopSettings
) -> Stop | None:
    """Returns where a search stops, None if it does not; a pure function.

    The mean of the last readings is compared with that of some readings
    earlier; where that one is negative, growth is measured by its magnitude.

    Args:
        readings: epoch, counted from 0, and eigenvalue, in order.
        settings: the rule's numbers.
    """
    window, lag = settings.early_stop_window, settings.early_stop_lag
    values = np.array([value for _, value in readings], np.float64)
    for end in range(window + lag, len(readings) + 1):
        epoch = readings[end - 1][0]
        now = float(values[end - window : end].mean())
        before = float(values[end - lag - window : end - lag].mean())
        growth = (settings.early_stop_factor - 1.0) * abs(before)
        if epoch >= settings.early_stop_from and now - before > growth:
            return Stop(epoch, epoch - settings.early_stop_back, now, before)
    return None


class EarlyStop:
    """The rule, in the last stage of a search.

    Readings count from the first epoch that moves the alphas, and so do the
    epochs whose genotype may be returned.

    Args:
        settings: the rule's numbers.
        every: epochs between two readings.
        stages: of the search.

    Raises:
        ConfigError: the search could stop in no epoch.
    """

    def __init__(
        self,
        settings: EarlyStopSettings,
        every: int,
        stages: Sequence[Stage],
    ):
        self.settings = settings
        self.first_epoch = sum(stage.epochs for stage in stages[:-1])
        self.begin, epochs = stages[-1].warmup_epochs, stages[-1].epochs
        measured = [
            epoch
            for epoch in range(self.begin, epochs)
            if (epoch + 1) % every == 0 or epoch + 1 == epochs
        ]
        # Eigenvalues that double each time: it stops as soon as it can.
        if not self._find([(e, 2.0**i) for i, e in enumerate(measured)]):
            count = settings.early_stop_window + settings.early_stop_lag
            raise ConfigError(
                f"--early_stop={settings.early_stop} could stop in no epoch: "
                f"it needs {count} readings, {len(measured)} of which "
                f"--epochs={epochs} with {self.begin} of warm-up and "
                f"--hessian_every={every} make, an epoch of at least "
                f"{settings.early_stop_from} and {settings.early_stop_back} "
                f"epochs since the warm-up; give more --epochs, measure more "
                f"often or lower the --early_stop_ settings."
            )

    def _find(self, readings: Sequence[tuple[int, float]]) -> Stop | None:
        """As `find_stop`, of epochs counted in the stage."""
        first = max(
            self.settings.early_stop_from,
            self.begin + self.settings.early_stop_back,
        )
        return find_stop(readings, self.settings.replace(early_stop_from=first))

    def found(self, rows: Sequence[Mapping[str, Any]]) -> Stop | None:
        """Returns where the search stopped, None if it goes on.

        Args:
            rows: of history.csv, of all stages.
        """
        readings = []
        for row in rows:
            epoch = int(row["epoch"]) - self.first_epoch
            if epoch >= self.begin and row[COLUMN] != "":
                readings.append((epoch, float(row[COLUMN])))
        stop = self._find(readings)
        if stop is None:
            return None
        return dataclasses.replace(
            stop,
            epoch=self.first_epoch + stop.epoch,
            genotype_epoch=self.first_epoch + stop.genotype_epoch,
        )


def describe(stop: Stop, settings: EarlyStopSettings) -> str:
    """Returns why a search stops, and what it returns, in a line."""
    return (
        f"stopped early: the mean eigenvalue of the last "
        f"{settings.early_stop_window} readings, {stop.mean:.5g}, is more "
        f"than {settings.early_stop_factor:g} times that of "
        f"{settings.early_stop_lag} readings before, {stop.mean_before:.5g}; "
        f"the genotype is that of epoch {stop.genotype_epoch + 1}"
    )
