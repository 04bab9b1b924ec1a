"""Do scores of networks rank them as their true accuracy does?

Of searches that scored candidates, whose candidates.csv holds the scores;
several searches of different seeds show what initialisation does.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.correlation import statistics as correlation
from maenas_tf.runs import files
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import parse
from maenas_tf.scores.rules import RULES
from maenas_tf.spaces import Genotype, benchmark201, load_genotype

MACS, PARAMETERS = "macs", "parameters"
_TOP = 10


@dataclasses.dataclass(frozen=True)
class Ranking:
    """How a score ranks the candidates of one search.

    Attributes:
        run: name of its directory.
        compared: tau and rho with intervals, against MACs.
        within: Kendall's tau among candidates of equal MACs alone.
        pairs: of such candidates.
        top: mean true accuracy of the ten that it ranks best.
    """

    run: str
    compared: correlation.Comparison
    within: float
    pairs: int
    top: float


class TrueAccuracies:
    """Looks true accuracies up.

    Args:
        benchmark: data set of NAS-Bench-201's.
        benchmark_file: NAS-Bench-Macro's JSON file; empty is none.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(self, benchmark: str, benchmark_file: str = ""):
        self.benchmark = benchmark
        self.macro: Mapping[str, Any] = {}
        if benchmark_file:
            try:
                text = pathlib.Path(benchmark_file).read_text(encoding="utf-8")
                self.macro = {
                    str(key): float(value["mean_acc"])
                    for key, value in json.loads(text).items()
                }
            except (OSError, ValueError, AttributeError, LookupError) as error:
                raise ConfigError(
                    f"--benchmark_file={benchmark_file} cannot be read as "
                    f"NAS-Bench-Macro's table ({error!r}); give its JSON file."
                ) from error

    def __call__(self, genotype: Genotype) -> float:
        """Returns the accuracy of a genotype, percent.

        Raises:
            ConfigError: it is not known.
        """
        if genotype.space == "nasbench201":
            try:
                return benchmark201.true_accuracy(genotype, self.benchmark)
            except ImportError as error:
                raise ConfigError(f"--benchmark: {error}") from error
        if genotype.space != "macro":
            raise ConfigError(
                f"--candidates names a search in --space={genotype.space}, of "
                f"which no true accuracies are known; give one in nasbench201 "
                f"or macro."
            )
        if str(genotype) not in self.macro:
            raise ConfigError(
                "--candidates names a search in --space=macro; give "
                "NAS-Bench-Macro's JSON file as --benchmark_file."
            )
        return self.macro[str(genotype)]


def rank(
    path: pathlib.Path,
    sums: Sequence[str],
    rule: str,
    truth: TrueAccuracies,
    resamples: int,
    seed: int,
) -> list[Ranking]:
    """Compares all scores in a candidates.csv, and sums of them.

    Args:
        path: of the run directory.
        sums: names of scores joined by "+".
        rule: that adds them up.
        truth: gives true accuracies.
        resamples: of the bootstrap.
        seed: of the resamples.

    Raises:
        ConfigError: the file cannot be read, or a sum needs what is not there.
    """
    rows = _read(path)
    accuracies = [truth(load_genotype(row["genotype"])) for row in rows]
    columns = _columns(rows)
    predictors = dict(columns)
    for text in sums:
        missing = [name for name in parse(text) if name not in columns]
        if missing:
            raise ConfigError(
                f"--sums={text} needs {missing[0]}, which {path} has not; it "
                f"has {', '.join(columns)}."
            )
        parts = np.stack([columns[name] for name in parse(text)], -1)
        predictors[text] = RULES.get(rule)(parts)
    macs = columns[MACS]
    compared = correlation.compare(
        predictors, accuracies, MACS, resamples, seed=seed
    )
    found = []
    for comparison in compared:
        values = np.asarray(predictors[comparison.name])
        within, pairs = correlation.tau_within(values, accuracies, macs)
        best = np.argsort(-values, kind="stable")[:_TOP]
        top = float(np.mean(np.asarray(accuracies)[best]))
        found.append(Ranking(path.name, comparison, within, pairs, top))
    return found


def _read(path: pathlib.Path) -> list[dict[str, str]]:
    try:
        rows = read_rows(path / files.CANDIDATES)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--candidates names {path}, which holds no {files.CANDIDATES} "
            f"that can be read ({error}); give searches that scored some."
        ) from error
    if len(rows) < 2 or not {"genotype", MACS, PARAMETERS} <= set(rows[0]):
        raise ConfigError(
            f"--candidates names {path}, whose {files.CANDIDATES} has "
            f"{len(rows)} row(s); give a search that scored at least two."
        )
    return rows


def _columns(rows: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
    """Returns name of a score to values, the higher the better."""
    found = {}
    for name in SCORES.names():
        score = SCORES.get(name)
        if score.column in rows[0]:
            values = np.array([float(row[score.column]) for row in rows])
            values = values if score.higher_is_better else -values
            found[name] = np.where(np.isnan(values), -np.inf, values)
    return found


def to_rows(rankings: Sequence[Ranking]) -> list[dict[str, Any]]:
    """Returns rows for a CSV file."""
    rows = correlation.to_rows([ranking.compared for ranking in rankings])
    return [
        {
            "run": ranking.run,
            **row,
            "tau_within_equal_macs": ranking.within,
            "pairs_of_equal_macs": ranking.pairs,
            f"accuracy_of_best_{_TOP}": ranking.top,
        }
        for ranking, row in zip(rankings, rows, strict=True)
    ]


def to_markdown(rankings: Sequence[Ranking]) -> str:
    """Returns a table for each run, and of several the mean and spread."""
    runs: dict[str, list[Ranking]] = {}
    for ranking in rankings:
        runs.setdefault(ranking.run, []).append(ranking)
    parts = [_table(f"## {run}", found) for run, found in runs.items()]
    if len(runs) > 1:
        parts.append(_spread(runs))
    return "\n".join(parts)


_HEADER = (
    "score",
    "n",
    "Kendall tau-b",
    "within equal MACs",
    f"accuracy of the best {_TOP}",
    "tau minus that of MACs",
)


def _table(title: str, rankings: Sequence[Ranking]) -> str:
    lines = [title, "", _line(_HEADER), _line(["---"] * len(_HEADER))]
    for r in sorted(rankings, key=lambda r: -r.compared.tau.value):
        c = r.compared
        lines.append(
            _line(
                [
                    c.name,
                    c.count,
                    c.tau,
                    f"{r.within:.2f} ({r.pairs:,} pairs)",
                    f"{r.top:.2f}",
                    c.difference,
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _spread(runs: Mapping[str, Sequence[Ranking]]) -> str:
    header = ("score", "tau", "within equal MACs", _HEADER[4])
    lines = [
        f"## Mean and standard deviation over {len(runs)} runs",
        "",
        _line(header),
        _line(["---"] * len(header)),
    ]
    by_name: dict[str, list[Ranking]] = {}
    for rankings in runs.values():
        for ranking in rankings:
            by_name.setdefault(ranking.compared.name, []).append(ranking)
    for name, found in by_name.items():
        figures = [
            [r.compared.tau.value for r in found],
            [r.within for r in found],
            [r.top for r in found],
        ]
        cells = [f"{np.mean(f):.3f} ± {_deviation(f):.3f}" for f in figures]
        lines.append(_line([name, *cells]))
    return "\n".join(lines) + "\n"


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
