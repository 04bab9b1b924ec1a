"""Tests of `maenas_tf.searching.choose`."""

from __future__ import annotations

import pytest

from maenas_tf.algorithms import Stage
from maenas_tf.config import ConfigError
from maenas_tf.ops.single_path import SinglePathOp
from maenas_tf.searching.choose import choose, unread_by
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES


def chosen(**settings):
    config = SearchConfig(**settings)
    return config, *choose(config, SPACES.get(config.space))


@pytest.mark.parametrize(
    ("algorithm", "space", "selection"),
    [
        ("darts", "darts", "alphas"),
        ("darts", "nasbench201", "alphas"),
        ("single_path", "nasbench201", "exhaustive"),
        ("single_path", "darts", "evolution"),
    ],
)
def test_each_algorithm_has_a_selection_of_its_own(algorithm, space, selection):
    _, _, name, _ = chosen(algorithm=algorithm, space=space)
    assert name == selection


def test_an_algorithm_with_alphas_can_select_by_loss():
    _, algorithm, name, selection = chosen(
        space="nasbench201", selection="evolution"
    )
    assert algorithm.trains_alphas
    assert (name, selection.scores) == ("evolution", True)


def test_single_path_has_no_alphas_and_draws_a_path():
    _, algorithm, _, selection = chosen(algorithm="single_path")
    names = ("none", "skip_connect")
    stage = Stage(1, 0, 3)
    edge = algorithm.make_edge(stage, None, names, 4, 1, "darts", name="edge")
    assert type(edge) is SinglePathOp
    assert not algorithm.trains_alphas
    assert not algorithm.parameters(SPACES.get("darts"))
    assert algorithm.make_draw(SPACES.get("darts"), 0) is not None
    assert selection.scores


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"selection": "alphas"}, "--selection=alphas needs alphas.*evolution"),
        ({"selection": "perturbation"}, "perturbation needs alphas"),
        ({"selection": "luck"}, "--selection: .*'luck'.*exhaustive"),
        ({"selection": "exhaustive"}, "--selection=exhaustive would score"),
        ({"order": "second"}, "--order=second is about alphas"),
        ({"hessian_every": 2}, "--hessian_every=2 is about alphas"),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        chosen(algorithm="single_path", **settings)


def test_a_limit_on_skips_is_about_cells():
    with pytest.raises(ConfigError, match="--max_skips=2 .*--space=macro"):
        chosen(space="macro", max_skips=2)
    chosen(space="s2", algorithm="single_path", max_skips=2)


def test_what_a_recipe_of_alphas_sets_is_named():
    config, algorithm, _, selection = chosen(
        algorithm="single_path", alpha_learning_rate=3e-3, held_out_images=9
    )
    assert unread_by(config, algorithm, selection) == ["alpha_learning_rate"]
    config, algorithm, _, selection = chosen(
        alpha_learning_rate=3e-3, held_out_images=9
    )
    assert unread_by(config, algorithm, selection) == ["held_out_images"]


def test_the_strongest_read_alphas_and_untrained_networks():
    settings = {"selection": "strongest", "space": "nasbench201"}
    config, algorithm, name, selection = chosen(
        alpha_average=2, held_out_images=9, num_candidates=5, **settings
    )
    assert (name, selection.limit) == ("strongest", 5)
    assert selection.score == "expressivity+jacov+macs+synflow+trainability"
    assert unread_by(config, algorithm, selection) == ["held_out_images"]
    chosen(early_stop="eigenvalue", hessian_every=2, **settings)
    *_, selection = chosen(score="jacov+macs", **settings)
    assert selection.score == "jacov+macs"
    for algorithm in ("single_path", "training_free"):
        with pytest.raises(ConfigError, match="strongest needs alphas"):
            chosen(algorithm=algorithm, **settings)


@pytest.mark.parametrize(
    ("augment", "unread"), [(True, []), (False, ["crop_padding"])]
)
def test_what_a_crop_pads_with_has_a_part_where_there_are_crops(
    augment, unread
):
    config, algorithm, _, selection = chosen(
        augment=augment, crop_padding="zero"
    )
    assert unread_by(config, algorithm, selection) == unread


def test_tuning_belongs_to_perturbation():
    for selection, unread in (
        ("perturbation", []),
        ("alphas", ["tuning_epochs"]),
        ("evolution", ["tuning_epochs"]),
    ):
        config, algorithm, _, chosen_one = chosen(
            space="nasbench201", selection=selection, tuning_epochs=1
        )
        assert unread_by(config, algorithm, chosen_one) == unread
