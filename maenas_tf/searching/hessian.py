"""The dominant eigenvalue of the Hessian of a loss in the alphas.

RobustDARTS (Zela et al., "Understanding and Robustifying Differentiable
Architecture Search", ICLR 2020, section 4) finds that searches whose largest
eigenvalue of grad^2_a L_val grows end in cells that generalise badly.

The products with the Hessian are exact (the gradient is differentiated once
more); the matrix itself is never made.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy.sparse import linalg

Tensors = Sequence[tf.Tensor]
AlphaLoss = Callable[[Tensors], tf.Tensor]
# Products of one call of ARPACK, a dimension of its space each; most Hessians
# of alphas need no more. Fewer cannot find an eigenvalue.
_CYCLE, _FEWEST = 10, 2
# Any: ARPACK gives the best vector of its space, and we say how good it is.
_ANY_TOLERANCE = 1e30


@dataclasses.dataclass(frozen=True)
class Eigenvalue:
    """An estimate of the dominant eigenvalue.

    Attributes:
        value: the eigenvalue of largest magnitude, with its sign.
        iterations: products with the Hessian that were computed.
        residual: ||H u - value u|| for the unit vector u that was found; an
            eigenvalue of H lies within this distance of `value`.
        converged: whether the residual came below tolerance * |value|.
    """

    value: float
    iterations: int
    residual: float
    converged: bool


def hessian_vector_product(
    loss: AlphaLoss, alphas: Tensors, vector: Tensors
) -> list[tf.Tensor]:
    """Returns H v with H = grad^2_a L(a), exactly: grad_a (grad_a L . v).

    Args:
        loss: maps a list of tensors like `alphas` to a scalar.
        alphas: a, where the Hessian is taken.
        vector: v, shaped like `alphas`.

    Returns:
        A list of tensors shaped like `alphas`.
    """
    alphas = list(alphas)
    zero = tf.UnconnectedGradients.ZERO
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(alphas)
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(alphas)
            value = loss(alphas)
        gradient = inner.gradient(value, alphas, unconnected_gradients=zero)
    return outer.gradient(
        gradient, alphas, list(vector), unconnected_gradients=zero
    )


class DominantEigenvalue:
    """Estimates the eigenvalue of largest magnitude, again and again.

    By the method of Lanczos (ARPACK's, by `scipy.sparse.linalg.eigsh`), begun
    anew from the vector it has found until the residual is small. Plain power
    iteration takes the last iterate alone, never does better with as many
    products, and does not settle where the largest eigenvalues are close or
    of both signs.

    The product is traced once, at the first call; what `loss` reads beside
    its argument must be variables (or constants) to be seen by later calls.

    Args:
        loss: maps a list of tensors to a scalar.
        seed: of the first vector, drawn anew for each call.
        tolerance: stop when the residual is below this part of the value.
            The error of the value is about the square of that part.
        max_iterations: most products with the Hessian; with fewer than 5 the
            first vector is all there is.

    Raises:
        ValueError: tolerance or iterations are not positive.

    Examples:
        >>> def loss(alphas):
        ...     return 2.0 * tf.reduce_sum(alphas[0] ** 2)
        >>> round(DominantEigenvalue(loss)([tf.ones([3])]).value, 4)
        4.0
    """

    def __init__(
        self,
        loss: AlphaLoss,
        seed: int = 0,
        tolerance: float = 1e-3,
        max_iterations: int = 50,
    ):
        if not tolerance > 0 or max_iterations < 1:
            raise ValueError(
                f"tolerance={tolerance} and max_iterations={max_iterations} "
                f"must be above 0."
            )
        self.loss = loss
        self.seed = seed
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self._product = tf.function(self._trace, autograph=False)

    def _trace(self, alphas: Tensors, flat: tf.Tensor) -> tf.Tensor:
        vector = _split(flat, alphas)
        product = hessian_vector_product(self.loss, alphas, vector)
        return tf.concat([tf.reshape(p, [-1]) for p in product], 0)

    def __call__(self, alphas: Tensors) -> Eigenvalue:
        """Returns the estimate at `alphas`.

        Raises:
            ValueError: there are no alphas.
        """
        alphas = [tf.convert_to_tensor(a) for a in alphas]
        size = sum(math.prod(a.shape) for a in alphas)
        if not size:
            raise ValueError("alphas is empty; give the tensors to vary.")
        dtype, count = alphas[0].dtype, 0

        def multiply(vector: np.ndarray) -> np.ndarray:
            nonlocal count
            count += 1
            flat = tf.constant(np.ravel(vector), dtype)
            return self._product(alphas, flat).numpy().astype(np.float64)

        operator = linalg.LinearOperator((size, size), multiply, dtype=float)
        rng = np.random.default_rng(self.seed)
        vector = rng.normal(size=size)
        while True:
            vector = vector / np.linalg.norm(vector)
            product = multiply(vector)
            value = float(vector @ product)
            residual = float(np.linalg.norm(product - value * vector))
            if not math.isfinite(residual):
                return Eigenvalue(math.nan, count, math.nan, False)
            converged = residual <= self.tolerance * abs(value)
            # ARPACK multiplies what it begins with too, we what it ends with.
            room = min(size, _CYCLE, self.max_iterations - count - 2)
            if converged or room < _FEWEST:
                return Eigenvalue(value, count, residual, converged)
            _, found = linalg.eigsh(
                operator,
                1,
                v0=vector,
                ncv=room,
                maxiter=1,
                tol=_ANY_TOLERANCE,
                rng=rng,
            )
            vector = found[:, 0]


def _split(flat: tf.Tensor, like: Tensors) -> list[tf.Tensor]:
    """Cuts a vector into tensors of the shapes of `like`."""
    sizes = [math.prod(tensor.shape) for tensor in like]
    parts = tf.split(flat, sizes)
    return [tf.reshape(p, t.shape) for p, t in zip(parts, like, strict=True)]
