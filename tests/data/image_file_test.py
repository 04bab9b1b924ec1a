"""Tests of `maenas_tf.data.image_file`."""

import numpy as np
import pillow_heif
from PIL import Image

from maenas_tf.data.image_file import read_image


def test_what_phones_save_is_read(tmp_path):
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    pillow_heif.from_pillow(image).save(tmp_path / "a.heic", quality=-1)
    found = read_image(tmp_path / "a.heic", 8)
    np.testing.assert_allclose(found, [[[200, 100, 50]] * 8] * 8, atol=2)
