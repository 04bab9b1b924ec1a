"""What holds for all tests."""

import os
import tempfile

import pytest

# Before a test imports TensorFlow, as in every tool.
import maenas_tf  # noqa: F401

# Nothing is written into the home of who runs the tests, nor read from it; all
# processes of a session have it in common.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _cache = tempfile.TemporaryDirectory(prefix="maenas_tf_tests_")
    os.environ["XDG_CACHE_HOME"] = _cache.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Writes what a test has said of odd names so that xdist can send it.

    It sends text in UTF-8 alone, and ends all tests at any other.
    """
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode())
        for name, text in report.sections
    ]
    return report
