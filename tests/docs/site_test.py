"""The site builds strictly, with all that it is to hold and no network."""

import html
import os
import pathlib
import re
import subprocess
import sys

import pytest

import maenas_tf
from docs import site_hooks
from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.scores import SCORES
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import TASKS
from maenas_tf.training.config import PretrainConfig, TrainConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a browser would fetch while it shows a page.
_FETCHED = re.compile(
    r"<(?:script|img|iframe)[^>]*\ssrc=\"?(https?:)?//"
    r"|<link[^>]*rel=\"?(?:stylesheet|preconnect)\"?[^>]*href=\"?(https?:)?//"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    # A proxy that nobody serves: what asks the network fails.
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "http_proxy": nowhere,
            "https_proxy": nowhere,
            "NO_MKDOCS_2_WARNING": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def page(site, name):
    """Returns the text of a page, without markup."""
    text = (site / name).read_text()
    return html.unescape(re.sub(r"<[^>]+>", "", text))


def test_the_settings_are_strict():
    settings = (ROOT / "mkdocs.yml").read_text()
    assert "\nstrict: true\n" in settings
    assert "font: false" in settings


def test_nothing_is_fetched_from_other_hosts(site):
    files = list(site.rglob("*.html"))
    assert len(files) > 30
    found = [
        f"{path.name}: {match.group()}"
        for path in files
        for match in _FETCHED.finditer(path.read_text())
    ]
    assert not found, "\n".join(found)


def test_every_flag_of_every_tool_has_a_row(site):
    index = page(site, "reference/tools/index.html")
    for name in site_hooks.tool_names():
        assert f"\n{name}\n" in index
        assert "\n--" in page(site, f"reference/tools/{name}.html"), name
    for name, config in (
        ("search", SearchConfig),
        ("pretrain", PretrainConfig),
        ("train", TrainConfig),
    ):
        text = page(site, f"reference/tools/{name}.html")
        for setting, declared in config.settings().items():
            assert f"\n--{setting}\n" in text
            assert declared.description in text


def test_examples_of_docstrings_are_code(site):
    for name in ("python", "extending"):
        text = (site / f"reference/{name}.html").read_text()
        assert "&gt;&gt;&gt;" in text
        assert "<blockquote>" not in text


def test_every_name_of_the_package_is_documented(site):
    text = page(site, "reference/python.html")
    names = set(maenas_tf.__all__) - {"__version__"}
    assert [name for name in sorted(names) if name not in text] == []


def test_every_name_that_a_setting_takes_is_documented():
    reference = ROOT / "docs" / "reference"
    names = {
        page: registry.names()
        for page, registry in (
            ("algorithms", ALGORITHMS),
            ("scores", SCORES),
            ("spaces", SPACES),
            ("tasks", TASKS),
        )
    }
    for name in SPACES.names():
        names["spaces"] += SPACES.get(name).primitives
    for page, words in names.items():
        text = (reference / f"{page}.md").read_text()
        assert [word for word in words if f"`{word}`" not in text] == []


def test_every_recipe_result_and_example_is_there(site):
    recipes = page(site, "reference/recipes.html")
    for path in (ROOT / "flags" / "recipes").glob("*.flags"):
        assert path.stem in recipes
    for path in (ROOT / "results").rglob("*.*"):
        name = path.relative_to(ROOT)
        assert (site / name).exists() or (
            site / name.with_suffix(".html")
        ).exists()
    for kind in ("task", "space", "algorithm", "score"):
        source = (ROOT / "docs" / "examples" / f"add_{kind}.py").read_text()
        article = "an" if kind == "algorithm" else "a"
        shown = page(site, f"how_to/add_{article}_{kind}.html")
        assert " ".join(source.split()) in " ".join(shown.split())
