"""What the tests of layers share: filled weights, gradients."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp


def variables_by_name(layer) -> dict:
    """Returns the layer's variables, named as inside the layer."""
    prefix = f"{layer.name}/"
    named = {}
    for variable in layer.variables:
        assert variable.path.startswith(prefix), variable.path
        named[variable.path.removeprefix(prefix)] = variable
    return named


def singly(layer, values=None) -> list:
    """Returns all trainable weights, those of edges that stack them singly.

    Args:
        layer: may hold edges of a supernet.
        values: of its trainable variables, such as gradients, to be taken
            apart in place of the weights.
    """
    variables = layer.trainable_variables
    given = None
    if values is not None:
        given = {
            id(v): value for v, value in zip(variables, values, strict=True)
        }
    edges = [e for e in layer._flatten_layers() if isinstance(e, MixedOp)]
    pieces_of = {
        id(piece.variable): edge.pack.pieces
        for edge in edges
        for piece in edge.pack.pieces
    }
    found, done = [], set()
    for variable in variables:
        pieces = pieces_of.get(id(variable))
        if pieces is None:
            found.append(variable if given is None else given[id(variable)])
        elif id(pieces) not in done:
            done.add(id(pieces))
            found += (
                piece
                if given is None
                else given[id(piece.variable)][piece.place]
                for piece in pieces
            )
    return found


def fill(layer, seed: int = 0) -> dict[str, np.ndarray]:
    """Gives every float variable a value that shows and returns them all.

    Normal numbers, so that no scale is one and no offset zero; variances
    between 0.5 and 2.
    """
    rng = np.random.default_rng(seed)
    for name, variable in variables_by_name(layer).items():
        if not variable.dtype.startswith("float"):
            continue
        value = rng.normal(size=variable.shape)
        if name.endswith("moving_variance"):
            value = rng.uniform(0.5, 2.0, variable.shape)
        elif name.endswith("gamma"):
            value = rng.uniform(0.5, 1.5, variable.shape)
        variable.assign(value)
    return {
        name: variable.numpy().astype(np.float64)
        if variable.dtype.startswith("float")
        else variable.numpy()
        for name, variable in variables_by_name(layer).items()
    }


def image(shape, seed: int = 0) -> np.ndarray:
    """Returns normal float32 numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def gradients(function, sources):
    """Returns function() and the gradients of a fixed random projection.

    A sum would not do: normalisation makes the sum's gradient zero.
    """
    sources = [getattr(source, "value", source) for source in sources]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y = function()
        projection = tf.constant(image(y.shape, seed=99), y.dtype)
        loss = tf.reduce_sum(y * projection)
    found = tape.gradient(loss, sources, unconnected_gradients="zero")
    return y, found
