"""Which gradients are asked for where a pass is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

# Nothing public tells what is watched.
from tensorflow.python.eager import record

_depth = 0


@contextlib.contextmanager
def watched_only() -> Iterator[None]:
    """Says that in a `with` block all gradients are asked for by tapes in it.

    Elsewhere a tape may be one around the function that is being traced, and
    ask for the gradient of what is no variable in it.
    """
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def are_watched(tensors: Sequence[tf.Tensor]) -> tuple[bool, ...]:
    """Returns of each tensor whether its gradient may be asked for."""
    if not _depth:
        return tuple(x.dtype.is_floating for x in tensors)
    return tuple(record.should_record_backprop([x]) for x in tensors)
