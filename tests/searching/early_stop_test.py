"""Tests of `maenas_tf.searching.early_stop`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maenas_tf.algorithms import Stage
from maenas_tf.config import ConfigError
from maenas_tf.engine.loop import Interrupted, SignalWatch
from maenas_tf.searching.alpha_hessian import AlphaHessian
from maenas_tf.searching.choose import choose, unread_by
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.early_stop import (
    EarlyStop,
    EarlyStopSettings,
    Stop,
    find_stop,
)
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES
from tests.searching import small
from tests.tools import commands

DEFAULTS = EarlyStopSettings(early_stop="eigenvalue")
EPOCHS = range(1, 50, 2)  # As --hessian_every=2 measures.


def readings(value):
    return [(epoch, value(epoch)) for epoch in EPOCHS]


def test_the_rule_is_that_of_r_darts():
    # In epoch 27 the last five are 1, 1, 1, 1, 3.
    found = find_stop(readings(lambda e: 3.0 if e > 25 else 1.0), DEFAULTS)
    assert found == Stop(27, 15, pytest.approx(1.4), 1.0)
    # Just as much as 1.3 times is not more.
    slow = readings(lambda e: 2.5 if e == 27 else 1.0)
    assert find_stop(slow, DEFAULTS) is None


@pytest.mark.parametrize(
    "value",
    [
        lambda epoch: 1.0,
        lambda epoch: -1.0,
        lambda epoch: -1.0 - 0.01 * epoch,
        lambda epoch: float("nan"),
        lambda epoch: 5.0 / (1 + epoch),
        # All that grows does so before epoch 22 can see it.
        lambda epoch: 3.0 if epoch > 7 else 1.0,
    ],
)
def test_what_does_not_grow_runs_to_the_end(value):
    assert find_stop(readings(value), DEFAULTS) is None


def test_it_never_stops_before_the_first_epoch_that_may():
    for first in (0, 22, 30):
        settings = DEFAULTS.replace(early_stop_from=first)
        found = find_stop(readings(lambda e: 2.0**e), settings)
        # Nine readings are there in epoch 17.
        assert found.epoch == {0: 17, 22: 23, 30: 31}[first]


def test_growth_out_of_negative_values_is_measured_by_their_magnitude():
    found = find_stop(readings(lambda e: 1.0 if e > 25 else -1.0), DEFAULTS)
    assert found.epoch == 27
    assert found.mean == pytest.approx(-0.6)


def rows_of(values, first=0):
    return [
        {"epoch": str(first + e), "hessian_eigenvalue": v}
        for e, v in enumerate(values)
    ]


def test_a_longer_history_decides_the_same():
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = [str(v) for v in np.exp(rng.normal(size=50).cumsum() / 5)]
        values[1::2] = [""] * 25
        rule = EarlyStop(DEFAULTS, 2, [Stage(50, 0, 8)])
        whole = rule.found(rows_of(values))
        for count in range(51):
            found = rule.found(rows_of(values[:count]))
            over = whole is not None and count > whole.epoch
            assert found == (whole if over else None)


def test_readings_and_genotypes_of_the_warm_up_do_not_count():
    # It grows where the alphas do not move yet.
    values = [2.0**e if e < 20 else 2.0**20 for e in range(50)]
    plain, late = (EarlyStop(DEFAULTS, 1, [Stage(50, w, 8)]) for w in (0, 20))
    assert plain.found(rows_of(values)).epoch == 22
    assert late.found(rows_of(values)) is None
    grown = late.found(rows_of([2.0**e for e in range(50)]))
    assert (grown.epoch, grown.genotype_epoch) == (32, 20)


def test_in_a_later_stage_epochs_are_counted_from_its_first():
    stages = [Stage(60, 0, 5), Stage(40, 9, 5), Stage(50, 0, 8)]
    rule = EarlyStop(DEFAULTS, 1, stages)
    values = [2.0**e for e in range(50)]
    earlier = rows_of([2.0**e for e in range(100)])
    assert rule.found(earlier) is None
    found = rule.found([*earlier, *rows_of(values, 100)])
    assert (found.epoch, found.genotype_epoch) == (122, 110)


@pytest.mark.parametrize(
    ("every", "warmup", "epochs"), [(2, 0, 22), (10, 0, 50), (2, 40, 50)]
)
def test_a_search_that_can_never_stop_early_is_refused(every, warmup, epochs):
    with pytest.raises(ConfigError, match=f"no epoch.*--epochs={epochs}"):
        EarlyStop(DEFAULTS, every, [Stage(epochs, warmup, 8)])


def test_what_it_needs_is_said_in_one_sentence():
    with pytest.raises(ConfigError, match="--hessian_every.*add --hessian_e"):
        SearchConfig(early_stop="eigenvalue")
    asked = {"early_stop": "eigenvalue", "hessian_every": 2}
    for settings, message in (
        ({"selection": "evolution"}, "--selection=evolution does not read"),
        ({"algorithm": "single_path"}, "is about alphas"),
    ):
        config = SearchConfig(space="nasbench201", **asked, **settings)
        with pytest.raises(ConfigError, match=message):
            choose(config, SPACES.get("nasbench201"))


def test_numbers_of_a_rule_that_is_off_have_no_part():
    config = SearchConfig(early_stop_window=3)
    algorithm, _, selection = choose(config, SPACES.get("darts"))
    assert unread_by(config, algorithm, selection) == ["early_stop_window"]
    asked = config.replace(early_stop="eigenvalue", hessian_every=2)
    assert unread_by(asked, algorithm, selection) == []


PLANTED = [1.0, 1.0, 1.0, 5.0, 5.0, 5.0]
STOPPED = {
    "stopped": True,
    "epoch": 3,
    "genotype_epoch": 1,
    "mean": 5.0,
    "mean_before": 1.0,
}


@pytest.fixture
def planted(monkeypatch):
    """Eigenvalues, and alphas that favour another candidate each epoch."""

    def columns(self, epoch):
        (alphas,) = self.searcher.alpha_variables
        logits = np.zeros(alphas.shape, np.float32)
        logits[:, (epoch + 1) % 5] = 9.0
        alphas.assign(logits)
        return {"hessian_eigenvalue": PLANTED[epoch], "hessian_residual": 0.0}

    monkeypatch.setattr(AlphaHessian, "columns", columns)
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        yield


def make(run_dir, signals=None):
    config = small.make_config(
        space=small.ONE_EDGE.name,
        decoder="linear",
        epochs=len(PLANTED),
        warmup_epochs=0,
        hessian_every=1,
        early_stop="eigenvalue",
        early_stop_window=1,
        early_stop_lag=1,
        early_stop_from=2,
        early_stop_back=2,
    )
    return SearchExperiment(
        config, run_dir, small.make_images(16), True, signals
    )


def test_a_search_stops_and_returns_the_genotype_of_earlier(
    planted, tmp_path, capsys
):
    result = make(tmp_path / "whole").run()
    said = capsys.readouterr().out
    assert "stopped early" in said
    assert "the genotype is that of epoch 2" in said
    assert [row["epoch"] for row in result.history] == [0, 1, 2, 3]
    assert result.summary["early_stop"] == STOPPED
    names = [edge.primitive for edge in result.genotype.cells["cell"]]
    assert names == ["skip_connect"]  # The candidate of number 1.
    written = (tmp_path / "whole" / "genotype.json").read_text()
    assert written == result.genotype.to_json()
    assert result.genotype.to_dict() == result.summary["genotype"]

    # One that was interrupted decides the same.
    signals = SignalWatch()
    stopped = make(tmp_path / "again", signals)
    end_epoch = stopped.loop.end_epoch

    def interrupt(epoch, *rest):
        end_epoch(epoch, *rest)
        if epoch == 1:
            signals.received = "SIGTERM"

    stopped.loop.end_epoch = interrupt
    with pytest.raises(Interrupted):
        stopped.run()
    again = make(tmp_path / "again").run()
    assert again.genotype == result.genotype
    assert again.summary["early_stop"] == STOPPED
    assert len(again.history) == 4

    # It has ended, with or without its summary.
    file = tmp_path / "again" / "summary.json"
    for remove in (False, True):
        if remove:
            file.unlink()
        ended = make(tmp_path / "again").run()
        assert ended.genotype == result.genotype
        assert len(commands.history(tmp_path / "again")) == 4
        assert json.loads(file.read_text())["early_stop"] == STOPPED
