"""Tests of `maenas_tf.recording.event_writer`."""

import os
import subprocess
import sys

import pytest

from maenas_tf.recording.event_writer import EventWriter
from tests.engine.small_files import files_of_at_most


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    writer = EventWriter(tmp_path)
    (file,) = tmp_path.iterdir()
    values = {f"loss_{number}": 0.5 for number in range(300)}
    too_large = pytest.raises(OSError, match="File too large")
    with files_of_at_most(5000), too_large as caught:
        writer.write_scalars(0, values)
    assert caught.value.filename == str(file)
    writer.close()


def test_the_keras_of_old_asked_for_is_no_error():
    # TensorFlow then looks for tf_keras at the first use of tf.keras.
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    module = "maenas_tf.recording.event_writer"
    command = [sys.executable, "-c", f"import {module}; print('fine')"]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout == "fine\n", done.stderr
