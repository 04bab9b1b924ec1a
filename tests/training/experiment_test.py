"""Tests of `maenas_tf.training.experiment`."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator

from maenas_tf.config import ConfigError
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.labelled import evaluation_dataset, split_validation
from maenas_tf.engine.signals import Interrupted
from maenas_tf.spaces import SPACES
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.evaluation import Evaluator
from maenas_tf.training.experiment import TrainExperiment, auxiliary_weight
from maenas_tf.training.run_evaluation import (
    evaluate_run,
    format_report,
    load_evaluation_images,
)
from maenas_tf.training.trained_run import load_trained
from tests.engine.callers_process import watched
from tests.models.networks import num_parameters
from tests.training.stopping import AfterSteps

CELL = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|"
CELL += "nor_conv_3x3~2|"
SETTINGS = {
    "genotype": CELL,
    "init_channels": 2,
    "num_cells": 1,
    "epochs": 3,
    "batch_size": 8,
    "validation_fraction": 0.25,
    "auxiliary_weight": 0.0,
    "drop_path": 0.3,
    "cutout": 2,
    "learning_rate": 0.1,
}


def make_images(count=64, num_classes=4):
    """Random images that are brighter the higher the class."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % num_classes
    images = rng.integers(0, 60, (count, 8, 8, 3))
    images += 60 * labels.reshape(-1, 1, 1, 1)
    return from_arrays(images.astype(np.uint8), labels=labels)


def make_config(**changes):
    return TrainConfig(**{**SETTINGS, **changes})


def train(run_dir, images=None, signals=None, **changes):
    experiment = TrainExperiment(
        make_config(**changes),
        run_dir,
        images or make_images(),
        signals=signals,
    )
    return experiment, experiment.run()


def begin(run_dir, images=None, **changes):
    """Leaves what a training writes before its first step."""
    config, images = make_config(**changes), images or make_images()
    experiment = TrainExperiment(config, run_dir, images)
    experiment.loop.run = experiment._finish = lambda: None
    experiment.run()
    return experiment


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Directory, experiment and result of a whole training."""
    run_dir = tmp_path_factory.mktemp("train") / "run"
    return run_dir, *train(run_dir)


def rows_of(run_dir):
    with open(run_dir / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_training_leaves_the_process_as_it_was(tmp_path):
    with watched() as changes:
        begin(tmp_path)
    assert not changes


def test_the_directory_holds_what_was_promised(done):
    run_dir, _, result = done
    names = {path.name for path in run_dir.iterdir()}
    assert names == {
        ".lock",
        "best.keras",
        "checkpoints",
        "config.json",
        "data.json",
        "flags.txt",
        "genotype.json",
        "history.csv",
        "last.keras",
        "preprocessing.json",
        "summary.json",
        "tensorboard",
    }
    assert json.loads((run_dir / "summary.json").read_text()) == result.summary
    assert (run_dir / "flags.txt").read_text().count(
        f"--genotype={CELL}\n"
    ) == 1


def test_the_history_has_a_row_an_epoch(done):
    run_dir, experiment, result = done
    rows = rows_of(run_dir)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == pytest.approx([0.1, 0.075, 0.025])
    drops = [float(row["drop_path_rate"]) for row in rows]
    assert drops == pytest.approx([0.0, 0.1, 0.2])
    rate = experiment.retrainer.optimizer.learning_rate
    assert float(rate) == pytest.approx(0.025)
    network = experiment.retrainer.network
    assert float(network.drop_path_rate) == pytest.approx(0.2)
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert [float(r["train_loss"]) for r in rows] == [
        row["train_loss"] for row in result.history
    ]


def test_a_quarter_of_the_images_is_held_out(done):
    _, experiment, result = done
    labels = experiment.images.labels
    train_part, validation = split_validation(labels, 0.25, 0)
    assert np.bincount(labels[validation]).tolist() == [4, 4, 4, 4]
    assert set(experiment.training) == set(train_part)
    assert set(experiment.validation) == set(validation)
    assert result.summary["num_images"] == 48
    assert result.summary["num_validation_images"] == 16
    assert experiment.steps == 48 // 8


def test_no_label_is_used_but_those_asked_for(tmp_path):
    experiment = begin(tmp_path, labels_per_class=4)
    labels = experiment.images.labels
    assert np.bincount(labels[experiment.training]).tolist() == [3, 3, 3, 3]
    assert np.bincount(labels[experiment.validation]).tolist() == [1, 1, 1, 1]
    seen = [
        label
        for batch in experiment._dataset(0, 0).as_numpy_iterator()
        for label in batch["label"]
    ]
    assert len(seen) == 8  # of 12: the last batch is not full
    assert experiment._summary()["num_labels_read"] == 16


def test_an_epoch_may_be_shorter_than_a_pass(tmp_path):
    experiment = begin(tmp_path, steps_per_epoch=2)
    assert experiment.steps == experiment.loop.steps == 2
    assert len(list(experiment._dataset(epoch=1, start_step=0))) == 2
    assert len(list(experiment._dataset(epoch=1, start_step=1))) == 1


def test_what_is_held_out_is_never_trained_on(tmp_path):
    experiment = begin(tmp_path, augment=False, cutout=0)
    images = experiment.images

    def contents(dataset):
        batches = [batch["image"] for batch in dataset.as_numpy_iterator()]
        return {image.tobytes() for image in np.concatenate(batches)}

    held_out = contents(evaluation_dataset(images, 16, experiment.validation))
    assert len(held_out) == 16
    for epoch in range(3):
        seen = contents(experiment._dataset(epoch, 0))
        assert len(seen) == 48
        assert not seen & held_out


def test_the_last_model_has_the_last_weights(done):
    run_dir, experiment, result = done
    last = load_trained(run_dir, "last").network
    expected = experiment.retrainer.network
    assert result.network is expected
    for one, other in zip(last.variables, expected.variables, strict=True):
        if "seed" not in one.path:
            np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_the_best_model_is_that_of_the_best_row(done):
    run_dir, experiment, result = done
    accuracies = [float(r["validation_accuracy"]) for r in rows_of(run_dir)]
    assert result.summary["best_epoch"] == int(np.argmax(accuracies))
    assert result.summary["best_validation_accuracy"] == max(accuracies)
    best = load_trained(run_dir, "best").network
    dataset = evaluation_dataset(experiment.images, 16, experiment.validation)
    assert Evaluator(best)(dataset).top1 == max(accuracies)


class Silent:
    """Stands for a TensorBoard writer."""

    def write_scalars(self, epoch, metrics):
        """Does nothing."""


def test_the_first_of_the_best_epochs_is_kept(tmp_path, monkeypatch):
    experiment = TrainExperiment(make_config(), tmp_path, make_images())
    experiment.run_directory.write_config(experiment.config)
    experiment.run_directory.write_genotype(experiment.genotype)
    preprocessing = experiment._preprocessing().to_json()
    experiment.run_directory.write_text("preprocessing.json", preprocessing)
    experiment.tensorboard = Silent()
    bias = experiment.retrainer.network.head.bias
    for epoch, accuracy in enumerate((0.2, 0.9, 0.9, 0.5)):
        bias.assign([epoch, 0, 0, 0])
        found = {"validation_accuracy": accuracy}
        monkeypatch.setattr(experiment, "_validate", lambda f=found: f)
        experiment._end_epoch(epoch, {"train_loss": 1.0}, 1.0)
    experiment.run_directory.close()
    for which, expected in (("best", 1), ("last", 3)):
        network = load_trained(tmp_path, which).network
        assert float(network.head.bias[0]) == expected


def test_tensorboard_shows_the_figures_of_the_history(done):
    run_dir, _, _ = done
    accumulator = event_accumulator.EventAccumulator(
        str(run_dir / "tensorboard")
    ).Reload()
    rows = rows_of(run_dir)
    for tag, column in (
        ("train/loss", "train_loss"),
        ("validation/accuracy", "validation_accuracy"),
        ("learning_rate", "learning_rate"),
    ):
        events = accumulator.Scalars(tag)
        assert [event.step for event in events] == [0, 1, 2]
        assert [event.value for event in events] == pytest.approx(
            [float(row[column]) for row in rows]
        )
    assert accumulator.Images("cell/cell")


def variables_of(experiment):
    return {
        f"{group}/{v.path}": v.numpy().tobytes()
        for group, members in experiment.retrainer.variable_groups.items()
        for v in members
    }


def test_a_run_stopped_twice_ends_with_the_same_bits(done, tmp_path):
    _, undisturbed, _ = done
    messages = []
    # The second time in the epoch after that, in which operations drop.
    for calls in (0, 6):
        with pytest.raises(Interrupted) as caught:
            train(tmp_path / "run", signals=AfterSteps(calls))
        messages.append(str(caught.value))
    assert "epoch 1 after step 1 of 6" in messages[0]
    assert "epoch 2 after step 2 of 6" in messages[1]
    experiment, result = train(tmp_path / "run")
    expected, found = variables_of(undisturbed), variables_of(experiment)
    assert expected.keys() == found.keys()
    assert [k for k in expected if expected[k] != found[k]] == []
    assert result.summary["steps"] == 18
    expected, found = rows_of(done[0]), rows_of(tmp_path / "run")
    for one, other in zip(expected, found, strict=True):
        assert one["validation_loss"] == other["validation_loss"]
        assert float(one["train_loss"]) == pytest.approx(
            float(other["train_loss"])
        )


def test_a_finished_run_is_not_run_again(done):
    run_dir, _, result = done
    before = (run_dir / "last.keras").read_bytes()
    experiment, again = train(run_dir)
    assert again.summary == result.summary
    assert (run_dir / "last.keras").read_bytes() == before
    assert experiment.loop.state["epoch"] == 3


def test_a_resumed_run_needs_its_source_no_more(tmp_path):
    source = tmp_path / "genotype.json"
    genotype = SPACES.get("nasbench201").random_genotype(
        np.random.default_rng(0)
    )
    source.write_text(genotype.to_json())
    begin(tmp_path / "run", genotype=str(source))
    source.unlink()
    experiment = begin(tmp_path / "run", genotype=str(source))
    assert experiment.genotype == genotype
    with pytest.raises(ConfigError, match="--genotype"):
        begin(tmp_path / "other", genotype=str(source))
    assert not (tmp_path / "other").exists()


def test_a_source_that_has_changed_is_not_mixed_in(tmp_path):
    source = tmp_path / "genotype.json"
    space, rng = SPACES.get("nasbench201"), np.random.default_rng(0)
    source.write_text(space.random_genotype(rng).to_json())
    begin(tmp_path / "run", genotype=str(source))
    source.write_text(space.random_genotype(rng).to_json())
    with pytest.raises(ConfigError, match="another genotype"):
        begin(tmp_path / "run", genotype=str(source))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"cutout": 8}, "--cutout=8 blanks whole images"),
        ({"batch_size": 64}, "--batch_size=64"),
        ({"validation_fraction": 0.999}, "--validation_fraction=0.999"),
        ({"auxiliary_weight": 0.4}, "--auxiliary_weight"),
        ({"stem": "imagenet"}, "--stem=imagenet is not defined"),
        (
            {"genotype": "DARTS_V2", "num_cells": 3, "stem": "imagenet"},
            "--image_size=8",
        ),
        ({"genotype": "DARTS_V3"}, "DARTS_V2"),
        ({"genotype": "DARTS_V2", "num_cells": 2}, "--num_cells=2"),
        (
            {"genotype": '{"space": "dart", "normal": []}'},
            "Did you mean 'darts'",
        ),
    ],
)
def test_settings_that_do_not_fit_are_told(tmp_path, changes, part):
    with pytest.raises(ConfigError) as caught:
        train(tmp_path / "run", **changes)
    assert part in str(caught.value)
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize("num_classes", [0, 1])
def test_images_without_two_classes_are_refused(tmp_path, num_classes):
    images = from_arrays(
        np.zeros((8, 8, 8, 3), np.uint8),
        labels=np.zeros(8, int) if num_classes else None,
    )
    with pytest.raises(ConfigError, match=f"{num_classes} class"):
        train(tmp_path / "run", images)


@pytest.mark.parametrize(
    ("space", "given", "weight"),
    [
        ("darts", -1, 0.4),
        ("darts", 0, 0),
        ("darts", 0.2, 0.2),
        ("nasbench201", -1, 0),
        ("nasbench201", 0.4, 0.4),
    ],
)
def test_the_auxiliary_weight_is_the_papers_where_there_is_a_head(
    space, given, weight
):
    config = TrainConfig(auxiliary_weight=given)
    assert auxiliary_weight(config, SPACES.get(space)) == weight


def test_the_default_auxiliary_weight_is_no_error_without_such_a_head(
    tmp_path,
):
    default = TrainConfig().auxiliary_weight
    made = begin(tmp_path / "run", auxiliary_weight=default)
    assert made.retrainer.network.auxiliary_head is None
    # What the run directory tells is what an older run has told.
    assert made.config.auxiliary_weight == 0


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The run directory of a training on a few digits, none held out."""
    run_dir = tmp_path_factory.mktemp("digits") / "run"
    config = make_config(
        epochs=1, max_images=64, image_size=16, validation_fraction=0.0
    )
    TrainExperiment(config, run_dir).run()
    return run_dir


def test_a_training_does_not_go_on_with_classes_in_another_order(tmp_path):
    images, run_dir = make_images(num_classes=2), tmp_path / "run"
    begin(run_dir, dataclasses.replace(images, class_names=("ant", "cat")))
    turned = dataclasses.replace(
        images, labels=1 - images.labels, class_names=("cat", "zant")
    )
    refused = "class 'ant' is now 'zant'; give the images as they were"
    with pytest.raises(ConfigError, match=refused):
        begin(run_dir, turned)
    # One of before there was a record knows its classes too.
    (run_dir / "data.json").unlink()
    with pytest.raises(ConfigError, match=refused):
        begin(run_dir, turned)


def test_without_validation_images_there_is_no_best(digits):
    assert not (digits / "best.keras").exists()
    assert "best_epoch" not in json.loads((digits / "summary.json").read_text())
    assert "validation_accuracy" not in rows_of(digits)[0]
    assert load_trained(digits).checkpoint == "last"


def test_evaluation_uses_the_statistics_of_the_training(digits):
    trained = load_trained(digits)
    images = load_evaluation_images(trained, max_images=40)
    assert (images.mean, images.std) == (
        trained.preprocessing.mean,
        trained.preprocessing.std,
    )
    assert images.image_size == 16
    assert images.num_images == 40


def test_the_report_is_that_of_the_network(digits):
    trained = load_trained(digits)
    images = load_evaluation_images(trained, split="test", max_images=40)
    report = evaluate_run(trained, images, "test", batch_size=16)
    expected = Evaluator(trained.network)(evaluation_dataset(images, 40))
    assert report["top1"] == expected.top1
    assert report["loss"] == pytest.approx(expected.loss, rel=1e-5)
    assert report["confusion"] == expected.confusion.tolist()
    assert report["num_images"] == 40
    assert json.loads((digits / "evaluation.json").read_text()) == report
    for name in ("confusion", "worst", "reliability"):
        assert (digits / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    worst = report["worst_images"]
    assert len(worst) == 36
    assert worst[0]["loss"] == expected.losses.max()
    wrong = images.labels != expected.predicted
    assert [each["index"] for each in worst] == sorted(
        range(40), key=lambda i: (not wrong[i], -expected.losses[i])
    )[:36]
    gaps = np.abs(expected.confidences.mean() - expected.top1)
    assert gaps - 1e-6 <= report["calibration_error"] <= 1
    assert report["parameters"] == num_parameters(trained.network)
    right = sum(report["confusion"][k][k] for k in range(10))
    assert report["top1"] == pytest.approx(right / 40)
    text = format_report(report)
    assert f"{100 * report['top1']:.2f} %" in text
    assert f"{report['macs']:,}" in text


def write_folder(path, *classes):
    for name in classes:
        (path / name).mkdir()
        image = np.full((16, 16, 3), ord(name[0]))
        keras.utils.save_img(path / name / "a.png", image, scale=False)


def load_folder(digits, path):
    return load_evaluation_images(
        load_trained(digits),
        dataset="folder",
        data_dir=str(path),
        split="train",
    )


def test_unknown_classes_are_refused_with_their_names(digits, tmp_path):
    write_folder(tmp_path, "0", "1", "cat")
    with pytest.raises(ConfigError) as caught:
        load_folder(digits, tmp_path)
    message = str(caught.value)
    assert "images of 'cat', which the network was not trained on" in message
    assert "it knows '0', '1', '2', '3', '4', ...:" in message


def test_images_of_some_classes_keep_the_trained_places(digits, tmp_path):
    write_folder(tmp_path, "7", "2")
    images = load_folder(digits, tmp_path)
    assert images.class_names == tuple("0123456789")
    assert images.labels.tolist() == [2, 7]
    trained = load_trained(digits)
    report = evaluate_run(trained, images, "train", batch_size=2)
    assert set(report["class_accuracy"]) == {"2", "7"}
    sums = np.sum(report["confusion"], axis=1)
    assert sums.tolist() == [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
    assert report["balanced_accuracy"] == report["top1"]
    assert "mean over the classes (8 have no images)" in format_report(report)


def unequal_images():
    """48 images of class 0, 16 of class 1."""
    return dataclasses.replace(
        make_images(),
        labels=(np.arange(64) >= 48).astype(int),
        class_names=("common", "rare"),
    )


def test_classes_are_weighed_by_what_is_trained_on(tmp_path):
    experiment, result = train(
        tmp_path,
        unequal_images(),
        class_weight="balanced",
        validation_fraction=0.5,
        epochs=1,
    )
    # Of 24 and 8 images, 0.5 * 32 / n.
    expected = {"common": pytest.approx(2 / 3), "rare": 2.0}
    assert experiment.class_weights == expected
    assert experiment.retrainer.class_weights == tuple(expected.values())
    assert result.summary["class_weights"] == expected


def test_a_run_keeps_the_split_that_it_began_with(tmp_path):
    old = begin(tmp_path / "old", validation_split="random")
    drawn = split_validation(old.images.labels, 0.25, 0, stratified=False)
    np.testing.assert_array_equal(old.validation, drawn[1])
    path = tmp_path / "old" / "config.json"
    content = json.loads(path.read_text())
    # As it was before there was the setting.
    del content["validation_split"]
    path.write_text(json.dumps(content))
    again = begin(tmp_path / "old")
    assert again.config.validation_split == "random"
    np.testing.assert_array_equal(again.validation, drawn[1])
    new = begin(tmp_path / "new")
    assert new.config.validation_split == "stratified"
    assert set(new.validation) != set(old.validation)
