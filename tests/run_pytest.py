"""The main program of the Bazel tests: runs pytest on the named file."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
