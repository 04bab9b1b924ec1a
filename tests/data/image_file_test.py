"""Tests of `maenas_tf.data.image_file`, and that a graph decodes the same."""

import numpy as np
import pillow_heif
import pytest
import tensorflow as tf
from PIL import ExifTags, Image, ImageOps

from maenas_tf.data import decoding, jpeg
from maenas_tf.data.image_file import check_image, read_image
from maenas_tf.data.pixel_rules import OLD_RULES, PixelRules
from tests.data import pictures

SIZE = 16


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each kind that a server decodes, by name."""
    return pictures.write_all(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def decode():
    """The server's decoder, traced once for each set of rules."""
    traced = {}

    def run(path, rules):
        if rules not in traced:
            traced[rules] = tf.function(
                lambda encoded: decoding.decode(encoded, SIZE, rules),
                input_signature=[tf.TensorSpec([], tf.string)],
            )
        return traced[rules](path.read_bytes()).numpy()

    return run


@pytest.mark.parametrize("name", pictures.SERVED)
@pytest.mark.parametrize(
    "rules",
    [
        PixelRules(),
        PixelRules("#204060", integer_white=4095),
        OLD_RULES,
    ],
    ids=["white", "coloured, 12 bits", "old"],
)
def test_a_graph_decodes_the_same_bytes(files, decode, name, rules):
    expected = read_image(files[name], SIZE, rules)
    assert expected.shape == (SIZE, SIZE, 3)
    np.testing.assert_array_equal(decode(files[name], rules), expected)


# Of deep ones Pillow drops bits.
@pytest.mark.parametrize(
    "name", [n for n in pictures.SERVED if not n.startswith("deep")]
)
def test_what_is_decoded_is_what_pillow_shows(files, name):
    with Image.open(files[name]) as image:
        shown = ImageOps.exif_transpose(image).convert("RGBA")
    ground = Image.new("RGBA", shown.size, "white")
    shown = Image.alpha_composite(ground, shown).convert("RGB")
    side = min(shown.size)
    left, top = (shown.width - side) // 2, (shown.height - side) // 2
    shown = shown.crop((left, top, left + side, top + side))
    shown = np.asarray(shown.resize((SIZE, SIZE), Image.BILINEAR))
    found = read_image(files[name], SIZE).astype(int)
    assert np.abs(found - shown).mean() < 6


@pytest.mark.parametrize("name", [n for n in pictures.SERVED if "jpg" in n])
@pytest.mark.parametrize("ratio", [1, 2, 8])
def test_a_jpeg_is_decoded_exactly_as_by_pillow(files, name, ratio):
    with Image.open(files[name]) as image:
        image.draft(None, (image.width // ratio, image.height // ratio))
        shown = np.asarray(image).astype(int)
    if shown.ndim == 2:
        shown = shown[..., np.newaxis]
    if shown.shape[-1] == 4:  # cyan, magenta, yellow and black
        shown = (255 - shown[..., :3]) * (255 - shown[..., 3:]) // 255
    found = jpeg.decode_jpeg(files[name].read_bytes(), ratio).numpy()
    if found.shape[:2] == shown.shape[:2]:
        np.testing.assert_array_equal(
            found, np.broadcast_to(shown, found.shape)
        )
    else:
        assert ratio > 1  # Pillow rounds down what it reduces by.


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path, decode, kind, orientation):
    # A picture that is its own like in no other position.
    corners = np.zeros((SIZE, SIZE, 3), np.uint8)
    corners[:8, :8], corners[:8, 8:], corners[8:, :8] = 200, 100, 50
    stored = Image.fromarray(corners)
    turn = pictures.TO_STORE.get(orientation)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a maker of some name"
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "picture"
    options = {"quality": 100, "lossless": True} if kind == "WEBP" else {}
    (stored.transpose(turn) if turn is not None else stored).save(
        path, kind, exif=exif, **options
    )
    found = read_image(path, SIZE)
    np.testing.assert_allclose(found, corners, atol=12)
    if kind != "TIFF":
        np.testing.assert_array_equal(decode(path, PixelRules()), found)


@pytest.mark.parametrize("damage", ["cut", "nonsense", "motorola"])
def test_odd_tags_do_not_spoil_a_picture(tmp_path, decode, damage):
    exif = {
        "cut": b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        "nonsense": b"Exif\0\0" + b"\xff" * 40,
        "motorola": b"Exif\0\0MM\0*\0\0\0\x08\0\x01"
        b"\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0",
    }[damage]
    path = tmp_path / "a.jpg"
    picture = pictures.photo(40, 30)
    picture.save(path, exif=exif)
    found = read_image(path, SIZE)
    np.testing.assert_array_equal(decode(path, PixelRules()), found)
    picture.save(tmp_path / "plain.jpg")
    plain = read_image(tmp_path / "plain.jpg", SIZE)
    if damage == "motorola":
        plain = plain[::-1, ::-1]  # turned by half
    np.testing.assert_allclose(found.astype(int), plain, atol=2)


@pytest.mark.parametrize(
    ("background", "expected"),
    [
        ("white", [255, 255, 255]),
        ("black", [0, 0, 0]),
        ("#0a141e", [10, 20, 30]),
        ("none", [90, 80, 70]),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF"])
def test_transparent_pixels_show_the_ground(
    tmp_path, kind, background, expected
):
    picture = Image.new("RGBA", (SIZE, SIZE), (90, 80, 70, 0))
    picture.paste((1, 2, 3, 255), (0, 0, SIZE, 8))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    if kind == "GIF":
        expected = expected if background != "none" else None
    picture.save(tmp_path / "a", kind, **options)
    found = read_image(tmp_path / "a", SIZE, PixelRules(background))
    assert found[0, 0].tolist() == [1, 2, 3]
    if expected:
        assert found[-1, -1].tolist() == expected


def test_half_transparent_pixels_are_mixed_before_neighbours_are(tmp_path):
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 100, 128
    pixels[::2] = 0  # transparent black, which must not darken the rest
    Image.fromarray(pixels).save(tmp_path / "a.png")
    mixed = (100 * 128 + 255 * 127) / 255
    found = read_image(tmp_path / "a.png", SIZE)
    np.testing.assert_allclose(found[8, 8, 0], (mixed + 255) / 2, atol=2)


def test_a_large_jpeg_is_near_to_what_is_resized_at_full_size(tmp_path):
    picture = pictures.photo(900, 700)
    picture.save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        full = np.asarray(image)
    expected = decoding.finish(tf.constant(full), 1, SIZE, PixelRules())
    found = read_image(tmp_path / "a.jpg", SIZE).astype(int)
    assert 0 < np.abs(found - expected.numpy()).max() <= 8


def save_deep(path, values, kind):
    image = Image.fromarray(values.astype(kind))
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "white"),
    [
        ("a.png", np.uint16, 4095),
        ("a.png", np.uint16, 255),
        ("a.tif", np.uint16, 4095),
        ("a.tif", np.int32, 255),
        ("a.tif", np.float32, 65535),
        ("a.tif", np.float32, 1),
    ],
)
def test_levels_are_kept_where_the_set_tells_what_is_white(
    tmp_path, name, kind, white
):
    ramp = np.tile(np.arange(256) / 255, (256, 1))
    values = ramp * white
    if kind is not np.float32:
        values = np.rint(values)
    path = save_deep(tmp_path / name, values, kind)
    rules = PixelRules(integer_white=white, float_white=white)
    found = read_image(path, 256, rules)[..., 0]
    np.testing.assert_array_equal(found, np.rint(ramp * 255))


def test_sixteen_bits_of_colour_keep_their_levels(tmp_path):
    ramp = np.tile(np.rint(np.linspace(0, 4095, 256)), (256, 1))
    values = np.stack([ramp, ramp // 2, ramp // 4], -1).astype(np.uint16)
    path = tmp_path / "a.png"
    path.write_bytes(tf.io.encode_png(values).numpy())
    found = read_image(path, 256, PixelRules(integer_white=4095))
    assert [len(np.unique(found[..., k])) for k in range(3)] == [256, 128, 65]


def test_values_beyond_those_of_the_set_are_refused(tmp_path, decode):
    rules = PixelRules(integer_white=255)
    values = np.full((SIZE, SIZE), 5000)
    path = save_deep(tmp_path / "a.png", values, np.uint16)
    for function in (read_image, check_image):
        with pytest.raises(ValueError, match="5000 are not those of .* 255"):
            function(path, SIZE, rules)
    with pytest.raises(tf.errors.InvalidArgumentError, match="exceed 255"):
        decode(path, rules)


def test_a_server_refuses_what_it_cannot_decode_as_the_training_did(
    tmp_path, decode
):
    pictures.photo(20, 20).save(tmp_path / "a.gif")
    with pytest.raises(tf.errors.InvalidArgumentError, match="no JPEG"):
        decode(tmp_path / "a.gif", PixelRules())


def test_what_phones_save_is_read(tmp_path):
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    pillow_heif.from_pillow(image).save(tmp_path / "a.heic", quality=-1)
    found = read_image(tmp_path / "a.heic", 8)
    np.testing.assert_allclose(found, [[[200, 100, 50]] * 8] * 8, atol=2)
