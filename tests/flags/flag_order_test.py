"""Tests of `flags.flag_order`."""

import pytest
from absl import flags

from flags.flag_order import check_order

FILE = "--flagfile=FILE"


@pytest.fixture
def check(tmp_path):
    path = tmp_path / "some.flags"
    path.write_text("# Of a run.\n--epochs=05\n--augment\n--name=a b\n")
    known = flags.FlagValues()
    flags.DEFINE_integer("epochs", 1, "", flag_values=known)
    flags.DEFINE_integer("seed", 0, "", flag_values=known)
    flags.DEFINE_bool("augment", True, "", flag_values=known)
    flags.DEFINE_string("name", "", "", flag_values=known)
    flags.DEFINE_string("flagfile", "", "", flag_values=known)

    def check(*arguments):
        given = [each.replace("FILE", str(path)) for each in arguments]
        check_order(given, known)

    return check


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [FILE, "--epochs=3", "--noaugment"],
        ["--seed=1", FILE],
        ["--seed", "1", "--flagfile", "FILE"],
        ["--epochs=5", "--augment=true", "--name", "a b", FILE],
        ["--epochs=3", FILE, "--epochs=3"],
    ],
)
def test_what_no_file_undoes_is_taken(check, arguments):
    check(*arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs=3", FILE], "--epochs=3 stands .* sets --epochs=05,"),
        (["--epochs", "3", "--flagfile", "FILE"], "--epochs=3 stands"),
        (["-noaugment", FILE], "--augment=false .* sets --augment=true,"),
        (["--name=b", FILE, "--seed=1"], "--name=b .* sets --name=a b,"),
    ],
)
def test_what_a_file_undoes_is_refused(check, arguments, words):
    with pytest.raises(flags.Error, match=words):
        check(*arguments)
