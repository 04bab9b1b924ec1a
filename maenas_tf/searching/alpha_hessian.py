"""The curvature of the search's loss in the alphas, measured as it goes."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from maenas_tf.engine.console import say
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.hessian import DominantEigenvalue, Eigenvalue
from maenas_tf.searching.searcher import Searcher


class AlphaHessian:
    """Measures the dominant eigenvalue of the alphas' Hessian.

    Of the loss that the alphas descend (`Searcher.alpha_loss`) on a batch of
    their half of the images, with their weight decay, at the weights as they
    are (Zela et al., "RobustDARTS", 2020, section 4). All cell types count
    together. The batch is the same each time, so that readings differ by what
    the search did alone. A measurement changes no variable and draws no
    random number of the search.

    Under several replicas the first one measures, with the whole batch.

    Args:
        searcher: of which the alphas are.
        config: says when to measure.
        make_batch: makes the batch, examples of the task; called once, before
            the first measurement.
        epochs: of the whole search; 0 takes the configuration's.
    """

    def __init__(
        self,
        searcher: Searcher,
        config: SearchConfig,
        make_batch: Callable[[], dict[str, tf.Tensor]],
        epochs: int = 0,
    ):
        self.searcher = searcher
        self.every = config.hessian_every
        self.epochs = epochs or config.epochs
        self._make_batch = make_batch
        self._has_batch = False
        self._batch: dict[str, tf.Variable] = {}
        self._eigenvalue = DominantEigenvalue(self._loss, config.seed)

    def begin_anew(
        self, seed: int, make_batch: Callable[[], dict[str, tf.Tensor]]
    ) -> None:
        """Measures a search of another seed from now on, by the same graph.

        Args:
            seed: of that search.
            make_batch: as above, of its images.
        """
        self._eigenvalue.seed, self._make_batch = seed, make_batch
        self._has_batch = False

    def columns(self, epoch: int) -> dict[str, float | str]:
        """Returns what history.csv holds about an epoch, and says it.

        Args:
            epoch: just finished, counted from 0.

        Returns:
            Empty texts where it was not the turn of this epoch; no column
            where measuring is off.
        """
        if not self.every:
            return {}
        value = residual = ""
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.epochs:
            found = self.measure()
            say(_describe(found))
            value, residual = found.value, found.residual
        return {"hessian_eigenvalue": value, "hessian_residual": residual}

    def measure(self) -> Eigenvalue:
        """Returns the eigenvalue now."""
        if not self._has_batch:
            self._take(self._make_batch())
            self._has_batch = True
        return self._eigenvalue(self.searcher.alpha_variables)

    def _take(self, batch: dict[str, tf.Tensor]) -> None:
        """Keeps the batch in variables, as the product is traced once."""
        for name, value in batch.items():
            if name in self._batch:
                self._batch[name].assign(value)
            else:
                self._batch[name] = tf.Variable(value, trainable=False)

    def _loss(self, alphas: list[tf.Tensor]) -> tf.Tensor:
        weights = [
            tf.convert_to_tensor(v) for v in self.searcher.weight_variables
        ]
        batch = {k: tf.convert_to_tensor(v) for k, v in self._batch.items()}
        return self.searcher.alpha_loss(batch, weights, alphas, with_decay=True)


def _describe(found: Eigenvalue) -> str:
    text = f"Hessian of the alphas: dominant eigenvalue {found.value:.5g}"
    if not found.converged:
        text += (
            f" (not converged after {found.iterations} products: residual "
            f"{found.residual:.2g})"
        )
    return text
