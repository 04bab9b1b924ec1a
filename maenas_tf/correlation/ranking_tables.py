"""How scores rank candidates, as tables for computers and for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.correlation import statistics as correlation
from maenas_tf.correlation.candidates import LIMITS, TOP, Pick, Ranking
from maenas_tf.correlation.resampling import Interval

_TOP_NAME = f"accuracy_of_best_{TOP}"
_WITHIN = "within equal MACs"
_BEST = f"accuracy of the best {TOP}"
_PICKED = {limit: f"picked within {limit:.0%} of MACs" for limit in LIMITS}
_HEADER = (
    "score",
    "n",
    "Kendall tau-b",
    _WITHIN,
    _BEST,
    *_PICKED.values(),
    "tau minus that of MACs",
)


def to_rows(rankings: Sequence[Ranking]) -> list[dict[str, Any]]:
    """Returns rows for a CSV file."""
    rows = correlation.to_rows([ranking.compared for ranking in rankings])
    return [
        {
            "run": ranking.run,
            **row,
            **_columns("tau_within_equal_macs", ranking.within),
            "pairs_of_equal_macs": ranking.pairs,
            **_columns(_TOP_NAME, ranking.top),
            **_pick_columns(ranking.picks),
        }
        for ranking, row in zip(rankings, rows, strict=True)
    ]


def _columns(name: str, interval: Interval) -> dict[str, float]:
    return {
        name: interval.value,
        f"{name}_low": interval.low,
        f"{name}_high": interval.high,
    }


def _pick_columns(picks: Mapping[float, Pick]) -> dict[str, Any]:
    """Returns the columns of all limits, empty where nothing is within."""
    found = {}
    nothing = Interval(*[math.nan] * 3)
    for limit in LIMITS:
        end = f"within_{limit:.0%}".replace("%", "_percent")
        pick = picks.get(limit, Pick(nothing, math.nan, math.nan, 0))
        columns = {
            **_columns(f"accuracy_of_pick_{end}", pick.accuracy),
            f"regret_{end}": pick.regret,
            f"accuracy_of_best_{end}": pick.best,
            f"accuracy_of_mean_{end}": pick.mean,
        }
        found |= {
            name: "" if math.isnan(value) else value
            for name, value in columns.items()
        }
        found[f"candidates_{end}"] = pick.count
    return found


def to_markdown(
    rankings: Sequence[Ranking], averaged: Sequence[Ranking] = ()
) -> str:
    """Returns a table for each run, and of several the mean and spread.

    Args:
        rankings: of all runs.
        averaged: of the ranks averaged over the runs, of the candidates that
            all scored; none if those are few.
    """
    runs: dict[str, list[Ranking]] = {}
    for ranking in rankings:
        runs.setdefault(ranking.run, []).append(ranking)
    parts = [_table(f"## {run}", found) for run, found in runs.items()]
    if len(runs) > 1:
        parts.append(_spread(runs))
    if averaged:
        title = averaged[0].run
        parts.append(_table(f"## {title[0].upper()}{title[1:]}", averaged))
    elif len(runs) > 1:
        parts.append(
            f"Fewer than {TOP} candidates were scored in all runs: there are "
            f"no ranks to average over initialisations.\n"
        )
    return "\n".join(parts)


def _table(title: str, rankings: Sequence[Ranking]) -> str:
    lines = [title, "", _line(_HEADER), _line(["---"] * len(_HEADER))]
    for r in sorted(rankings, key=lambda r: -r.compared.tau.value):
        c = r.compared
        picks = (r.picks.get(limit) for limit in LIMITS)
        lines.append(
            _line(
                [
                    c.name,
                    c.count,
                    c.tau,
                    f"{r.within} ({r.pairs:,} pairs)",
                    r.top,
                    *("-" if p is None else p.accuracy for p in picks),
                    c.difference,
                ]
            )
        )
    within = "".join(
        f"Within {limit:.0%} of the largest candidate's multiply-accumulates "
        f"are {pick.count:,}: the best has {pick.best:.2f}, their mean, that "
        f"of a random pick, is {pick.mean:.2f}.\n"
        for limit, pick in rankings[0].picks.items()
    )
    return "\n".join([*lines, "", within])


def _picked(limit: float) -> Callable[[Ranking], float]:
    def figure(ranking: Ranking) -> float:
        pick = ranking.picks.get(limit)
        return math.nan if pick is None else pick.accuracy.value

    return figure


# Of what there is a mean over runs.
_FIGURES: dict[str, Callable[[Ranking], float]] = {
    "tau": lambda ranking: ranking.compared.tau.value,
    _WITHIN: lambda ranking: ranking.within.value,
    _BEST: lambda ranking: ranking.top.value,
    **{name: _picked(limit) for limit, name in _PICKED.items()},
}


def _spread(runs: Mapping[str, Sequence[Ranking]]) -> str:
    header = ("score", *_FIGURES)
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
        figures = [[of(r) for r in found] for of in _FIGURES.values()]
        cells = [f"{np.mean(f):.3f} ± {_deviation(f):.3f}" for f in figures]
        lines.append(_line([name, *cells]))
    return "\n".join(lines) + "\n"


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
