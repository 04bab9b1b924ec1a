"""Tests of the scores of networks as they are initialised.

Each against a slow form, of the network that Keras builds where that has one.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops import normalization
from maenas_tf.ops.probe import Probe
from maenas_tf.scores import SCORES, fisher, naswot
from maenas_tf.scores.joint import JointScore
from maenas_tf.scores.patterns import Patterns
from maenas_tf.scores.start import Start
from maenas_tf.scores.trainability import _signs
from maenas_tf.scores.vkdnw import decile_entropy
from maenas_tf.skeletons import network_cost
from maenas_tf.spaces import Genotype
from tests.scores import networks

CELL = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|"
CELL += "nor_conv_3x3~1|nor_conv_1x1~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
SKIPS = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
OF_START = [n for n in SCORES.names() if SCORES.get(n).needs_start]
SPACES_AND_CELLS = [
    ("nasbench201", Genotype.from_string(CELL)),
    ("darts", networks.some("darts")),
    ("macro", networks.some("macro")),
]
everywhere = pytest.mark.parametrize(("space", "genotype"), SPACES_AND_CELLS)


def score(name, start, genotype):
    made = SCORES.get(name)(start=start)
    (found,) = made({}, [genotype])
    return found


def by_keras(space, genotype):
    start = networks.make_start(space)
    network = networks.stand_alone(start, genotype)
    return start, network, networks.outputs(network, start.images)


@everywhere
def test_regions_are_the_distinct_patterns(space, genotype):
    start, network, _ = by_keras(space, genotype)
    patterns = set()
    for x in networks.watch(network, start.images):
        bits = (x.numpy() > 0).reshape(len(x), -1)
        patterns |= {tuple(unit) for unit in bits.T}
    found = score("regions", start, genotype)
    # A number near 0 may fall on either side.
    assert found == pytest.approx(len(patterns), rel=0.02)
    assert found <= 2 ** len(start.images)


@everywhere
def test_naswot_is_the_determinant_of_agreement(space, genotype):
    start, network, _ = by_keras(space, genotype)
    total = 0.0
    for value in networks.watch(network, start.images):
        x = (value.numpy() > 0).reshape(len(value), -1).astype(float)
        total = total + x @ x.T + (1 - x) @ (1 - x).T
    sign, expected = np.linalg.slogdet(total)
    assert sign == 1
    found = score("naswot", start, genotype)
    assert found == pytest.approx(expected, abs=0.02)


@everywhere
def test_expressivity_and_progressivity_are_of_the_spectra(space, genotype):
    start, _, values = by_keras(space, genotype)
    found = []
    for name, value in values.items():
        if name != "images":
            x = value.numpy().reshape(-1, value.shape[-1]).astype(float)
            spectrum = np.linalg.svd(np.cov(x.T), compute_uv=False)
            p = spectrum / spectrum.sum()
            found.append(-(p * np.log(p + 1e-8)).sum())
    expected = pytest.approx(sum(found), rel=1e-4)
    assert score("expressivity", start, genotype) == expected
    least = min(b - a for a, b in itertools.pairwise(found))
    expected = pytest.approx(least, abs=1e-3)
    assert score("progressivity", start, genotype) == expected


@everywhere
def test_trainability_is_of_the_jacobian_of_every_block(space, genotype):
    start, network, values = by_keras(space, genotype)
    trunk, found = network.trunk, []
    for number, (placement, layer) in enumerate(
        zip(trunk.plan.placements, trunk.placed, strict=True)
    ):
        if not number:
            continue
        upstream = _signs(tuple(values[placement.name].shape), number).numpy()
        inputs = [values[name] for name in placement.inputs]
        with tf.GradientTape() as tape:
            tape.watch(inputs[-1])
            is_cell = hasattr(placement, "concat")
            y = layer.call(inputs if is_cell else inputs[-1], training=True)
            total = tf.reduce_sum(y * tf.cast(upstream, tf.float32))
        g_in = tape.gradient(total, inputs[-1]).numpy()
        if g_in.shape == upstream.shape and (g_in == upstream).all():
            continue  # The identity is no block.
        step = g_in.shape[1] // upstream.shape[1]
        g_in = sum(
            g_in[:, i::step, j::step] for i in range(step) for j in range(step)
        )
        pairs = zip(
            g_in.reshape(-1, g_in.shape[-1]),
            upstream.reshape(-1, upstream.shape[-1]),
            strict=True,
        )
        mean = np.mean([np.outer(a, b) for a, b in pairs], axis=0)
        s = np.linalg.svd(mean, compute_uv=False)[0]
        found.append(-s - 1 / (s + 1e-6) + 2)
    expected = pytest.approx(np.mean(found), rel=2e-3, abs=2e-3)
    assert score("trainability", start, genotype) == expected


@pytest.mark.parametrize(
    ("space", "genotype", "through_statistics"),
    [
        *((*each, True) for each in SPACES_AND_CELLS),
        # Where all that is pooled comes out of normalisations, these
        # gradients are rounding.
        ("s3", networks.some("s3"), False),
    ],
)
def test_jacov_is_of_the_gradients_of_the_images(
    space, genotype, through_statistics, monkeypatch
):
    start, network, _ = by_keras(space, genotype)
    # After a pass the moving statistics are the batch's.
    monkeypatch.setattr(normalization, "MOMENTUM", 0.0)
    network(start.images, training=True)
    with tf.GradientTape() as tape:
        tape.watch(start.images)
        logits = network(start.images, training=through_statistics)
        total = tf.reduce_sum(logits)
    gradients = tape.gradient(total, start.images).numpy()
    v = np.linalg.eigvalsh(np.corrcoef(gradients.reshape(len(gradients), -1)))
    expected = -np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5))
    found = score("jacov", start, genotype)
    assert found == pytest.approx(expected, rel=0.01)


class Plain(Probe):
    """Normalises nothing, and lets gradients through to the weights."""

    normalizes = False

    def convolve(self, x, kernel, compute, to_input):
        return compute(x, kernel)


@pytest.mark.parametrize("space", ["nasbench201", "s2"])
def test_synflow_is_what_every_weight_carries(space):
    start = networks.make_start(space)
    genotype = networks.some(space)
    candidate = start.candidate(genotype)
    weights = [v for v in start.network.weights if len(v.shape) > 1]
    values = [v.numpy() for v in weights]
    image = tf.ones_like(start.images[:1])

    def total():
        probe = Plain()
        feature = candidate.feature(probe, image)
        logits = start.network.classify(candidate.pooled(probe, feature))
        return float(tf.reduce_sum(logits))

    try:
        for variable, value in zip(weights, values, strict=True):
            variable.assign(np.abs(value))
        whole, flow = total(), 0.0
        for variable, value in zip(weights, values, strict=True):
            # It is linear in the weights of one layer.
            variable.assign(2 * np.abs(value))
            flow += total() - whole
            variable.assign(np.abs(value))
    finally:
        for variable, value in zip(weights, values, strict=True):
            variable.assign(value)
    found = score("synflow", start, genotype)
    assert found == pytest.approx(math.log(flow), abs=1e-3)


@pytest.mark.parametrize("space", ["nasbench201", "s1"])
def test_the_fisher_information_is_that_of_the_definition(space):
    start = networks.make_start(space, 3)
    genotype = networks.some(space)
    candidate = start.candidate(genotype)
    found = fisher.information(candidate)
    network, probe = start.network, Plain()
    with tf.GradientTape(persistent=True) as tape:
        feature = candidate.feature(probe, start.images)
        logits = network.classify(candidate.pooled(probe, feature))
        p = 0.95 * tf.nn.softmax(logits) + 0.05 / logits.shape[1]
        logits = tf.unstack(tf.reshape(logits, [-1]))
    kernels = [v for v in network.weights if len(v.shape) > 1]
    rows = []
    for logit in logits:
        gradients = tape.gradient(logit, [v.value for v in kernels])
        rows.append([g.numpy().ravel()[0] for g in gradients if g is not None])
    jacobians = np.array(rows).reshape(len(start.images), -1, len(rows[0]))
    total = 0.0
    for jacobian, q in zip(jacobians, p.numpy(), strict=True):
        scatter = np.diag(q) - np.outer(q, q)
        total = total + jacobian.T @ scatter @ jacobian
    # In another order of the layers: the spectrum does not see it.
    expected = np.linalg.eigvalsh(total / len(start.images))
    assert len(found) == len(expected)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(found),
        expected,
        rtol=1e-3,
        atol=1e-4 * expected.max(),
    )
    vkdnw = score("vkdnw", start, genotype)
    assert vkdnw == pytest.approx(
        len(found) + decile_entropy(np.linalg.eigvalsh(found))
    )
    assert score("layers", start, genotype) == len(found)


def test_deciles_that_are_alike_have_the_entropy_of_nine():
    assert decile_entropy(np.full(30, 4.0)) == pytest.approx(math.log(9))
    assert decile_entropy(np.zeros(5)) == 0.0
    one = np.zeros(20)
    one[-3:] = 1.0
    assert decile_entropy(one) == pytest.approx(0.0)


def test_costs_are_those_of_the_closed_form():
    genotype = Genotype.from_string(CELL)
    size = networks.size_of("nasbench201")
    cost = network_cost(genotype, size)
    for name in ("macs", "parameters"):
        made = SCORES.get(name)(size=size)
        assert made({}, [genotype]) == [getattr(cost, name)]


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("regions", "s3"),
        ("naswot", "s3"),
        ("expressivity", "s3"),
        ("jacov", "s3"),
        ("jacov", "nasbench201"),
    ],
)
def test_the_order_of_images_changes_nothing(name, space):
    start = networks.make_start(space)
    other = Start(start.network, start.images[::-1])
    genotype = networks.some(space)
    # Small eigenvalues make rounding count.
    close = {"rel": 0.02 if name == "jacov" else 1e-3}
    expected = pytest.approx(score(name, start, genotype), **close)
    assert score(name, other, genotype) == expected


@pytest.mark.parametrize("space", ["nasbench201", "s3"])
def test_with_statistics_held_an_image_moves_its_own_logits_alone(space):
    candidate = networks.make_start(space).candidate(networks.some(space))
    recording = candidate.recording
    upstream = np.zeros(recording.logits.shape, np.float32)
    upstream[2] = 1.0
    gradients = np.abs(recording.to_images(tf.constant(upstream), True).numpy())
    assert gradients[2].max() > 1e-3
    assert np.delete(gradients, 2, 0).max() == 0.0


@pytest.mark.parametrize("name", OF_START)
def test_edges_that_lead_nowhere_change_nothing(name):
    start = networks.make_start("nasbench201")
    end = "|nor_conv_1x1~0|none~1|none~2|"
    bare = Genotype.from_string(f"|none~0|+|none~0|none~1|+{end}")
    dead = Genotype.from_string(f"|nor_conv_3x3~0|+|none~0|none~1|+{end}")
    assert score(name, start, dead) == score(name, start, bare)


def test_equal_patterns_count_once_and_agreement_adds_up():
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 30)), tf.float32)
    once, twice = Patterns([x]), Patterns([x, x])
    np.testing.assert_array_equal(Patterns([x, x, 2 * x]).numbers, once.numbers)
    np.testing.assert_array_equal(twice.agreement(), 2 * once.agreement())
    found = naswot.log_determinant(once.agreement())
    doubled = naswot.log_determinant(twice.agreement())
    assert doubled - found == pytest.approx(4 * math.log(2))
    with pytest.raises(ValueError, match="30 images are too many"):
        Patterns([tf.transpose(x)])


@pytest.mark.parametrize("space", ["nasbench201", "s4"])
def test_candidates_are_judged_together_as_each_alone(space):
    start = networks.make_start(space)
    scores = [SCORES.get(name)(start=start) for name in OF_START]
    genotypes = [networks.some(space, seed) for seed in range(4)]
    alone = [
        [score.of(candidate) for score in scores]
        for candidate in map(start.candidate, genotypes)
    ]
    together = JointScore(scores)({}, genotypes)
    np.testing.assert_allclose(together, alone, rtol=1e-6)


@pytest.mark.parametrize("name", OF_START)
@pytest.mark.parametrize("text", [NOTHING, SKIPS])
def test_a_network_that_computes_hardly_anything_has_a_score(name, text):
    start = networks.make_start("nasbench201")
    found = score(name, start, Genotype.from_string(text))
    assert np.isfinite(found)
    if text == NOTHING and name != "progressivity":
        assert found < score(name, start, Genotype.from_string(CELL))


def test_what_lets_nothing_through_is_the_worst_to_train():
    start = networks.make_start("nasbench201")
    worst, identity, good = (
        score("trainability", start, Genotype.from_string(text))
        for text in (NOTHING, SKIPS, CELL)
    )
    assert worst < good - 1000
    assert identity == pytest.approx(good, abs=10)


@pytest.mark.parametrize("name", SCORES.names())
def test_a_score_says_what_it_reads_what_it_costs_and_whence_it_is(name):
    if name == "loss":
        return
    text = " ".join(SCORES.get(name).__doc__.split())
    assert "Reads " in text
    assert "Costs " in text
    assert name in ("macs", "parameters") or "20" in text
