"""Tests of `maenas_tf.engine.console`."""

import io

import pytest

from maenas_tf.engine import console as progress


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def draw(stream, monkeypatch, text=""):
    """Runs a bar of 3 steps, the first done before; returns what it wrote."""
    monkeypatch.setattr("sys.stderr", stream)
    with progress.progress_bar(3, 1) as bar:
        for _ in range(2):
            bar.set_description("epoch 1/1", refresh=False)
            bar.set_postfix_str("loss 0.5000", refresh=False)
            bar.update(1)
            if text:
                progress.say(text)
    return stream.getvalue()


def test_a_pipe_gets_lines_and_not_many(monkeypatch):
    lines = draw(io.StringIO(), monkeypatch).splitlines()
    assert lines[0] == "step 1 of 3, ? left"
    assert lines[-1] == "epoch 1/1: step 3 of 3, 00:00 left, loss 0.5000"
    assert len(lines) == 2


def test_a_pipe_gets_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    lines = draw(io.StringIO(), monkeypatch).splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "step 1 of 3",
        "epoch 1/1: step 2 of 3",
        "epoch 1/1: step 3 of 3",
    ]


def test_a_terminal_gets_a_bar_that_is_redrawn(monkeypatch):
    written = draw(Terminal(), monkeypatch)
    assert written.count("\r") >= 2
    assert "3/3" in written
    assert "loss 0.5000" in written


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_is_said_stands_on_lines_of_its_own(stream, monkeypatch, capsys):
    draw(stream(), monkeypatch, text="one line\n  another")
    assert capsys.readouterr().out == "one line\n  another\n" * 2
