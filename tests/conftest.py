"""What holds for all tests."""

import pytest

# Before a test imports TensorFlow, as in every tool.
import maenas_tf  # noqa: F401


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
