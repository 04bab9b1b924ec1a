r"""Gradients of the bi-level problem (Liu et al., 2019, section 2.3).

    min_a  L_val(w*(a), a)    subject to    w*(a) = argmin_w L_train(w, a)

In code: `alphas` is a, `weights` w, `xi` the step size of the virtual update.
A loss is a function of weights and alphas given as tensors: a pass at virtual
or perturbed weights changes no variable, so that it cannot leave a trace in
weights, statistics or counters, even where the process is killed in it.

Under several replicas a loss is the replica's share of the global loss, the
shares adding up to it. Gradients with respect to weights are needed in full
and pass through `all_reduce`; those of alphas are returned as shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from maenas_tf.ops.watched import watched_only

Tensors = Sequence[tf.Tensor]
Loss = Callable[[Tensors, Tensors], tf.Tensor]
VirtualStep = Callable[[Tensors, Tensors], tuple[list[tf.Tensor], tf.Tensor]]
AllReduce = Callable[[Tensors], list[tf.Tensor]]

HESSIAN_VECTOR_PRODUCTS = ("finite_difference", "exact")


def _identity(tensors: Tensors) -> list[tf.Tensor]:
    return list(tensors)


def gradient(
    loss: Loss, weights: Tensors, alphas: Tensors, with_respect_to: str
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns a loss and its gradient.

    Only what the gradient needs is recorded: with respect to alphas no
    convolution computes the gradient of its filter.

    Args:
        loss: maps weights and alphas to a scalar.
        weights: list of tensors.
        alphas: list of tensors.
        with_respect_to: "weights", "alphas" or "both" (weights first).

    Returns:
        The scalar loss, and a list of tensors shaped like the arguments.
    """
    sources = {
        "weights": list(weights),
        "alphas": list(alphas),
        "both": [*weights, *alphas],
    }[with_respect_to]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        with watched_only():
            value = loss(weights, alphas)
    return value, tape.gradient(
        value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )


def first_order(
    validation_loss: Loss, weights: Tensors, alphas: Tensors
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns L_val and grad_a L_val(w, a), taking w*(a) as w."""
    return gradient(validation_loss, weights, alphas, "alphas")


def second_order(
    train_loss: Loss,
    validation_loss: Loss,
    weights: Tensors,
    alphas: Tensors,
    virtual_step: VirtualStep,
    hessian_vector_product: str = "finite_difference",
    all_reduce: AllReduce = _identity,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    r"""Returns L_val(w', a) and the gradient through one virtual step.

        w' = w - xi (grad_w L_train(w, a) + terms without a)
        v  = grad_w' L_val(w', a)
        gradient = grad_a L_val(w', a) - xi grad^2_{a,w} L_train(w, a) v

    (equation 7). The product is either central differences (equation 8) or
    exact, by differentiating once more the grad_w L_train that the virtual
    step took, which spares another pass and holds its activations longer.

    Args:
        train_loss: L_train.
        validation_loss: L_val.
        weights: w.
        alphas: a.
        virtual_step: maps (w, full gradient) to (w', xi).
        hessian_vector_product: "finite_difference" or "exact".
        all_reduce: sums a list of tensors over the replicas.

    Raises:
        ValueError: the product's name is unknown.
    """
    alphas = list(alphas)
    if hessian_vector_product not in HESSIAN_VECTOR_PRODUCTS:
        raise ValueError(
            f"hessian_vector_product={hessian_vector_product!r} is not valid: "
            f"choose one of {', '.join(HESSIAN_VECTOR_PRODUCTS)}."
        )
    exact = hessian_vector_product == "exact"
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        if exact:  # Else the tape stays empty and costs nothing.
            tape.watch(alphas)
        _, train_gradient = gradient(train_loss, weights, alphas, "weights")
    virtual, xi = virtual_step(weights, all_reduce(train_gradient))
    value, both = gradient(validation_loss, virtual, alphas, "both")
    vector = all_reduce(both[: len(virtual)])
    alpha_gradient = both[len(virtual) :]
    if exact:
        # grad_a (grad_w L . v) with v held fixed.
        product = tape.gradient(
            train_gradient,
            alphas,
            output_gradients=vector,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
    else:
        product = _finite_difference_product(
            train_loss, weights, alphas, vector
        )
    return value, [
        g - tf.cast(xi, g.dtype) * p
        for g, p in zip(alpha_gradient, product, strict=True)
    ]


def _finite_difference_product(
    loss: Loss, weights: Tensors, alphas: Tensors, vector: Tensors
) -> list[tf.Tensor]:
    """(grad_a L(w + eps v) - grad_a L(w - eps v)) / (2 eps)."""
    norm = tf.linalg.global_norm(vector)
    # A vanishing v has a vanishing product; keep eps finite.
    epsilon = 0.01 / tf.maximum(norm, tf.cast(1e-12, norm.dtype))
    shifts = [epsilon * v for v in vector]
    pairs = list(zip(weights, shifts, strict=True))
    plus, minus = (
        gradient(loss, moved, alphas, "alphas")[1]
        for moved in ([w + s for w, s in pairs], [w - s for w, s in pairs])
    )
    return [
        (p - m) / tf.cast(2.0 * epsilon, p.dtype)
        for p, m in zip(plus, minus, strict=True)
    ]


def sgd_virtual_step(
    weights: Tensors,
    gradients: Tensors,
    velocities: Tensors,
    learning_rate: tf.Tensor | float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Returns where SGD would step next, and xi.

    With Keras' velocity u (it holds the learning rate), g the gradient with
    the weight decay's part:

        w' = w + m u - r g                      xi = r
        w' = w + m (m u - r g) - r g            xi = r (1 + m)   (Nesterov)

    As in the reference, the virtual step is not clipped.

    Args:
        weights: w.
        gradients: of the training loss, shaped like w.
        velocities: u, shaped like w.
        learning_rate: r.
        momentum: m.
        nesterov: the second form.
        weight_decay: L2 factor.
    """
    rate = tf.cast(learning_rate, weights[0].dtype)
    xi = rate * (1.0 + momentum) if nesterov else rate
    pull = momentum * momentum if nesterov else momentum
    # The decay's part is a factor of w.
    kept = 1.0 - xi * weight_decay
    virtual = [
        kept * w + pull * u - xi * g
        for w, g, u in zip(weights, gradients, velocities, strict=True)
    ]
    return virtual, xi
