"""Candidates of an edge whose replicas tell each other statistics together.

A replica asks for the statistics of all replicas at each normalisation. What
the candidates of an edge ask for at the same time is one message, and what they
compute between two messages is one function.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from maenas_tf.ops.primitive import Link, Primitive
from maenas_tf.ops.replica import all_reduce_sum
from maenas_tf.ops.source import Phases, Term
from maenas_tf.ops.told_kernel import moments

# (number, compute, inputs) to compute(*inputs); each number is a part.
Share = Callable[[int, Callable[..., Any], tuple[Any, ...]], Any]


def joined(
    candidates: Sequence[Primitive],
    chains: Sequence[Sequence[Link]],
    begun: Sequence[Any],
    weights: Sequence[tf.Tensor],
    training: bool,
    share: Share,
) -> list[Term]:
    """Returns what `finish` does of each candidate, in their order.

    Args:
        candidates: of the edge.
        chains: the `links` of each.
        begun: what each of them begins with.
        weights: of each.
        training: passed on.
        share: computes a part, by a function where functions are shared.
    """
    terms: dict[int, Term] = {}
    number, values, statistics = 0, dict(enumerate(begun)), ()
    while values:
        ending = [k for k in values if len(chains[k]) == number]
        results, values, part = share(
            number,
            functools.partial(_part, candidates, chains, number, training),
            (values, {k: weights[k] for k in ending}, statistics),
        )
        for k in ending:
            apart = isinstance(begun[k], Phases) and number
            terms[k] = Phases(results[k]) if apart else results[k]
        if values:
            statistics = part, *all_reduce_sum([part])
        number += 1
    return [terms[k] for k in range(len(candidates))]


def _part(
    candidates: Sequence[Primitive],
    chains: Sequence[Sequence[Link]],
    number: int,
    training: bool,
    values: dict[int, Any],
    weights: dict[int, tf.Tensor],
    statistics: Sequence[tf.Tensor],
) -> tuple[dict[int, Term], dict[int, tf.Tensor], tf.Tensor | None]:
    """Computes from a message to the next.

    Args:
        candidates: all.
        chains: their links.
        number: of the messages before.
        training: passed on.
        values: of those that are not at their end, what each begins with or,
            after a message, what it normalises.
        weights: of those that end here.
        statistics: of the values, here and of all replicas, end to end.

    Returns:
        The results of those that end, what the others normalise next, and
        its statistics here, end to end.
    """
    if number:
        widths = [x.shape[-1] for x in values.values()]
        split = [tf.split(each, widths, -1) for each in statistics]
        values = {
            k: chains[k][number - 1].norm.told(x, part, total, weights.get(k))
            for (k, x), part, total in zip(values.items(), *split, strict=True)
        }
    ended, following = {}, {}
    for k, x in values.items():
        if k not in weights:
            following[k] = chains[k][number].compute(x)
        elif number:
            ended[k] = x
        else:
            ended[k] = candidates[k].finish(x, weights[k], training)
    parts = [moments(x) for x in following.values()]
    return ended, following, tf.concat(parts, -1) if parts else None
