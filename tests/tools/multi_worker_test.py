"""Two processes make one run, as one process would; they are really killed.

They meet on this machine, each with a port of its own. The images are random
ones: in those of digits many pixels are equal, and where a ReLU is about to
open for all of them at once a rounding decides.
"""

import contextlib
import functools
import json
import signal
import socket
import time

import numpy as np
import pytest
from PIL import Image

from maenas_tf.engine.checkpoints import latest_checkpoint
from maenas_tf.engine.cluster import Cluster
from maenas_tf.engine.rendezvous import meet
from maenas_tf.runs.taking_part import _facts
from tests.detection.boxed import write_coco
from tests.tools import commands

SETTINGS = {
    **commands.TINY,
    "dataset": "folder",
    "image_size": 8,
    "decoder": "linear",
    # 3 steps an epoch, of two. After 20 steps some ReLU has opened by a
    # rounding: one process whose weights were moved by 1e-7 then ends with
    # other alphas, by 4e-4, and after these steps by 2e-8.
    "max_images": 48,
}
# 30 steps an epoch, so that there is time to kill somebody.
LONG = {"max_images": 480, "epochs": 3}
TRAINING = {
    "genotype": "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|"
    "none~1|nor_conv_1x1~2|",
    "init_channels": 2,
    "num_cells": 1,
    "epochs": 2,
    "batch_size": 8,
    "cutout": 0,
    "validation_fraction": 0.25,
}
# Of these, what a pretraining has too.
PRETRAINING = ("genotype", "init_channels", "num_cells", "epochs", "batch_size")
ONE = ("--strategy=one_device",)
MIRRORED = ("--strategy=mirrored", "--num_replicas=2")


def cluster(count=2):
    """Returns the flags of each worker."""
    servers = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    workers = ",".join(f"localhost:{port}" for port in ports)
    return [
        (
            "--strategy=multi_worker",
            f"--workers={workers}",
            f"--worker_index={index}",
            "--worker_timeout=200",
        )
        for index in range(count)
    ]


def start(run_dir, own, settings, tool="search", **environment):
    settings = {"data_dir": run_dir.parent / "images", **settings}
    flags = commands.to_flags({**settings, "run_dir": run_dir})
    environment = {"CUDA_VISIBLE_DEVICES": "-1", **environment}
    return commands.start(tool, *flags, *own, **environment)


def finish(processes):
    """Returns exit code, stdout and stderr of each."""
    done = []
    for process in processes:
        # Ten minutes are too few for four replicas on two busy cores.
        out, error = process.communicate(timeout=1800)
        done.append((process.returncode, out, error))
    return done


def search(run_dir, owns, **settings):
    return run("search", run_dir, owns, {**SETTINGS, **settings})


def run(tool, run_dir, owns, settings):
    done = finish([start(run_dir, own, settings, tool) for own in owns])
    assert [code for code, _, _ in done] == [0] * len(owns), done
    return done


def assert_same(run_dir, expected, atol=2e-5):
    """Compares alphas, losses and every variable of two runs."""
    there, here = commands.alphas(expected), commands.alphas(run_dir)
    for name, array in there.items():
        np.testing.assert_allclose(here[name], array, atol=atol, err_msg=name)
    for one, two in zip(
        commands.history(expected), commands.history(run_dir), strict=True
    ):
        assert two["genotype"] == one["genotype"]
        for name in ("weight_loss", "alpha_loss"):
            assert float(two[name]) == pytest.approx(float(one[name]), abs=atol)
    before, after = commands.checkpoint(expected), commands.checkpoint(run_dir)
    assert after[1].keys() == before[1].keys()
    for name in before[1]:
        if "seed" not in name and len(before[1][name]) % 4 == 0:
            np.testing.assert_allclose(
                np.frombuffer(after[1][name], np.float32),
                np.frombuffer(before[1][name], np.float32),
                atol=10 * atol,
                err_msg=name,
            )


def wait_for_checkpoints(process, run_dir, count):
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline and process.poll() is None:
        latest = latest_checkpoint(run_dir / "checkpoints")
        if latest and int(latest.rpartition("-")[2]) >= count:
            return
        time.sleep(0.02)
    raise RuntimeError(f"no checkpoint came: {process.communicate(timeout=60)}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multi_worker")
    rng = np.random.default_rng(0)
    for number in range(480):
        path = folder / "images" / f"class_{number % 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="module")
def one(folder):
    """Returns what one process makes of an order, searched once."""

    @functools.cache
    def searched(order):
        run_dir = folder / f"one_{order}"
        search(run_dir, [ONE], order=order)
        return run_dir

    return searched


@pytest.mark.large
@pytest.mark.parametrize(("order", "replicas"), [("first", 2), ("second", 1)])
def test_two_workers_search_as_one_process_does(folder, one, order, replicas):
    expected, run_dir = one(order), folder / f"two_{order}_{replicas}"
    owns = [(*own, f"--num_replicas={replicas}") for own in cluster()]
    (_, said, _), (_, nothing, other) = search(run_dir, owns, order=order)
    assert_same(run_dir, expected)
    # The chief alone says on stdout, and writes, what one process does.
    assert "Found in" in said
    assert not nothing
    assert "Found in" in other
    assert not written(run_dir) ^ written(expected)
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["replicas"] == 2 * replicas


def written(run_dir):
    """Returns the files of a run, but for those with odd names."""
    files = {p.relative_to(run_dir) for p in run_dir.rglob("*") if p.is_file()}
    return {str(f) for f in files if f.parts[0] != "tensorboard"}


@pytest.mark.large
def test_workers_with_statistics_of_their_own_stay_equal_and_say_so(folder):
    flags = [(*each, "--nosync_statistics") for each in cluster()]
    # That all hold the same values is checked at each checkpoint.
    run("search", folder / "own_statistics", flags, SETTINGS)
    # One process has other statistics, and says that it goes on otherwise.
    flags = [(*ONE, "--nosync_statistics")]
    ((_, said, _),) = run("search", folder / "own_statistics", flags, SETTINGS)
    assert "--nosync_statistics changes nothing" in said
    assert "another result" in said


@pytest.fixture(scope="module")
def long_two(folder):
    """Two replicas, which are two workers to the bit, left in peace."""
    search(folder / "long_two", [MIRRORED], **LONG)
    return folder / "long_two"


@pytest.mark.large
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_worker_stops_the_other_and_both_go_on(
    folder, long_two, killed
):
    run_dir, owns = folder / f"killed_{killed}", cluster()
    settings = {**SETTINGS, **LONG}
    processes = [start(run_dir, own, settings) for own in owns]
    wait_for_checkpoints(processes[0], run_dir, 2)
    processes[killed].kill()
    left = processes[1 - killed]
    begin = time.monotonic()
    _, error = left.communicate(timeout=120)
    assert time.monotonic() - begin < 60
    assert left.returncode == 3, error
    (said,) = [e for e in error.splitlines() if "does not answer" in e]
    assert f"worker {killed}" in said
    assert "Traceback" not in error
    search(run_dir, cluster(), **LONG)
    assert_same(run_dir, long_two, atol=0.0)


@pytest.mark.large
def test_a_worker_that_ends_when_all_have_met_ends_the_chief(folder):
    first, second = cluster()
    process = start(folder / "met", first, SETTINGS)
    # In place of the second, which is killed then.
    settings = {**SETTINGS, "data_dir": str(folder / "images")}
    config = commands.search_config(**settings, strategy="multi_worker")
    addresses = tuple(first[1].removeprefix("--workers=").split(","))
    meet(Cluster(addresses, 1), _facts(config), 300, bytes)
    begin = time.monotonic()
    _, error = process.communicate(timeout=300)
    assert time.monotonic() - begin < 60
    assert process.returncode == 3, error
    (said,) = [e for e in error.splitlines() if "set up" in e]
    assert f"worker 1 ({addresses[1]}) has not set up TensorFlow" in said
    assert "Traceback" not in error


@pytest.mark.large
def test_a_signal_to_one_stops_all_with_a_checkpoint(folder):
    run_dir = folder / "signal"
    settings = {**SETTINGS, **LONG}
    processes = [start(run_dir, own, settings) for own in cluster()]
    wait_for_checkpoints(processes[0], run_dir, 2)
    processes[1].send_signal(signal.SIGTERM)
    done = finish(processes)
    assert [code for code, _, _ in done] == [3, 3], done
    assert "stopped by SIGTERM at worker 1" in done[0][2]
    assert "stopped by SIGTERM" in done[1][2]
    # Another number of replicas goes on, and says so.
    ((_, said, _),) = search(run_dir, [ONE], **LONG)
    assert "was on 2 workers of 1 replica and goes on with 1 replica" in said
    assert len(commands.history(run_dir)) == LONG["epochs"]


def stopped_after_a_step(run_dir, owns, line=""):
    """Stops a search while it traces; returns what the chief said last.

    Args:
        run_dir: of the search.
        owns: flags of each worker.
        line: part of what is said before; "": a new search's checkpoint.
    """
    processes = [
        start(run_dir, own, SETTINGS, PYTHONUNBUFFERED="1") for own in owns
    ]
    chief, said = processes[0], ""
    if not line:
        wait_for_checkpoints(chief, run_dir, 1)
    while line not in said:
        said = chief.stdout.readline()
        if not said:
            raise RuntimeError(f"{line!r} was not said: {finish(processes)}")
    processes[-1].send_signal(signal.SIGTERM)
    done = finish(processes)
    assert [code for code, _, _ in done] == [3] * len(owns), done
    return said


@pytest.mark.large
@pytest.mark.parametrize("words", ["2 replicas", "2 workers"])
def test_a_search_goes_on_elsewhere_and_back_to_the_same_result(
    folder, one, words
):
    owns, run_dir = [MIRRORED], folder / f"elsewhere {words}"
    if words == "2 workers":
        owns, words = cluster(), "2 workers of 1 replica"
    stopped_after_a_step(run_dir, [ONE])
    said = stopped_after_a_step(run_dir, owns, "note: this run was")
    same = "to the same result but for rounding"
    assert f"was on 1 replica and goes on with {words}, {same}" in said
    state, _ = commands.checkpoint(run_dir)
    assert (state["epoch"], state["step"]) == (0, 2)
    ((_, said, _),) = search(run_dir, [ONE])
    assert f"was on {words} and goes on with 1 replica, {same}" in said
    assert_same(run_dir, one("first"))


@pytest.mark.large
def test_two_workers_train_and_evaluate_as_one_process_does(folder):
    runs = {"trained": [ONE], "trained_two": cluster()}
    settings = {**TRAINING, "dataset": "folder", "image_size": 8}
    for name, owns in runs.items():
        run("train", folder / name, owns, settings)
    one, two = (commands.history(folder / name) for name in runs)
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        for before, after in zip(one, two, strict=True):
            expected = pytest.approx(float(before[name]), abs=1e-4)
            assert float(after[name]) == expected
    run("evaluate", folder / "trained", cluster(), {"split": "train"})
    shared = evaluation(folder / "trained")
    run("evaluate", folder / "trained", [()], {"split": "train"})
    alone = evaluation(folder / "trained")
    assert shared["num_images"] == 480
    assert shared["confusion"] == alone["confusion"]
    assert shared["loss"] == pytest.approx(alone["loss"], abs=1e-6)


@pytest.mark.large
def test_two_workers_pretrain_as_one_process_does(folder):
    settings = {
        **{k: v for k, v in TRAINING.items() if k in PRETRAINING},
        "dataset": "folder",
        "image_size": 8,
        "patch_size": 4,
        "max_images": 48,
        "statistics_images": 16,
    }
    runs = {"pretrained": [ONE], "pretrained_two": cluster()}
    for name, owns in runs.items():
        run("pretrain", folder / name, owns, settings)
    one, two = (commands.history(folder / name) for name in runs)
    for before, after in zip(one, two, strict=True):
        expected = pytest.approx(float(before["train_loss"]), abs=1e-4)
        assert float(after["train_loss"]) == expected
    left = [{p.name for p in (folder / name).iterdir()} for name in runs]
    assert left[0] == left[1]


@pytest.mark.large
def test_two_workers_train_a_detector_as_one_process_does(folder):
    annotations = write_coco(folder / "boxed")
    settings = {
        "genotype": TRAINING["genotype"],
        "init_channels": 2,
        "num_cells": 1,
        "stem": "cifar",
        "head_channels": 8,
        "dataset": "coco_json",
        "annotations": annotations,
        "data_dir": folder / "boxed" / "images",
        "image_size": 64,
        "batch_size": 2,
        "steps_per_epoch": 2,
        "epochs": 1,
        "validation_fraction": 0,
    }
    runs = {"detector": [ONE], "detector_two": cluster()}
    for name, owns in runs.items():
        run("train_detector", folder / name, owns, settings)
    (one,), (two,) = (commands.history(folder / name) for name in runs)
    for name in ("train_loss", "train_box_loss", "train_class_loss"):
        assert float(two[name]) == pytest.approx(float(one[name]), rel=1e-4)


def evaluation(run_dir):
    return json.loads((run_dir / "evaluation.json").read_text())


def test_another_command_on_one_worker_ends_all_with_a_sentence(folder):
    run_dir = folder / "bad"
    first, second = cluster()
    wrong = (*second, "--seed=7")
    done = finish([start(run_dir, own, SETTINGS) for own in (first, wrong)])
    for code, _, error in done:
        assert code == 2, error
        assert "--seed=7 (the chief: 0)" in error
        assert len(error.splitlines()) == 1
    assert not run_dir.exists()


MISSING = ("did not come within --worker_timeout=3", "worker 1")
UNREACHED = ("was not reached within --worker_timeout=3", "the chief, worker 0")


@pytest.mark.large
@pytest.mark.parametrize(
    ("index", "words"), [(0, MISSING), (1, UNREACHED), (None, ("cannot be",))]
)
def test_who_is_not_met_ends_in_time_with_a_sentence(folder, index, words):
    run_dir, owns = folder / "alone", cluster()
    own = (*owns[index or 0], "--worker_timeout=3")
    with contextlib.ExitStack() as held:
        if index is None:
            port = int(own[1].partition(",")[0].rpartition(":")[2])
            held.enter_context(socket.create_server(("", port)))
        ((code, out, error),) = finish([start(run_dir, own, SETTINGS)])
    assert (code, out) == (2, "")
    assert len(error.splitlines()) == 1
    for word in words:
        assert word in error
    assert not run_dir.exists()


@pytest.mark.large
def test_an_address_that_no_machine_has_ends_with_a_sentence(folder):
    own = (
        "--strategy=multi_worker",
        "--workers=nowhere.invalid:2222,localhost:2223",
        "--worker_index=1",
        "--worker_timeout=3",
    )
    ((code, _, error),) = finish([start(folder / "nowhere", own, SETTINGS)])
    assert code == 2
    assert len(error.splitlines()) == 1
    assert "nowhere.invalid:2222" in error
