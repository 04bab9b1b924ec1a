"""A search with `recompute` is the search without it."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.models.cell import SearchCell
from maenas_tf.ops import convolution
from maenas_tf.searching.experiment import SearchExperiment
from tests.searching import small
from tests.searching.gradients import Recorder, assert_close, assert_same
from tests.searching.small import make_batch, make_searcher, values

SECOND = {"order": "second", "space": "one_edge"}


@pytest.mark.parametrize(
    "settings",
    [
        {"space": "nasbench201"},
        {"space": "darts"},
        {"space": "s4"},
        {"space": "two_edges", "algorithm": "pc_darts", "partial_channels": 2},
        {"space": "two_edges", "algorithm": "p_darts"},
        {"space": "two_edges", "algorithm": "darts_minus"},
        {"space": "two_edges", "algorithm": "fair_darts"},
        {"space": "two_edges", "perturb_alphas": "random"},
        {**SECOND, "hessian_vector_product": "exact"},
        {**SECOND, "hessian_vector_product": "finite_difference"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_a_step_has_the_same_gradients_metrics_and_state(settings, monkeypatch):
    passes = []
    original = convolution.convolve

    def convolve(*arguments):
        passes.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(convolution, "convolve", convolve)
    results, counts = [], []
    for recompute in (False, True):
        passes.clear()
        searcher = make_searcher(recompute=recompute, **settings)
        arrays = searcher.supernet.architecture.arrays
        if "skip_dropout" in arrays:
            arrays["skip_dropout"].assign(0.5)
        if searcher.noise is not None:
            searcher.noise.rate.assign(0.3)
        recorder = Recorder(searcher, monkeypatch)
        metrics = searcher.train_step(make_batch(searcher))
        results.append((searcher, recorder.calls, metrics))
        counts.append(len(passes))
    (plain, expected, metrics), (again, found, again_metrics) = results
    assert counts[1] > counts[0]
    for one, other in zip(found, expected, strict=True):
        assert np.linalg.norm(other["gradients"][0]) > 0.0
        assert_close(one["gradients"], other["gradients"], 1e-5)
    for key, value in metrics.items():
        np.testing.assert_allclose(again_metrics[key], value, rtol=1e-5)
    assert_same(
        values(again.non_trainable_variables),
        values(plain.non_trainable_variables),
    )


@pytest.mark.parametrize("recompute", [False, True])
def test_the_configuration_decides(recompute, tmp_path):
    config = small.make_config(recompute=recompute, deterministic=False)
    experiment = SearchExperiment(config, tmp_path, small.make_images())
    layers = experiment.searcher.supernet.trunk.placed
    cells = [layer for layer in layers if isinstance(layer, SearchCell)]
    assert len(cells) == 3
    edges = [edge for cell in cells for edge in cell.edges]
    candidates = [c for edge in edges for c in edge.candidates]
    parts = [*edges, *candidates, *(cell.inputs_layer for cell in cells)]
    assert {part.recompute for part in parts if part} == {recompute}
