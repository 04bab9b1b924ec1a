"""The one wiring loop, of the search cell and the found cell."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import tensorflow as tf

from maenas_tf.ops import probe
from maenas_tf.ops.source import SourceNode, Term, add_terms

# What stands on an edge: source node, target node and a function from the
# source to the terms it adds to the target.
Connection = tuple[int, int, Callable[[SourceNode], list[Term]]]


def wire(
    inputs: Sequence[tf.Tensor],
    connections: Sequence[Connection],
    concat: Sequence[int],
) -> tf.Tensor:
    """Computes a cell: every inner node is the sum over its edges.

    Args:
        inputs: the input nodes' values, each [B, H, W, C].
        connections: in ascending order of the target node; a node without
            any has no value.
        concat: the nodes whose values make up the output.

    Returns:
        [B, H', W', C * len(concat)].

    Raises:
        ValueError: the order is another, or a node without a value is asked
            for.
    """
    nodes = {index: SourceNode(x) for index, x in enumerate(inputs)}
    for target, group in itertools.groupby(connections, key=lambda c: c[1]):
        if target <= max(nodes):
            raise ValueError(
                f"The connections reach node {target} after node "
                f"{max(nodes)}; order them by their target."
            )
        terms = [
            term
            for source, _, edge in group
            for term in edge(_value_of(nodes, source))
        ]
        nodes[target] = SourceNode(add_terms(terms))
    outputs = [_value_of(nodes, index).value for index in concat]
    return outputs[0] if len(outputs) == 1 else probe.concat(outputs)


def _value_of(nodes: dict[int, SourceNode], index: int) -> SourceNode:
    if index not in nodes:
        raise ValueError(
            f"No connection leads to node {index}, whose value is asked for; "
            f"nodes with a value are {sorted(nodes)}."
        )
    return nodes[index]
