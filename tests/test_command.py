"""The frame of the command line: an error is one line and status 2, and nothing slow is loaded for help."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from ftcaffe import command
from ftcaffe.command import Command
from ftcaffe.errors import Error


def raising(error):
    def run(options):
        raise error

    return Command("a verb", lambda parser: None, run)


@pytest.fixture
def verb(monkeypatch):
    """Makes a command the only verb there is."""

    def install(one):
        entry = type("Entry", (), {"name": "verb", "load": lambda self: one})()
        monkeypatch.setattr(command, "entry_points", lambda group: [entry])

    return install


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (Error("is wrong", "file", line=3, remedy="mend it"), 2, "ftcaffe: file:3: is wrong; mend it"),
        (Error("two\nlines"), 2, "ftcaffe: two lines"),
        (OSError(errno.ENOSPC, "No space left on device", "out"), 2, "ftcaffe: out: no space left on the disk"),
        (FileNotFoundError(errno.ENOENT, "No such file", "in"), 2, "ftcaffe: in: No such file"),
        (KeyboardInterrupt(), 130, "ftcaffe: interrupted; the same command continues where it stopped"),
    ],
)
def test_errors_are_one_line(verb, capsys, error, status, line):
    verb(raising(error))
    assert command.main(["verb"]) == status
    assert capsys.readouterr().err.strip() == line


def test_a_fault_of_ours_keeps_its_traceback(verb):
    verb(raising(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        command.main(["verb"])


@pytest.mark.parametrize("status", [None, 0, 1])
def test_the_status_is_the_verbs(verb, status):
    verb(Command("a verb", lambda parser: None, lambda options: status))
    assert command.main(["verb"]) == (status or 0)


def test_help_loads_nothing_slow():
    code = (
        "import sys\nfrom ftcaffe.command import parser\nprint(parser().format_help())\n"
        "slow = {'numpy', 'torch', 'matplotlib', 'scipy', 'skimage', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {slow}' if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    verbs = re.findall(r"^  (\S+)  +\S", done.stdout.partition("\nData:")[2], re.MULTILINE)
    assert sorted(verbs) == sorted(entry.name for entry in entry_points(group="ftcaffe.commands"))
    assert verbs[:4] == ["phantom", "extract", "label", "prepare"]
    assert "other packages" not in done.stdout


def test_verbs_of_other_packages_are_listed_last(verb, capsys):
    verb(Command("what a user's package adds", lambda parser: None, lambda options: None))
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert capsys.readouterr().out.endswith("Of other packages:\n  verb  what a user's package adds\n")
