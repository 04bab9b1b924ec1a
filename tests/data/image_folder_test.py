"""Tests of `maenas_tf.data.image_folder`."""

import os

import numpy as np
import pytest
from absl import logging
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data import image_folder, image_listing, image_reading
from maenas_tf.data.sources import load_images


def save(path, value=100, size=(10, 10), mode="RGB", **options):
    """Write a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path, **options)


def load(folder, **options):
    options = {"with_labels": False, "image_size": 8, **options}
    return load_images("folder", data_dir=str(folder), **options)


@pytest.fixture
def warnings(monkeypatch):
    """What is said while a folder is read, but that all is of one colour."""
    said = []
    monkeypatch.setattr(image_folder, "warn_of_plain", lambda *facts: None)
    monkeypatch.setattr(
        logging, "warning", lambda text, *args: said.append(text % args)
    )
    return said


def values(made):
    """The red value of each picture's first pixel."""
    return made.images[:, 0, 0, 0].tolist()


def test_any_nesting_is_read_in_sorted_order(tmp_path):
    save(tmp_path / "b.png", (2, 0, 0))
    save(tmp_path / "a" / "deep" / "x.png", (1, 0, 0))
    save(tmp_path / "c" / "y.PNG", (3, 0, 0))
    (tmp_path / "notes.txt").write_text("not an image")
    save(tmp_path / ".hidden" / "z.png", (9, 0, 0))
    save(tmp_path / "._b.png", (9, 0, 0))
    made = load(tmp_path)
    assert values(made) == [1, 2, 3]
    assert (made.labels, made.num_classes, made.num_skipped) == (None, 0, 0)


def test_default_size_is_64_for_mixed_sizes(tmp_path):
    save(tmp_path / "a.png", (5, 6, 7), size=(30, 100))
    save(tmp_path / "b.png", (5, 6, 7), size=(200, 70))
    made = load(tmp_path, image_size=0)
    assert made.images.shape == (2, 64, 64, 3)
    assert made.images.dtype == np.uint8
    assert np.all(made.images == [5, 6, 7])


def test_centre_square_is_kept(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.all(load(tmp_path).images == 200)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_colour_modes_become_rgb(tmp_path, mode, value, expected):
    save(tmp_path / "a.png", value, mode=mode)
    assert np.all(load(tmp_path).images == expected)


def test_palette_becomes_rgb(tmp_path):
    picture = Image.new("RGB", (10, 10), (10, 20, 30)).quantize(4)
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.gif", transparency=3)
    assert Image.open(tmp_path / "a.png").mode == "P"
    assert np.all(load(tmp_path).images == (10, 20, 30))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    pixels = np.full((10, 10), 100 * 257, np.uint16)
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}")
    assert np.all(load(tmp_path).images == 100)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_floating_pixels_are_scaled(tmp_path, top):
    pixels = np.full((10, 10), 0.2 * top, np.float32)
    pixels[:, 9] = top
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    assert load(tmp_path, image_size=10).images[0, 0, 0].tolist() == [51] * 3


def test_exif_orientation_is_honoured(tmp_path):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise: white on the right
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)
    shown = load(tmp_path, image_size=16).images[0, :, :, 0]
    assert np.all(shown[:, 10:] > 240)
    assert np.all(shown[:, :6] < 15)


def test_large_jpeg_is_reduced_faithfully(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1))
    Image.fromarray(ramp).save(tmp_path / "a.jpg", quality=95)
    shown = load(tmp_path, image_size=16).images[0, 8, :, 0].astype(int)
    np.testing.assert_allclose(shown, np.arange(8, 256, 16), atol=6)


def test_broken_files_are_named_counted_and_left_out(tmp_path, warnings):
    save(tmp_path / "a" / "1.png", (1, 0, 0))
    (tmp_path / "a" / "2.png").write_bytes(b"no picture")
    save(tmp_path / "b" / "3.png", (3, 0, 0))
    whole = (tmp_path / "b" / "3.png").read_bytes()
    (tmp_path / "b" / "4.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b" / "5.jpg").touch()
    made = load(tmp_path, with_labels=True)
    assert values(made) == [1, 3]
    assert made.labels.tolist() == [0, 1]
    assert made.num_skipped == 3
    for name in ("2.png", "4.png", "5.jpg"):
        assert sum(name in warning for warning in warnings) == 1
    assert "Skipped 3 of 5 files" in warnings[-1]


def test_first_level_folders_are_classes_only_when_asked_for(tmp_path):
    for name, value in (("dog", 2), ("cat", 1), ("eel", 3)):
        save(tmp_path / name / "more" / "x.png", (value, 0, 0))
    made = load(tmp_path, with_labels=True)
    assert made.class_names == ("cat", "dog", "eel")
    assert (made.labels.tolist(), made.num_classes) == ([0, 1, 2], 3)
    assert load(tmp_path).class_names == ()


def test_images_outside_of_classes_are_an_error_with_labels(tmp_path):
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "stray.png")
    assert len(load(tmp_path).images) == 2
    with pytest.raises(ConfigError, match="--data_dir.*stray.png.*subfolder"):
        load(tmp_path, with_labels=True)


def test_max_images_spreads_over_the_classes(tmp_path, monkeypatch):
    for value in range(12):
        save(tmp_path / f"c{value // 4}" / f"{value:02}.png", (value, 0, 0))
    decoded = []
    read = image_reading.read_image
    monkeypatch.setattr(
        image_reading,
        "read_image",
        lambda path, *facts: decoded.append(path) or read(path, *facts),
    )
    made = load(tmp_path, max_images=3, with_labels=True)
    assert values(made) == [0, 4, 8]
    assert made.labels.tolist() == [0, 1, 2]
    assert len(decoded) == 3


def test_split_folders_are_told_apart(tmp_path):
    save(tmp_path / "train" / "a" / "x.png", (1, 0, 0))
    save(tmp_path / "test" / "a" / "x.png", (2, 0, 0))
    assert values(load(tmp_path)) == [1]
    made = load(tmp_path, split="test", with_labels=True)
    assert (values(made), made.class_names) == ([2], ("a",))
    with pytest.raises(ConfigError, match="--split=val .*test, train"):
        load(tmp_path, split="val")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("training", "testing"),
        ("TRAINING_SET", "test_set"),
        ("train2017", "test2017"),
        ("train_images", "Test-Images"),
        ("trainset", "testdata"),
    ],
)
def test_splits_are_known_under_their_usual_spellings(tmp_path, train, test):
    for name, value in ((train, 1), (test, 2), ("Valid", 3)):
        save(tmp_path / name / "cat" / "x.png", (value, 0, 0))
    for junk in ("__MACOSX", ".git", "docs"):
        (tmp_path / junk / "cat").mkdir(parents=True)
    save(tmp_path / "__MACOSX" / "cat" / "x.png")
    (tmp_path / "docs" / "labels.csv").touch()
    for split, value in (("train", 1), ("test", 2), ("validation", 3)):
        assert values(load(tmp_path, split=split)) == [value]
    made = load(tmp_path, split=test, with_labels=True)
    assert (values(made), made.class_names) == ([2], ("cat",))


def test_a_search_reads_what_has_no_label_and_never_the_test(
    tmp_path, warnings
):
    for number, name in enumerate(("train", "test", "val", "Unlabelled")):
        save(tmp_path / name / "a" / "x.png", (number, 0, 0))
    assert values(load(tmp_path)) == [3, 0]
    (said,) = warnings
    assert "images of train and Unlabelled are read" in said
    assert values(load(tmp_path, with_labels=True)) == [0]
    assert values(load(tmp_path, split="unlabeled")) == [3]
    assert values(load(tmp_path / "train")) == [0]


def test_images_without_labels_may_lie_beside_classes(tmp_path, warnings):
    for number, name in enumerate(("cat", "dog", "unlabelled")):
        save(tmp_path / name / "deep" / "x.png", (number, 0, 0))
    assert values(load(tmp_path)) == [0, 1, 2]
    made = load(tmp_path, with_labels=True)
    assert (values(made), made.class_names) == ([0, 1], ("cat", "dog"))
    assert not warnings
    with pytest.raises(ConfigError, match="--split=test.*all images"):
        load(tmp_path, split="test")


@pytest.mark.parametrize(
    ("layout", "seen"),
    [
        ("train/a.png test/a.png cat/a.png", "test, train.*beside them cat"),
        ("Test/a.png cat/a.png", "Test.*beside them cat"),
        ("train/a.png test/a.png b.png", "beside them b.png"),
        ("seg_train/a.png seg_test/a.png", "seg_test, seg_train.*one split"),
        ("cat/train/a.png cat/test/a.png", "cat holds test, train"),
        ("zip/set/Training/c/a.png zip/set/Testing/c/a.png", "set holds Test"),
        ("train/a.png test_2/a.png my_test/a.png", "beside them my_test"),
        ("unlabeled/a.png test/a.png cat/a.png", "unlabeled.*them cat"),
        ("unlabeled/a.png my_test/a.png cat/a.png", "unlabeled.*my_test"),
        ("unlabeled/a.png cat/a.png b.png", "beside them b.png"),
    ],
)
@pytest.mark.parametrize("with_labels", [False, True])
def test_layouts_that_are_splits_in_part_are_refused(
    tmp_path, layout, seen, with_labels
):
    for path in layout.split():
        save(tmp_path / path)
    with pytest.raises(ConfigError, match=f"--data_dir=.*{seen}"):
        load(tmp_path, with_labels=with_labels)


def test_a_split_that_two_folders_may_be_is_refused(tmp_path, warnings):
    save(tmp_path / "val" / "a.png", (1, 0, 0))
    save(tmp_path / "Valid" / "a.png", (2, 0, 0))
    with pytest.raises(ConfigError, match="may be Valid or val"):
        load(tmp_path, split="validation")
    assert values(load(tmp_path, split="Valid")) == [2]
    assert "val is not read" in warnings[-1]


@pytest.mark.parametrize(
    "names",
    [("invalid", "valid"), ("beach", "train_station"), ("boat", "Train")],
)
def test_classes_may_be_called_as_words_of_splits(tmp_path, names):
    for name in names:
        save(tmp_path / name / "a.png")
    assert load(tmp_path, with_labels=True).class_names == tuple(sorted(names))


def test_class_named_train_is_no_split(tmp_path, warnings):
    save(tmp_path / "train" / "x.png")
    save(tmp_path / "boat" / "x.png")
    assert len(load(tmp_path).images) == 2
    assert "a folder train beside others" in warnings[-1]
    with pytest.raises(ConfigError, match="--split=test.*all images"):
        load(tmp_path, split="test")


def test_linked_folders_are_followed_and_cycles_end(tmp_path):
    save(tmp_path / "elsewhere" / "x.png", (4, 0, 0))
    inside = tmp_path / "data" / "sub"
    inside.mkdir(parents=True)
    os.symlink(tmp_path / "elsewhere", inside / "linked")
    os.symlink(tmp_path / "data", inside / "upwards")
    assert values(load(tmp_path / "data")) == [4]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (None, "does not exist"),
        (lambda path: path.write_text("x"), "is not a folder"),
        (lambda path: path.mkdir(), "has no images"),
    ],
)
def test_unusable_folders_are_explained(tmp_path, make, message):
    path = tmp_path / "data"
    if make:
        make(path)
    with pytest.raises(ConfigError, match=f"--data_dir=.*{message}"):
        load(path)


def test_missing_data_dir_is_explained():
    with pytest.raises(ConfigError, match="--data_dir is empty"):
        load("")


def test_folder_of_broken_files_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="none of its 1 image.*a.png"):
        load(tmp_path)


def test_empty_classes_are_named_and_left_out(tmp_path, warnings):
    save(tmp_path / "cat" / "a.png", (1, 0, 0))
    save(tmp_path / "eel" / "a.png", (2, 0, 0))
    (tmp_path / "bat").mkdir()
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "a.png").write_bytes(b"no picture")
    made = load(tmp_path, with_labels=True)
    assert (values(made), made.labels.tolist()) == ([1, 2], [0, 1])
    assert made.class_names == ("cat", "eel")
    assert sum("1 class(es) without a readable" in x for x in warnings) == 2
    assert any(x.endswith("image: bat.") for x in warnings)
    assert any(x.endswith("image: dog.") for x in warnings)


def test_a_class_of_which_no_image_is_taken_stays_a_class(tmp_path):
    for name in ("a", "b", "c"):
        save(tmp_path / name / "x.png")
    made = load(tmp_path, with_labels=True, max_images=2)
    assert (made.labels.tolist(), made.num_classes) == ([0, 1], 3)


def test_pictures_of_all_suffixes_and_of_none_are_read(tmp_path, warnings):
    names = (
        "a.AVIF a.bmp a.heic a.heif a.jfif a.jp2 a.jpe a.qoi a.tga a.tif "
        "a.webp bare photo.jpg_large photo.1"
    ).split()
    formats = {
        ".AVIF": "AVIF",
        ".heic": "HEIF",
        ".heif": "HEIF",
        ".jfif": "JPEG",
        ".jp2": "JPEG2000",
        ".jpe": "JPEG",
        "": "PNG",
        ".jpg_large": "JPEG",
        ".1": "WEBP",
    }
    for name in names:
        suffix = os.path.splitext(name)[1]
        kind = formats.get(suffix, suffix[1:].upper().replace("TIF", "TIFF"))
        save(tmp_path / "set" / name, (200, 200, 200), (32, 32), format=kind)
    made = load(tmp_path)
    assert len(made.images) == len(names)
    assert np.all(np.abs(made.images.astype(int) - 200) < 3)
    assert (made.num_skipped, made.num_others, warnings) == (0, 0, [])


def test_what_is_no_image_is_counted_and_named_where_it_may_be_one(
    tmp_path, warnings
):
    save(tmp_path / "cat" / "a.png")
    for number in range(5):
        (tmp_path / f"{number}.json").write_text("{}")
    (tmp_path / "README").write_text("P5 is said of grey pictures")
    (tmp_path / "data.weights").write_bytes(b"BM" + bytes(99))
    made = load(tmp_path, with_labels=True)
    assert (made.num_images, made.num_skipped, made.num_others) == (1, 0, 7)
    (said,) = warnings
    assert f"Left out of {tmp_path} 7 file(s) that are no images" in said
    assert "5 .json, 1 without a suffix, 1 .weights" in said
    assert f"(as {tmp_path}/README, {tmp_path}/data.weights)" in said


def test_only_regular_files_are_opened(tmp_path, warnings):
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "zero.jpg")
    os.symlink(tmp_path / "round", tmp_path / "round")
    os.symlink(tmp_path / "gone.png", tmp_path / "lost.png")
    made = load(tmp_path)
    assert (made.num_images, made.num_skipped, made.num_others) == (1, 1, 4)
    assert any("lost.png" in said for said in warnings)


def test_an_unreadable_folder_is_named_in_one_sentence(tmp_path, monkeypatch):
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "dog" / "a.png")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(image_listing.os, "scandir", refuse)
    with pytest.raises(ConfigError, match=r"dog cannot be read \(Permission"):
        load(tmp_path, with_labels=True)


def test_many_broken_files_are_not_named_one_by_one(tmp_path, warnings):
    save(tmp_path / "a.png")
    for number in range(40):
        (tmp_path / f"{number}.png").touch()
    assert load(tmp_path).num_skipped == 40
    assert len(warnings) == 21
    assert "Skipped 40 of 41 files" in warnings[-1]


@pytest.mark.parametrize(
    "marks",
    [
        ".lock",
        ".lock config.json flags.txt",
        "config.json genotype.json history.csv alphas.npz",
        "summary.json genotype.json weights.npz",
        "sweep.json .sweep_lock",
        "report.html runs.csv",
        "benchmark.json benchmark.md",
        "export.json class_names.txt",
    ],
)
@pytest.mark.parametrize("with_labels", [False, True])
def test_what_a_tool_has_written_is_never_read(
    tmp_path, warnings, marks, with_labels
):
    save(tmp_path / "cat" / "a.png", (1, 0, 0))
    save(tmp_path / "dog" / "a.png", (2, 0, 0))
    for run in (tmp_path / "runs" / "first", tmp_path / "run"):
        run.mkdir(parents=True)
        for name in marks.split():
            (run / name).touch()
        if marks != ".lock":
            save(run / "plots" / "alphas.png")
    made = load(tmp_path, with_labels=with_labels)
    assert values(made) == [1, 2]
    assert made.class_names == (("cat", "dog") if with_labels else ())
    (said,) = warnings
    assert f"what was written by a run: {tmp_path / 'run'}, " in said
    with pytest.raises(ConfigError, match=r"has written \(it holds .*\w\)"):
        load(tmp_path / "run")


def test_a_config_file_beside_images_makes_no_run_of_them(tmp_path):
    save(tmp_path / "cat" / "a.png")
    (tmp_path / "cat" / "config.json").touch()
    assert load(tmp_path).num_images == 1
