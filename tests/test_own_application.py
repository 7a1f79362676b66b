"""An application in a package of a user's own goes from files to a report, and ftcaffe is unchanged."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("own_application")
pytest.importorskip("torch")


@pytest.fixture(scope="module")
def ftcaffe(tmp_path_factory):
    """The command, in a process that has the package: its source and entry points on the path, nothing installed."""
    place = tmp_path_factory.mktemp("own")
    (place / "leaves").symlink_to(SOURCE / "leaves")
    about = place / "leaves-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: leaves\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[ftcaffe.applications]\nleaves = leaves:LEAVES\n")
    path = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "FTCAFFE_ENGINE": "torch",
        "OMP_NUM_THREADS": "1",
    }

    def run(*arguments):
        program = "import sys; from ftcaffe.command import main; sys.exit(main(sys.argv[1:]))"
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=place, env=environment, capture_output=True, text=True
        )

    run.place = place
    return run


def test_its_entry_point_is_what_its_setup_declares():
    assert '"ftcaffe.applications": ["leaves = leaves:LEAVES"]' in (SOURCE / "setup.py").read_text()


def test_from_a_phantom_to_a_report(ftcaffe):
    for arguments in (
        ("phantom", "leaves", "set"),
        ("prepare", "leaves", "set", "--scale", "tiny", "--jobs", "1"),
        ("sweep", "leaves", "--scale", "tiny", "--depths", "scratch", "--batch", "16", "--epochs", "1"),
    ):
        done = ftcaffe(*arguments)
        assert done.returncode == 0, done.stderr
    (run,) = (ftcaffe.place / "work/runs/leaves").glob("scratch*")
    done = ftcaffe("score", str(run))
    assert done.returncode == 0, done.stderr
    done = ftcaffe("report", "leaves", "--draws", "20")
    assert done.returncode == 0, done.stderr
    page = (ftcaffe.place / "work/reports/leaves/report.html").read_text("utf-8")
    assert "Spots on leaves" in page
    assert "false positives per leaf" in page
    with (ftcaffe.place / "work/data/leaves/manifest.csv").open(encoding="utf-8") as stream:
        assert next(csv.reader(stream)) == ["key", "label", "split", "unit", "image", "candidate", "quarters"]


def test_it_has_no_handcrafted_method_and_that_is_one_line(ftcaffe):
    done = ftcaffe("handcrafted", "leaves")
    assert done.returncode == 2
    assert done.stderr.strip() == "ftcaffe: leaves has no handcrafted method"


def test_the_page_of_the_manual_names_what_there_is():
    from ftcaffe.application import Application

    text = (SOURCE.parents[1] / "docs/your-own-application.md").read_text(encoding="utf-8")
    for name in Application.__dataclass_fields__:
        assert name in text, name
