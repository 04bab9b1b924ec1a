"""Do scores of networks rank them as their true accuracy does?

Of searches that scored candidates, whose candidates.csv holds the scores;
several searches of the same candidates show what initialisation does.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from maenas_tf.config import ConfigError
from maenas_tf.correlation import statistics as correlation
from maenas_tf.correlation.resampling import Interval, resample
from maenas_tf.runs import files
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import parse
from maenas_tf.scores.rules import RULES
from maenas_tf.spaces import Genotype, accuracy_table, load_genotype
from maenas_tf.spaces.true_accuracies import TrueAccuracies

MACS, PARAMETERS = "macs", "parameters"
TOP = 10
# Shares of the largest candidate's multiply-accumulates.
LIMITS = (0.5, 0.25)


@dataclasses.dataclass(frozen=True)
class Candidates:
    """What a search scored.

    Attributes:
        run: name of its directory.
        space: that it searched.
        genotypes: of the candidates, as texts.
        accuracies: true ones, percent.
        macs: multiply-accumulates of their networks.
        scores: name to values, the higher the better.
    """

    run: str
    space: str
    genotypes: list[str]
    accuracies: np.ndarray
    macs: np.ndarray
    scores: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Pick:
    """What a score takes among the candidates within a limit.

    Attributes:
        accuracy: true one of what it takes; the mean where it is undecided.
        best: true accuracy of the best within the limit.
        mean: of all within it, what a random pick gives.
        count: of the candidates within it.
    """

    accuracy: Interval
    best: float
    mean: float
    count: int

    @property
    def regret(self) -> float:
        """What the score loses to the best."""
        return self.best - self.accuracy.value


@dataclasses.dataclass(frozen=True)
class Ranking:
    """How a score ranks the candidates of one search.

    Attributes:
        run: name of its directory.
        compared: tau and rho with intervals, against MACs.
        within: Kendall's tau among candidates of equal MACs alone.
        pairs: of such candidates.
        top: mean true accuracy of the ten that it ranks best.
        picks: of `LIMITS` to what it takes there; none where no candidate is.
    """

    run: str
    compared: correlation.Comparison
    within: Interval
    pairs: int
    top: Interval
    picks: Mapping[float, Pick]


def table_of(
    space: str, truth: TrueAccuracies, benchmark: str, setting: str
) -> accuracy_table.AccuracyTable:
    """Returns the table of a space, on a data set.

    Args:
        space: its name.
        truth: where it is looked up.
        benchmark: name of the data set.
        setting: what asks for the space, such as "--space=macro".

    Raises:
        ConfigError: it is not at hand.
    """
    known = truth.datasets(space)
    if benchmark in known:
        return truth.table(space, benchmark)
    if known:
        raise ConfigError(
            f"--benchmark={benchmark} is none of {space}, of which true "
            f"accuracies are known on {', '.join(known)}; drop it."
        )
    raise ConfigError(
        f"{setting}. "
        + (
            truth.missing(space)
            or "Of it no true accuracies are known; give one in nasbench201 "
            "or macro."
        )
    )


def read_candidates(
    path: pathlib.Path, truth: TrueAccuracies, benchmark: str
) -> Candidates:
    """Reads a candidates.csv.

    Args:
        path: of the run directory.
        truth: where true accuracies are looked up.
        benchmark: data set of them.

    Raises:
        ConfigError: the file cannot be read, or no true accuracies are at
            hand.
    """
    rows = _read(path)
    genotypes = [load_genotype(row["genotype"]) for row in rows]
    space = genotypes[0].space
    asked = f"--candidates names a search in --space={space}"
    table = table_of(space, truth, benchmark, asked)
    return Candidates(
        path.name,
        space,
        [str(genotype) for genotype in genotypes],
        _accuracies(genotypes, table),
        np.array([float(row[MACS]) for row in rows]),
        _scores(rows),
    )


def averaged(searches: Sequence[Candidates]) -> Candidates | None:
    """Returns the mean over searches of the ranks that each score gives.

    Args:
        searches: of different initialisations.

    Returns:
        Of the candidates that all scored; None where those are fewer than
        ten, or there is one search alone.
    """
    first = searches[0]
    common = set(first.genotypes)
    for found in searches[1:]:
        common &= set(found.genotypes)
    if len(searches) < 2 or len(common) < TOP:
        return None
    genotypes = sorted(common)
    places = [_places(found, genotypes) for found in searches]
    scores = {
        name: np.mean(
            [
                stats.rankdata(found.scores[name][place])
                for found, place in zip(searches, places, strict=True)
            ],
            axis=0,
        )
        for name in first.scores
        if all(name in found.scores for found in searches)
    }
    return Candidates(
        f"ranks averaged over {len(searches)} runs",
        first.space,
        genotypes,
        first.accuracies[places[0]],
        first.macs[places[0]],
        scores,
    )


def _places(found: Candidates, genotypes: Sequence[str]) -> np.ndarray:
    """Returns where genotypes stand among candidates."""
    numbers = {name: number for number, name in enumerate(found.genotypes)}
    return np.array([numbers[name] for name in genotypes])


def rank(
    candidates: Candidates,
    sums: Sequence[str],
    rule: str,
    resamples: int,
    seed: int,
) -> list[Ranking]:
    """Compares all scores of candidates, and sums of them.

    Args:
        candidates: with their scores.
        sums: names of scores joined by "+".
        rule: that adds them up.
        resamples: of the bootstrap.
        seed: of the resamples.

    Raises:
        ConfigError: a sum needs what is not there.
    """
    predictors = dict(candidates.scores)
    for text in sums:
        names = parse(text)
        missing = [name for name in names if name not in candidates.scores]
        if missing:
            raise ConfigError(
                f"--sums={text} needs {missing[0]}, which {candidates.run} "
                f"has not; it has {', '.join(candidates.scores)}."
            )
        parts = np.stack([candidates.scores[name] for name in names], -1)
        predictors[text] = RULES.get(rule)(parts)
    accuracies, macs = candidates.accuracies, candidates.macs
    compared = correlation.compare(
        predictors, accuracies, MACS, resamples, seed=seed
    )
    counts = resample(len(accuracies), resamples, seed)
    found = []
    for comparison in compared:
        values = np.asarray(predictors[comparison.name])
        within, pairs = correlation.tau_within(values, accuracies, macs, counts)
        top = correlation.best_mean(values, accuracies, TOP, counts)
        picks = _picks(values, candidates, resamples, seed)
        found.append(
            Ranking(candidates.run, comparison, within, pairs, top, picks)
        )
    return found


def _picks(
    values: np.ndarray, candidates: Candidates, resamples: int, seed: int
) -> dict[float, Pick]:
    """Returns what a score takes within each limit that leaves two."""
    found = {}
    for limit in LIMITS:
        reached = candidates.macs <= limit * candidates.macs.max()
        accuracies = candidates.accuracies[reached]
        if len(accuracies) > 1:
            counts = resample(len(accuracies), resamples, seed)
            found[limit] = Pick(
                correlation.best_mean(values[reached], accuracies, 1, counts),
                float(accuracies.max()),
                float(accuracies.mean()),
                len(accuracies),
            )
    return found


def _accuracies(
    genotypes: Sequence[Genotype], table: accuracy_table.AccuracyTable
) -> np.ndarray:
    return np.array([table[accuracy_table.key_of(g)] for g in genotypes])


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


def _scores(rows: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
    """Returns name of a score to values, the higher the better."""
    found = {}
    for name in SCORES.names():
        score = SCORES.get(name)
        if score.column in rows[0]:
            values = np.array([float(row[score.column]) for row in rows])
            values = values if score.higher_is_better else -values
            found[name] = np.where(np.isnan(values), -np.inf, values)
    return found
