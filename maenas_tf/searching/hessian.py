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

Tensors = Sequence[tf.Tensor]
AlphaLoss = Callable[[Tensors], tf.Tensor]
# A product smaller than this part of the largest one is rounding.
_ROUNDING = {tf.float32: 1e-6, tf.float64: 1e-12}


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

    Power iteration that keeps its iterates: after k products it takes the
    best vector of the space span(v, H v, ..., H^(k-1) v) (Rayleigh-Ritz;
    the method of Lanczos, with full orthogonalisation). Plain power iteration
    takes the last iterate alone, never does better with as many products, and
    does not settle where the largest eigenvalues are close or of both signs.

    The product is traced once, at the first call; what `loss` reads beside
    its argument must be variables (or constants) to be seen by later calls.

    Args:
        loss: maps a list of tensors to a scalar.
        seed: of the first vector, drawn anew for each call.
        tolerance: stop when the residual is below this part of the value.
            The error of the value is about the square of that part.
        max_iterations: most products with the Hessian.

    Raises:
        ValueError: tolerance or iterations are not positive.

    Example:
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
        dtype = alphas[0].dtype

        def multiply(vector: np.ndarray) -> np.ndarray:
            flat = tf.constant(vector, dtype)
            return self._product(alphas, flat).numpy().astype(np.float64)

        start = np.random.default_rng(self.seed).normal(size=size)
        return self._iterate(multiply, start, _ROUNDING.get(dtype, 1e-3))

    def _iterate(
        self,
        multiply: Callable[[np.ndarray], np.ndarray],
        vector: np.ndarray,
        rounding: float,
    ) -> Eigenvalue:
        basis, products = [], []
        most = min(self.max_iterations, len(vector))
        while True:
            basis.append(vector / np.linalg.norm(vector))
            products.append(multiply(basis[-1]))
            b, p = np.stack(basis), np.stack(products)
            value, residual = _ritz(b, p)
            scale = np.linalg.norm(p, axis=1).max()
            if not np.isfinite(scale):
                return Eigenvalue(math.nan, len(basis), math.nan, False)
            if residual <= max(self.tolerance * abs(value), rounding * scale):
                return Eigenvalue(value, len(basis), residual, True)
            vector = products[-1]
            for _ in range(2):  # once leaves too much to rounding
                vector = vector - b.T @ (b @ vector)
            exhausted = np.linalg.norm(vector) <= rounding * scale
            if exhausted or len(basis) == most:
                return Eigenvalue(value, len(basis), residual, False)


def _ritz(basis: np.ndarray, products: np.ndarray) -> tuple[float, float]:
    """Returns the largest Ritz value and its residual.

    Args:
        basis: orthonormal rows, [k, n].
        products: H times each, [k, n].
    """
    small = basis @ products.T
    small = np.nan_to_num(small + small.T) / 2.0
    values, vectors = np.linalg.eigh(small)
    best = np.argmax(np.abs(values))
    found, image = vectors[:, best] @ basis, vectors[:, best] @ products
    return float(values[best]), float(
        np.linalg.norm(image - values[best] * found)
    )


def _split(flat: tf.Tensor, like: Tensors) -> list[tf.Tensor]:
    """Cuts a vector into tensors of the shapes of `like`."""
    sizes = [math.prod(tensor.shape) for tensor in like]
    parts = tf.split(flat, sizes)
    return [tf.reshape(p, t.shape) for p, t in zip(parts, like, strict=True)]
