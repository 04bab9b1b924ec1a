"""The architecture parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.spaces import CellType, Space
from maenas_tf.spaces.candidates import Candidates, all_candidates

Values = Mapping[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One array of the architecture parameters.

    Attributes:
        shape: of the array.
        initializer: of its values.
        trainable: whether the loss of the alphas moves it.
        candidates_of: cell type for whose candidates, [edges, primitives], it
            holds a logit each; one that does not exist reads minus infinity.
        edges_of: cell type for whose edges, [edges], it holds a number each.
    """

    shape: tuple[int, ...]
    initializer: keras.initializers.Initializer
    trainable: bool = True
    candidates_of: str = ""
    edges_of: str = ""


EdgeWeightsOf = Callable[[Values, CellType], tf.Tensor]


def alpha_matrices(space: Space, stddev: float = 1e-3) -> dict[str, Parameter]:
    """Returns one matrix of alphas per cell type, shared by all its cells.

    Args:
        space: search space.
        stddev: of the normal initial values.
    """
    return {
        f"alphas_{cell_type.name}": Parameter(
            (cell_type.num_edges, cell_type.max_primitives),
            keras.initializers.RandomNormal(stddev=stddev),
            candidates_of=cell_type.name,
        )
        for cell_type in space.cell_types
    }


def softmax_weights(values: Values, cell_type: CellType) -> tf.Tensor:
    """Returns softmax over the primitives of each edge (DARTS, equation 2).

    Args:
        values: of the parameters by name, minus infinity where a candidate
            does not exist.
        cell_type: whose weights are asked for.

    Returns:
        [edges, primitives]; each row sums to 1.
    """
    return tf.nn.softmax(values[f"alphas_{cell_type.name}"], axis=-1)


class ArchitectureParameters(keras.layers.Layer):
    """The arrays of which an algorithm makes the weights of the edges.

    They are float32 under every precision policy and live in this layer
    alone, which is how the weight optimizer is kept away from them.

    Args:
        space: search space.
        parameters: by name; None takes `alpha_matrices`.
        edge_weights: maps values by name and a cell type to [edges,
            primitives].
        candidates: which of the space's there are; None means all.

    Attributes:
        arrays: variables by name.
    """

    def __init__(
        self,
        space: Space,
        parameters: Mapping[str, Parameter] | None = None,
        edge_weights: EdgeWeightsOf = softmax_weights,
        candidates: Candidates | None = None,
        **kwargs,
    ):
        super().__init__(dtype="float32", **kwargs)
        self.space = space
        if parameters is None:
            parameters = alpha_matrices(space)
        self.parameters = dict(parameters)
        self.edge_weights_of = edge_weights
        if candidates is None:
            candidates = all_candidates(space)
        self.candidates = dict(candidates)
        self.arrays = {}
        self.build()

    def build(self, input_shape=None):
        for name, parameter in self.parameters.items():
            self.arrays[name] = self.add_weight(
                name=name,
                shape=parameter.shape,
                initializer=parameter.initializer,
                trainable=parameter.trainable,
                dtype="float32",
                autocast=False,
            )
        self.built = True

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Sets all arrays.

        Args:
            arrays: by name.

        Raises:
            ConfigError: one is missing, unknown or of another shape.
        """
        found = {name: np.shape(array) for name, array in arrays.items()}
        wanted = {name: tuple(v.shape) for name, v in self.arrays.items()}
        if found != wanted:
            raise ConfigError(
                f"The architecture parameters of {self.space.name} are "
                f"{wanted}, received {found}."
            )
        for name, array in arrays.items():
            self.arrays[name].assign(array)

    def numbers(self) -> dict[str, float]:
        """Returns the arrays that are a number each, by name."""
        return {
            name: float(keras.ops.convert_to_numpy(variable))
            for name, variable in self.arrays.items()
            if not len(variable.shape)
        }

    def edge_numbers(self) -> dict[str, float]:
        """Returns what an edge has a number of, by array and edge."""
        found = {}
        for name, parameter in self.parameters.items():
            if parameter.edges_of:
                kind = self.space.cell_type(parameter.edges_of)
                each = keras.ops.convert_to_numpy(self.arrays[name])
                for edge, number in zip(kind.edges, each, strict=True):
                    place = f"edge_{edge.source}_{edge.node}"
                    found[f"{name}/{place}"] = float(number)
        return found

    def values(self) -> dict[str, tf.Tensor]:
        """Returns the values by name, minus infinity for what is absent."""
        values = {}
        for name, parameter in self.parameters.items():
            value = tf.convert_to_tensor(self.arrays[name])
            if parameter.candidates_of:
                exists = self.candidates[parameter.candidates_of]
                if not exists.all():
                    value = tf.where(exists, value, -np.inf)
            values[name] = value
        return values

    def edge_weights(self) -> dict[str, tf.Tensor]:
        """Returns cell type to weights of the edges, [edges, primitives]."""
        values = self.values()
        return {
            cell_type.name: self.edge_weights_of(values, cell_type)
            for cell_type in self.space.cell_types
        }

    def numpy(self) -> dict[str, np.ndarray]:
        """Returns the edge weights as arrays, for derivation and records."""
        return {k: v.numpy() for k, v in self.edge_weights().items()}
