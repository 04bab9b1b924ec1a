"""The tables of true accuracy that are at hand, by space and data set."""

from __future__ import annotations

from collections.abc import Iterable

from maenas_tf.config import ConfigError
from maenas_tf.spaces import benchmark201, benchmark_macro
from maenas_tf.spaces.accuracy_table import AccuracyTable
from maenas_tf.spaces.macro import MACRO
from maenas_tf.spaces.nasbench201 import NASBENCH201


class TrueAccuracies:
    """Finds tables of true accuracy: of NAS-Bench-201 and NAS-Bench-Macro.

    Args:
        benchmark_file: path of NAS-Bench-Macro's JSON file; empty is none.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(self, benchmark_file: str = ""):
        self.benchmark_file = benchmark_file
        self._macro: AccuracyTable = {}
        if benchmark_file:
            self._macro = benchmark_macro.load_table(benchmark_file)

    def datasets(self, space: str) -> tuple[str, ...]:
        """Returns the data sets on which a space's accuracies are at hand."""
        if space == MACRO.name and self._macro:
            return benchmark_macro.DATASETS
        if space == NASBENCH201.name and benchmark201.is_available():
            return benchmark201.DATASETS
        return ()

    def table(self, space: str, dataset: str) -> AccuracyTable:
        """Returns the table of a space, one of `datasets`.

        Raises:
            ConfigError: the installed table is damaged.
        """
        if space == MACRO.name:
            return self._macro
        return benchmark201.load_table(dataset)

    def about(self, space: str) -> str:
        """Returns what a space's accuracies are, or how to have them.

        A sentence; empty where none are known to anyone.
        """
        if not self.datasets(space):
            return self.missing(space)
        home = benchmark_macro if space == MACRO.name else benchmark201
        return home.ABOUT

    def missing(self, space: str) -> str:
        """Returns what to do to have a space's accuracies, a sentence.

        Empty where they are at hand, or none are known to anyone.
        """
        if self.datasets(space):
            return ""
        if space == NASBENCH201.name:
            return (
                f"The true accuracies of NAS-Bench-201 are missing: install "
                f"{benchmark201.DISTRIBUTION}."
            )
        if space == MACRO.name:
            return (
                "The true accuracies of macro are missing: give "
                "NAS-Bench-Macro's JSON file as --benchmark_file."
            )
        return ""

    def check_used(self, spaces: Iterable[str]) -> None:
        """Refuses a file that nothing is looked up in.

        Args:
            spaces: names of those that are looked at.

        Raises:
            ConfigError: none of them is that of the file.
        """
        spaces = sorted(set(spaces))
        if self.benchmark_file and MACRO.name not in spaces:
            raise ConfigError(
                f"--benchmark_file={self.benchmark_file} has no effect: it "
                f"tells of networks of {MACRO.name}, and the runs are in "
                f"{', '.join(spaces)}; drop it."
            )
