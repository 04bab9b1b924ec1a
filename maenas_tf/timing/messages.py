"""What the replicas of a step send each other, counted in its graph."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

# Operations that replicas make together, of several processes or of one.
_COLLECTIVE = ("CollectiveReduce", "NcclAllReduce")
_CALL = "PartitionedCall"


@dataclasses.dataclass(frozen=True)
class Messages:
    """Sums over the replicas in a step.

    Attributes:
        count: how many.
        bytes: what each replica gives into them, all together.
    """

    count: int = 0
    bytes: int = 0


def count_messages(graph: tf.Graph, replicas: int) -> Messages:
    """Counts the collective operations of a graph, and of what it calls.

    Args:
        graph: of a step.
        replicas: of this process; the graph holds all of them.
    """
    sizes = _sizes(graph)
    return Messages(len(sizes) // replicas, sum(sizes) // replicas)


def _sizes(graph: tf.Graph) -> list[int]:
    """Returns the bytes of what goes into each collective operation."""
    sizes = []
    for op in graph.get_operations():
        if op.type.startswith(_COLLECTIVE):
            tensor = op.inputs[0]
            sizes.append(tensor.shape.num_elements() * tensor.dtype.size)
        elif op.type.endswith(_CALL):
            # A function that is called twice sends twice.
            called = graph._get_function(op.get_attr("f").name)
            sizes += _sizes(called.graph)
    return sizes
