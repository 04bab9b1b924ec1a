"""What README, docs/ and recipes tell people to type can be typed."""

import concurrent.futures
import re

import pytest

from docs import site_hooks
from tests.docs import pages, read_commands

# Flags of programs that are not ours.
FOREIGN = {"logdir", "lint", "mode", "samples_per_plugin", "signal", "yes"}
# Every tool has these of absl.
OF_ABSL = {"flagfile", "help", "helpfull", "helpshort", "helpxml"}


@pytest.fixture(scope="module")
def texts():
    return {
        str(path.relative_to(pages.ROOT)): path.read_text()
        for path in pages.pages()
    }


@pytest.fixture(scope="module")
def tools():
    return site_hooks.read_tools()


def test_commands_are_found_whatever_they_stand_in():
    text = (
        "    python -m tools.search --epochs=5 \\\n        --space=s1  # two\n"
        "#   python -m tools.sweep \\\n#       --grid='a=1;b=2'\n"
        "Say `python -m tools.train --helpshort` too."
    )
    assert pages.commands(text) == [
        ("search", ["--epochs=5", "--space=s1"]),
        ("sweep", ["--grid=a=1;b=2"]),
        ("train", ["--helpshort"]),
    ]
    # A shell would end the command there.
    assert pages.words("--vary=a=1;b=2 'c;d'")[1:] == [";", "b=2", "c;d"]
    named = pages.named_flags("`--epochs=5`, `--a --b`, `x --c`, --d")
    assert named == {"epochs", "a", "b"}


def test_a_command_with_a_wrong_flag_value_recipe_or_conflict_is_found():
    problems = read_commands.read(
        "search",
        [
            ["--run_dir=x", "--epochs=5"],
            ["--run_dir=x", "--epoch=5"],
            ["--run_dir=x", "--order=third"],
            ["--run_dir=x", "--flagfile=flags/recipes/none.flags"],
            ["--run_dir=x", "--num_replicas=2"],
            ["--run_dir=x", "--flagfile=flags/recipes/quickstart.flags"],
            ["--run_dir=x", "epochs=5"],
            ["--epochs=5"],
        ],
    )
    assert problems[0] == ""
    expected = ["epoch", "third", "none.flags", "num_replicas"]
    expected += ["--flagfile first", "epochs=5"]
    for part, problem in zip([*expected, "run_dir"], problems[1:], strict=True):
        assert part in problem


def test_every_command_can_be_read_by_its_tool(texts, tools):
    usages = {f"tools.{name}": tool.usage for name, tool in tools.items()}
    by_tool = {}
    for name, text in {**texts, **usages}.items():
        for tool, arguments in pages.commands(text):
            by_tool.setdefault(tool, []).append((name, arguments))
    assert len(by_tool) > 8
    asked = {
        tool: [
            case
            for case in cases
            # A tool's name alone, or a call for help.
            if case[1] and not case[1][0].startswith("--help")
        ]
        for tool, cases in by_tool.items()
    }
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda tool: read_commands.read(
                tool, [arguments for _, arguments in asked[tool]]
            ),
            asked,
        )
    problems = [
        f"{name}: tools.{tool} {' '.join(arguments)}: {problem}"
        for tool, answer in zip(asked, answers, strict=True)
        for (name, arguments), problem in zip(asked[tool], answer, strict=True)
        if problem
    ]
    assert not problems, "\n".join(problems)


def test_every_flag_that_a_page_names_is_a_flag_of_some_tool(texts, tools):
    known = {flag.name for tool in tools.values() for flag in tool.flags}
    known |= {f"no{name}" for name in known} | FOREIGN | OF_ABSL
    problems = [
        f"{name}: --{flag}"
        for name, text in texts.items()
        if name.endswith(".md")
        for flag in sorted(pages.named_flags(text) - known)
    ]
    assert not problems, "\n".join(problems)


def test_every_recipe_that_a_page_names_exists(texts):
    problems = [
        f"{name}: {recipe}"
        for name, text in texts.items()
        for recipe in sorted(pages.named_recipes(text))
        if not (pages.ROOT / recipe).exists()
    ]
    assert not problems, "\n".join(problems)


def test_every_tool_says_in_its_usage_what_can_be_typed(tools):
    for name, tool in tools.items():
        named = [other for other, _ in pages.commands(tool.usage)]
        assert name in named, f"tools.{name} shows no call of itself"


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = pages.README.read_text()
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) > 10
    missing = [
        link
        for link in links
        if "://" not in link and not (pages.ROOT / link).exists()
    ]
    assert not missing
