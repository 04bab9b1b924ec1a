"""Bad input ends with exit code 2 and one sentence that helps."""

import fcntl
import os

import numpy as np
import pytest
from PIL import Image

from tests.tools import commands, one_process

# Test name to the flags in place of those of the smallest search (FOLDER is a
# new directory with the content that `make_folder` gives it), and to what the
# message must say.
CASES = {
    "unknown space": (["--space=dartz"], "--space", "Did you mean 'darts'"),
    "unknown task": (["--task=maee"], "--task", "Did you mean 'mae'"),
    "unknown algorithm": (["--algorithm=dats"], "--algorithm", "'darts'"),
    "unknown decoder": (["--decoder=linaer"], "--decoder", "'linear'"),
    "unknown data set": (["--dataset=cifr10"], "--dataset=cifr10", "cifar10"),
    "unknown choice": (["--order=third"], "--order=third", "first|second"),
    "unknown split": (["--split=valid"], "--split=valid", "test, train"),
    "no data_dir": (["--dataset=folder"], "--data_dir is empty"),
    "data_dir missing": (
        ["--dataset=folder", "--data_dir=FOLDER/none"],
        "none does not exist",
    ),
    "data_dir empty": (
        ["--dataset=folder", "--data_dir=FOLDER/empty"],
        "empty has no images",
    ),
    "data_dir without images": (
        ["--dataset=folder", "--data_dir=FOLDER/texts"],
        "texts has no images",
    ),
    "data_dir with broken images only": (
        ["--dataset=folder", "--data_dir=FOLDER/broken"],
        "can be decoded",
        "cut.png",
    ),
    "data set is not prepared": (
        ["--dataset=cifar10", "--data_dir=FOLDER/empty"],
        "not prepared",
        "python -m tools.prepare_data --dataset=cifar10 --data_dir=FOLDER",
    ),
    "labels are missing": (
        ["--dataset=folder", "--data_dir=FOLDER/flat", "--task=supervised"],
        "one subfolder for each class",
    ),
    "labels of one class": (
        ["--dataset=folder", "--data_dir=FOLDER/one", "--task=supervised"],
        "at least 2 classes",
        "--task=mae",
    ),
    "patch does not divide": (["--patch_size=5"], "--patch_size=5", "2, 4, 8"),
    "ratio of one": (["--mask_ratio=1"], "--mask_ratio=1", "[0, 1)"),
    "negative ratio": (["--mask_ratio=-0.1"], "--mask_ratio=-0.1", "[0, 1)"),
    "ratio masks nothing": (["--mask_ratio=0.01"], "masks 0 of the 16"),
    "ratio masks all": (["--mask_ratio=0.99"], "masks 16 of the 16"),
    **{
        f"zero {name}": ([f"--{name}=0"], f"--{name}=0", "at least 1")
        for name in ("batch_size", "epochs", "init_channels", "patch_size")
    },
    **{
        f"negative {name}": ([f"--{name}=-2"], f"--{name}=-2", "is not valid")
        for name in (
            "batch_size",
            "decoder_width",
            "image_size",
            "max_images",
            "num_cells",
            "num_replicas",
            "seed",
            "warmup_epochs",
        )
    },
    "seed too large": ([f"--seed={2**32}"], "--seed", "4294967295"),
    "infinite rate": (
        ["--weight_learning_rate=inf"],
        "--weight_learning_rate=inf",
        "finite",
    ),
    "rate is no number": (
        ["--alpha_learning_rate=nan"],
        "--alpha_learning_rate=nan",
        "finite",
    ),
    "batch larger than half the data": (
        ["--max_images=14"],
        "--batch_size=8",
        "from 1 to 7",
    ),
    "too few images": (["--max_images=1"], "at least 2 images", "got 1"),
    "image too small": (
        ["--image_size=4", "--patch_size=2"],
        "--image_size=4",
        "multiple of 4 from 8 on",
    ),
    "image does not divide": (
        ["--image_size=18", "--patch_size=3"],
        "--image_size=18",
        "multiple of 4",
    ),
    **{
        f"{number} cells in {space}": (
            [f"--num_cells={number}", f"--space={space}"],
            f"--num_cells={number}",
            "at least 3",
        )
        for space, number in (("darts", 1), ("darts", 2), ("s4", 2))
    },
    "odd width after a reducing stem": (
        [
            "--space=s2",
            "--num_cells=3",
            "--init_channels=3",
            "--stem=imagenet",
            "--image_size=64",
            "--patch_size=32",
        ],
        "even --init_channels",
    ),
    "stem of another family": (
        ["--stem=imagenet", "--image_size=64", "--patch_size=32"],
        "--stem=imagenet",
        "--stem=cifar",
    ),
    "run of another configuration": (
        ["--run_dir=FOLDER/run", "--seed=7", "--epochs=3"],
        "--seed=7 (there: 0)",
        "--epochs=3 (there: 2)",
    ),
    "run that is there with --noresume": (
        ["--run_dir=FOLDER/run", "--noresume"],
        "holds a run already",
    ),
    "run_dir empty": (["--run_dir="], "--run_dir is empty"),
    "run_dir below a file": (
        ["--run_dir=FOLDER/file/run"],
        "FOLDER/file/run cannot be written",
    ),
    "run_dir is a file": (["--run_dir=FOLDER/file"], "cannot be written"),
    "run_dir in use": (["--run_dir=FOLDER/used"], "in use"),
    "config.json is no JSON": (
        ["--run_dir=FOLDER/malformed"],
        "config.json that cannot be read",
    ),
    "config.json is a list": (
        ["--run_dir=FOLDER/list"],
        "config.json that cannot be read",
        "not list",
    ),
    "config.json of another version": (
        ["--run_dir=FOLDER/newer"],
        "config.json that cannot be read",
        "does not know the setting(s) colour",
    ),
    "config.json of an older version": (
        ["--run_dir=FOLDER/older"],
        "holds a run of another configuration",
        "--space=nasbench201 (there: darts)",
    ),
    "replicas without mirrored": (
        ["--num_replicas=2"],
        "--num_replicas=2",
        "--strategy=mirrored",
    ),
    "batch that replicas cannot share": (
        ["--num_replicas=3", "--strategy=mirrored"],
        "--batch_size=8",
        "--num_replicas=3",
    ),
    "XLA and replicas": (
        ["--jit_compile", "--strategy=mirrored"],
        "--jit_compile",
        "--strategy=mirrored",
    ),
    "exact product of first order": (
        ["--hessian_vector_product=exact"],
        "--hessian_vector_product=exact",
        "--order=second",
    ),
    "nesterov without momentum": (
        ["--nesterov", "--momentum=0"],
        "--nesterov",
        "--momentum",
    ),
    "digits from a folder": (
        ["--data_dir=FOLDER"],
        "--data_dir=FOLDER",
        "--dataset=digits",
    ),
    "space with none for fair_darts": (
        ["--algorithm=fair_darts"],
        "--space=nasbench201",
        "not defined",
        "give darts, s1, s2, s3 or s4",
    ),
    "second order of fair_darts": (
        ["--algorithm=fair_darts", "--space=s2", "--order=second"],
        "--order=second is not defined for --algorithm=fair_darts",
    ),
    "second order of p_darts": (
        ["--algorithm=p_darts", "--order=second"],
        "--order=second is not defined for --algorithm=p_darts",
    ),
    "limit on the skips of a chain": (
        ["--space=macro", "--num_cells=0", "--max_skips=2"],
        "--max_skips=2",
        "--space=macro",
    ),
    "early stop by what is not measured": (
        ["--early_stop=eigenvalue"],
        "--early_stop=eigenvalue",
        "--hessian_every",
    ),
    "early stop that cannot be": (
        ["--early_stop=eigenvalue", "--hessian_every=1"],
        "--early_stop=eigenvalue could stop in no epoch",
        "--epochs=2",
    ),
    "misspelt flag": (["--epoch=3"], "'epoch'", "epochs"),
    "text for a number": (["--epochs=many"], "--epochs=many"),
    "fraction for a whole number": (["--epochs=1.5"], "--epochs=1.5"),
    "text for a truth value": (["--augment=perhaps"], "--augment=perhaps"),
    "negative minutes": (["--checkpoint_minutes=-1"], "checkpoint_minutes"),
    "value without a flag": (["digits"], "Unexpected argument 'digits'"),
    "flag file is missing": (["--flagfile=FOLDER/none.flags"], "none.flags"),
    "flag that a file undoes": (
        ["--epochs=3", "--flagfile=FOLDER/epochs.flags"],
        "--epochs=3",
        "epochs.flags, which sets --epochs=5",
        "--flagfile first",
    ),
}


def save_image(path):
    """Writes a small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    Image.fromarray(pixels).save(path)


def make_folder(folder):
    """Fills a directory with what the cases above look for."""
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "notes.txt").write_text("no image")
    (folder / "broken").mkdir()
    (folder / "broken" / "cut.png").write_bytes(b"\x89PNG\r\n")
    (folder / "file").write_text("")
    (folder / "epochs.flags").write_text("--epochs=5\n")
    for number in range(16):
        save_image(folder / "flat" / f"{number}.png")
        save_image(folder / "one" / "cats" / f"{number}.png")
    config = commands.search_config()
    for name, text in (
        ("run", config.to_json()),
        ("malformed", "{"),
        ("list", "[]"),
        ("newer", '{"space": "darts", "colour": "red"}'),
        ("older", '{"space": "darts"}'),
    ):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(text)
    (folder / "used").mkdir()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad_input")
    make_folder(folder)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """Exit code and stderr of every case."""
    flags = [f"--run_dir={folder}/new", *commands.to_flags(commands.TINY)]
    cases = [
        ("", [*flags, *(f.replace("FOLDER", str(folder)) for f in case[0])])
        for case in CASES.values()
    ]
    with open(folder / "used" / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = one_process.run("search", cases)
    return dict(zip(CASES, found, strict=True))


def check(code, error, *parts):
    """Checks exit code 2 and a single line that holds the parts."""
    assert code == 2, error
    lines = error.splitlines()
    # Decoders name the broken file in a warning of their own.
    lines = [line for line in lines if "] Skipped " not in line]
    assert len(lines) == 1, error
    for part in parts:
        assert part in lines[0]
    assert "Traceback" not in error


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_sentence(name, results, folder):
    _, *parts = CASES[name]
    code, _, error = results[name]
    check(code, error, *(part.replace("FOLDER", str(folder)) for part in parts))


@pytest.mark.usefixtures("results")
def test_bad_input_leaves_no_run_behind(folder):
    assert os.listdir(folder / "new") == [".lock"]
    assert sorted(os.listdir(folder / "run")) == [".lock", "config.json"]


def test_another_backend_is_refused_by_a_real_process(tmp_path):
    flags = commands.to_flags({**commands.TINY, "run_dir": tmp_path / "run"})
    code, _, error = commands.run("search", *flags, KERAS_BACKEND="jax")
    check(code, error, "the backend is", "jax", "KERAS_BACKEND=tensorflow")


def test_a_real_process_explains_a_wrong_setting(tmp_path):
    flags = commands.to_flags({**commands.TINY, "run_dir": tmp_path / "run"})
    code, out, error = commands.run("search", *flags, "--patch_size=5")
    check(code, error, "--patch_size=5 does not divide the image size 16")
    assert not out


def test_a_real_process_without_a_run_dir_asks_for_one():
    check(*commands.run("search")[::2], "--run_dir")
