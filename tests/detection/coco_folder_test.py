"""Tests of `maenas_tf.detection.coco_json` and `coco_folder`."""

import json

import numpy as np
import pytest
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data import memory
from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.pixel_rules import NEW_RULES
from maenas_tf.detection.coco_folder import load_coco_folder
from maenas_tf.detection.coco_json import read_coco
from maenas_tf.detection.letterbox import FILLING, LetterboxFiles
from tests.detection.boxed import write_coco


def load(path, **options):
    options = {"max_images": 0, "image_size": 20, **options}
    return load_coco_folder(
        str(path), str(path.parent / "images"), rules=NEW_RULES, **options
    )


def test_images_and_boxes_belong_together(tmp_path):
    found = load(write_coco(tmp_path))
    # In the order of their numbers, whatever that of the list is.
    assert found.class_names == ("cat", "dog")
    assert found.images.image_size == 20
    assert found.classes.tolist() == [[1, 0], [-1, -1], [0, -1]]
    # 40 x 20 becomes 20 x 10, and 10 x 30 becomes 7 x 20.
    np.testing.assert_allclose(found.boxes[0], [(2, 3, 12, 8), (0, 0, 4, 4)])
    np.testing.assert_allclose(found.boxes[2, 0], (0.7, 2, 4.9, 10), rtol=1e-6)
    pixels = found.images.read(np.arange(3))
    assert (pixels[0, :10] == 0).all()
    assert (pixels[0, 10:] == FILLING).all()
    assert (pixels[2, :, :7] == 120).all()
    assert (pixels[2, :, 7:] == FILLING).all()


def test_images_in_memory_and_in_files_are_the_same(tmp_path, monkeypatch):
    path = write_coco(tmp_path)
    held = load(path)
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    files = load(path)
    assert isinstance(held.images, ArrayImages)
    assert isinstance(files.images, LetterboxFiles)
    np.testing.assert_array_equal(
        held.images.read(np.arange(3)), files.images.read(np.arange(3))
    )
    assert held.images.mean == files.images.mean
    assert not held.identity("").changes(files.identity(""))


def test_crowds_are_left_out_and_counted(tmp_path):
    crowd = {"image_id": 6, "category_id": 9, "bbox": [0, 0, 9, 9]}
    kept = {"image_id": 7, "category_id": 9, "bbox": [4, 6, 20, 10]}
    path = write_coco(tmp_path, annotations=[{**crowd, "iscrowd": 1}, kept])
    found = load(path)
    assert found.num_boxes == 1
    assert found.num_dropped == 1


def test_a_broken_image_is_named_and_left_out_with_its_boxes(tmp_path, caplog):
    path = write_coco(tmp_path)
    broken = tmp_path / "images" / "0.png"
    broken.write_bytes(broken.read_bytes()[:60])
    found = load(path)
    assert found.images.num_skipped == 1
    assert found.classes.tolist() == [[-1], [0]]
    assert f"Skipped {broken}" in caplog.text


def test_some_of_the_images_are_spread_over_all(tmp_path):
    found = load(write_coco(tmp_path), max_images=2)
    assert found.classes.tolist() == [[1, 0], [0, -1]]


def annotation(**changes):
    good = {"id": 5, "image_id": 7, "category_id": 9, "bbox": [1, 1, 5, 5]}
    return {"annotations": [{**good, **changes}]}


BAD = {
    "no box anywhere": ({"annotations": []}, "no box in any of the 3 images"),
    "an unknown category": (
        annotation(category_id=4),
        "annotation 5 is of category 4, which is not among the categories 3",
    ),
    "an unknown image": (annotation(image_id=1), "is of image 1, which is not"),
    "boxes outside": (
        annotation(bbox=[100, 100, 5, 5]),
        "1 of its 1 boxes lie outside of their images",
    ),
    "a box of three": (annotation(bbox=[1, 2, 3]), "annotation 5 has the bbox"),
    "a box of no numbers": (
        annotation(bbox=[1, 2, 3, float("nan")]),
        "not four numbers",
    ),
    "a negative width": (
        annotation(bbox=[9, 9, -5, 5]),
        "a negative width or height",
    ),
    "a box that is a text": (annotation(bbox="abcd"), "annotation 5"),
    "no categories": ({"categories": None}, "no list 'categories'"),
    "a category twice": (
        {"categories": [{"id": 9, "name": "a"}, {"id": 3, "name": "a"}]},
        "'a' twice among its category names",
    ),
    "no image": ({"images": []}, "names no image"),
    "an image without a name": (
        {"images": [{"id": 7}], "annotations": []},
        "file_name",
    ),
    "an image that is none": ({"images": [3]}, "not of COCO's form"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_content_is_one_sentence(name, tmp_path):
    changes, expected = BAD[name]
    path = write_coco(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert f"--annotations={path}" in message
    assert expected in message


def test_what_is_missing_is_named(tmp_path):
    path = write_coco(tmp_path)
    with pytest.raises(ConfigError, match=r"none\.json cannot be read as JSON"):
        read_coco(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("no JSON")
    with pytest.raises(ConfigError, match=r"text\.json cannot be read as JSON"):
        read_coco(tmp_path / "text.json")
    with pytest.raises(ConfigError, match="--data_dir is empty"):
        load_coco_folder(
            str(path), "", max_images=0, image_size=20, rules=NEW_RULES
        )
    (tmp_path / "images" / "1.png").unlink()
    with pytest.raises(ConfigError, match=r"lacks 1 of the 3 images.*1\.png"):
        load(path)


def test_images_that_are_not_those_annotated_are_refused(tmp_path):
    path = write_coco(tmp_path)
    Image.new("RGB", (20, 40)).save(tmp_path / "images" / "0.png")
    with pytest.raises(ConfigError, match=r"0\.png has 20x40 pixels"):
        load(path)
    content = json.loads(path.read_text())
    for image in content["images"]:
        del image["width"], image["height"]
    path.write_text(json.dumps(content))
    assert load(path).images.num_images == 3
