"""`python -m tools.search`, from the command to the files that it leaves."""

import json

import numpy as np
import pytest
from PIL import Image

from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES, load_genotype
from tests.tools import commands

S2 = {**commands.TINY, "space": "s2", "num_cells": 3, "max_images": 32}


@pytest.fixture(scope="module")
def s2_run(tmp_path_factory):
    """A label-free search in s2; returns its directory and stdout."""
    run_dir = tmp_path_factory.mktemp("search") / "run"
    flags = commands.to_flags({**S2, "run_dir": run_dir})
    code, out, error = commands.run("search", *flags)
    assert code == 0, error
    return run_dir, out, error


def test_a_search_leaves_every_file_of_the_contract(s2_run):
    run_dir, _, _ = s2_run
    files = {
        str(path.relative_to(run_dir))
        for path in run_dir.rglob("*")
        if path.is_file()
    }
    assert {
        "config.json",
        "data.json",
        "flags.txt",
        "genotype.json",
        "history.csv",
        "summary.json",
        "alphas.npz",
        "checkpoints/checkpoint",
        "plots/cell_normal.png",
        "plots/cell_reduce.png",
        "plots/alphas.png",
        "plots/reconstructions.png",
    } <= files
    assert any(name.startswith("tensorboard/events.out") for name in files)
    assert not [name for name in files if name.endswith(".new")]
    for path in (run_dir / "plots").iterdir():
        pixels = np.asarray(Image.open(path))
        assert min(pixels.shape[:2]) > 50
        assert pixels.std() > 5, f"{path.name} is blank"


def test_genotype_history_and_summary_tell_the_same(s2_run):
    run_dir, out, _ = s2_run
    genotype = load_genotype(run_dir)
    assert genotype.space == "s2"
    assert str(genotype) in out
    rows = commands.history(run_dir)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert rows[-1]["genotype"] == str(genotype)
    for row in rows:
        assert float(row["weight_loss"]) > 0
        assert float(row["alpha_loss"]) > 0
        assert float(row["images_per_second"]) > 0
        assert 0 <= int(row["skips_normal"]) <= 8
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["genotype"] == json.loads(
        (run_dir / "genotype.json").read_text()
    )
    assert summary["dataset"] == "digits"
    assert summary["num_images"] == 32
    assert summary["num_labels_read"] == 0
    assert summary["steps"] == 4
    assert summary["seed"] == 0
    for name in ("seconds_search", "parameters", "peak_memory_mb", "versions"):
        assert summary[name]


def test_alphas_hold_every_epoch_and_lead_to_the_genotype(s2_run):
    run_dir, _, _ = s2_run
    arrays = commands.alphas(run_dir)
    space = SPACES.get("s2")
    weights = {}
    for cell_type in space.cell_types:
        shape = (2, cell_type.num_edges, cell_type.max_primitives)
        assert arrays[f"alphas_{cell_type.name}"].shape == shape
        weights[cell_type.name] = arrays[f"weights_{cell_type.name}"]
        assert np.ptp(arrays[f"alphas_{cell_type.name}"], axis=0).max() > 0
    last = {name: stack[-1] for name, stack in weights.items()}
    assert space.derive(last) == load_genotype(run_dir)


def split_output(out):
    """Returns the lines about epochs and those of the end."""
    lines = out.splitlines()
    (end,) = (
        number
        for number, line in enumerate(lines)
        if line.startswith("Found in")
    )
    return lines[:end], lines[end:]


def test_the_output_is_clean(s2_run):
    _, out, error = s2_run
    epochs, end = split_output(out)
    heads = [line for line in epochs if not line.startswith("  ")]
    assert [head.split(":")[0] for head in heads] == ["epoch 1/2", "epoch 2/2"]
    assert all("weight_loss" in head for head in heads)
    assert "32 images and 0 labels" in end[0]
    # A pipe is no terminal: progress comes in lines, and nothing else does.
    assert error.endswith("\n")
    for line in error.split("\n")[:-1]:
        assert "step " in line, error
        assert "\r" not in line


def test_the_same_command_on_a_finished_run_trains_nothing(s2_run):
    run_dir, out, _ = s2_run
    before = {
        path: path.stat().st_mtime_ns
        for path in run_dir.rglob("*")
        if path.is_file()
    }
    # flags.txt is the command, with every setting written out.
    code, again, error = commands.run(
        "search", f"--flagfile={run_dir}/flags.txt"
    )
    assert code == 0, error
    assert again.splitlines() == split_output(out)[1]
    assert not error
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before


def test_flags_of_a_run_name_every_setting(s2_run):
    run_dir, _, _ = s2_run
    lines = (run_dir / "flags.txt").read_text().splitlines()
    names = [line.removeprefix("--").split("=")[0] for line in lines]
    values = json.loads((run_dir / "config.json").read_text())
    fields = list(SearchConfig.settings())
    assert list(values) == fields
    assert [name.removeprefix("no") for name in names] == [
        name.removeprefix("no") for name in ("run_dir", *fields)
    ]


def search(run_dir, **settings):
    """Runs a tiny search in this process."""
    config = commands.search_config(**settings)
    return SearchExperiment(config, run_dir).run()


@pytest.fixture
def photographs(tmp_path):
    """A nested folder of 18 images of mixed sizes, modes and formats."""
    folder = tmp_path / "photographs"
    rng = np.random.default_rng(0)
    for number in range(18):
        height, width = rng.integers(12, 90, 2)
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        image = Image.fromarray(pixels).convert(
            ("RGB", "L", "RGBA")[number % 3]
        )
        place = folder / ("", "trips", "trips/2021/sea")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{number}.{('jpg', 'png', 'png')[number % 3]}")
    (folder / "trips" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    return folder


def test_unlabelled_photographs_of_any_size_give_a_genotype(
    photographs, tmp_path, caplog
):
    result = search(
        tmp_path / "run",
        dataset="folder",
        data_dir=str(photographs),
        epochs=1,
        batch_size=4,
        mask_fill="token",
    )
    SPACES.get("nasbench201").validate(result.genotype)
    assert result.summary["num_images"] == 18
    assert result.summary["num_skipped_files"] == 1
    assert result.summary["num_labels_read"] == 0
    assert "torn.jpg" in caplog.text


def test_a_supervised_search_reads_and_counts_labels(tmp_path):
    result = search(tmp_path / "run", task="supervised", epochs=1)
    assert result.summary["num_labels_read"] == 64
    assert 0 <= result.history[0]["accuracy"] <= 1
    assert not (tmp_path / "run" / "plots" / "reconstructions.png").exists()


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """The same search by first and by second order."""
    folder = tmp_path_factory.mktemp("orders")
    # A virtual step of the usual length is too short to show in four steps.
    settings = {"epochs": 1, "weight_learning_rate": 0.2}
    return {
        order: search(folder / order, order=order, **settings)
        for order in ("first", "second")
    }


def test_second_order_moves_the_alphas_otherwise_than_first(orders):
    first, second = (orders[name].alphas["cell"] for name in orders)
    # They begin within 0.001 of 0 and Adam moves them by 3e-4 a step.
    assert np.abs(first).max() > 5e-4
    assert np.abs(second - first).max() > 1e-4
