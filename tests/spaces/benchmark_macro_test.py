"""Tests of `maenas_tf.spaces.benchmark_macro`, and of the tables at hand."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.spaces import (
    MACRO,
    Genotype,
    accuracy_table,
    benchmark_macro,
    load_genotype,
)
from maenas_tf.spaces.true_accuracies import TrueAccuracies

KEYS = ["".join(key) for key in itertools.product("012", repeat=8)]


def write(path, **changes):
    """Writes a table whose accuracies are the keys, in base 3, over 100."""
    values = {key: {"mean_acc": int(key, 3) / 100} for key in KEYS}
    path.write_text(json.dumps({**values, **changes}))
    return str(path)


def test_figures_follow_the_file(tmp_path):
    truth = TrueAccuracies(write(tmp_path / "table.json"))
    assert truth.datasets("macro") == ("cifar10",)
    table = truth.table("macro", "cifar10")
    genotype = load_genotype("22212220")
    assert accuracy_table.key_of(genotype) == "22212220"
    assert table["22212220"] == int("22212220", 3) / 100
    rank = int("22212220", 3)
    percent = accuracy_table.percentile(table, genotype)
    assert percent == pytest.approx(100 * rank / 6560)
    # A table that is a number in base 3: the first layer is its first digit.
    weights = np.exp(np.arange(3) * 3.0 ** np.arange(7, -1, -1)[:, None] / 3**7)
    weights /= weights.sum(1, keepdims=True)
    tau = accuracy_table.ranking_tau(table, weights, MACRO.name)
    assert tau == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("[1]", "of another form"),
        ("{", "of another form"),
        ('{"00000000": 1}', "of another form"),
        ('{"00000000": {"mean_acc": 1}}', "it has 1 networks of 6,561"),
    ],
)
def test_what_is_not_the_table_is_refused_in_a_sentence(text, said, tmp_path):
    path = tmp_path / "table.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=f"--benchmark_file=.*{said}"):
        benchmark_macro.load_table(str(path))


def test_an_accuracy_that_is_no_number_is_refused(tmp_path):
    changes = {"00000000": {"mean_acc": float("nan")}}
    path = write(tmp_path / "table.json", **changes)
    with pytest.raises(ConfigError, match="an accuracy in it is no number"):
        benchmark_macro.load_table(path)


def test_without_the_file_nothing_is_known_of_macro(tmp_path):
    assert TrueAccuracies().datasets("macro") == ()
    assert "--benchmark_file" in TrueAccuracies().missing("macro")
    truth = TrueAccuracies(write(tmp_path / "table.json"))
    assert truth.missing("macro") == truth.missing("darts") == ""
    truth.check_used(["darts", "macro"])
    with pytest.raises(ConfigError, match="has no effect.*runs are in darts"):
        truth.check_used(["darts"])
    assert Genotype.from_string("22212220").space == "macro"
