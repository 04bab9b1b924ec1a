"""Bad input to a detector's training ends with code 2 and one sentence."""

import pytest

from tests.detection.boxed import write_coco
from tests.tools import one_process

BOX = {"image_id": 7, "category_id": 9, "bbox": [1, 1, 5, 5]}
# Name of a JSON file to what it holds besides what is right.
FILES = {
    "good": {},
    "empty": {"annotations": []},
    "outside": {"annotations": [{**BOX, "bbox": [99, 99, 5, 5]}]},
    "unknown": {"annotations": [{**BOX, "category_id": 4}]},
}
# Name to flags in place of those below, and parts of the sentence.
BAD = {
    "a JSON file that is missing": (
        ["--annotations=FOLDER/none.json"],
        "none.json cannot be read as JSON",
    ),
    "no box anywhere": (
        ["--annotations=FOLDER/empty/boxes.json"],
        "no box in any of the 3 images",
    ),
    "boxes outside": (
        ["--annotations=FOLDER/outside/boxes.json"],
        "1 of its 1 boxes lie outside of their images",
    ),
    "an unknown class": (
        ["--annotations=FOLDER/unknown/boxes.json"],
        "is of category 4",
        "3 (cat), 9 (dog)",
    ),
    "images that are missing": (
        ["--data_dir=FOLDER"],
        "lacks 3 of the 3 images",
        "0.png",
    ),
    "no boxes named": (["--annotations="], "--annotations=FILE"),
    "no folder": (["--data_dir="], "--data_dir is empty"),
    "an unknown data set": (
        ["--dataset=voc2007", "--annotations="],
        "--dataset=voc2007 is not known",
    ),
    "boxes of two kinds": (["--dataset=voc/2007"], "do not fit"),
    "a size that cannot be halved": (
        ["--image_size=100"],
        "--image_size=100",
        "multiple of 32",
    ),
    "weights that are missing": (
        ["--init_from=FOLDER/none"],
        "--init_from=FOLDER/none does not exist",
    ),
    "a batch larger than the set": (["--batch_size=9"], "--batch_size=9"),
    "an unknown genotype": (["--genotype=DARTS_V3"], "Did you mean DARTS_V"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector")
    for name, changes in FILES.items():
        write_coco(folder / name, **changes)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    usual = [
        "--annotations=FOLDER/good/boxes.json",
        "--data_dir=FOLDER/good/images",
        "--image_size=64",
        "--init_channels=4",
        "--num_cells=3",
        "--batch_size=2",
        "--validation_fraction=0",
        "--run_dir=FOLDER/run",
    ]
    asked = [
        ("", [flag.replace("FOLDER", str(folder)) for flag in usual + flags])
        for flags, *_ in BAD.values()
    ]
    found = one_process.run("train_detector", asked)
    return dict(zip(BAD, found, strict=True))


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name, results, folder):
    code, _, error = results[name]
    assert code == 2, error
    assert len(error.splitlines()) == 1, error
    for part in BAD[name][1:]:
        assert part.replace("FOLDER", str(folder)) in error


@pytest.mark.usefixtures("results")
def test_bad_input_starts_no_run(folder):
    assert [path.name for path in (folder / "run").iterdir()] == [".lock"]
