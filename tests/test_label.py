"""The labelling page in a real browser: keys pressed, labels exported, kept, read back, and two readers compared."""

import base64
import io
import json
import re

import numpy as np
import pytest
from browser import Browser, find
from PIL import Image

from data_prep.label import page
from data_prep.readers import quality
from ftcaffe.command import main
from ftcaffe.errors import Error

sklearn_metrics = pytest.importorskip("sklearn.metrics")
needs_browser = pytest.mark.skipif(find() is None, reason="there is no Chromium (Debian: apt-get install chromium)")
TIMES = [f"{5 * k:09.3f}" for k in range(6)]


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "frames"
    for unit in ("v2", 'v10, "odd"'):
        (folder / unit).mkdir(parents=True)
        for k, name in enumerate(TIMES):
            Image.fromarray(np.full((35, 50, 3), 40 * k, np.uint8)).save(folder / unit / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


def opened(browser, path):
    browser.open(path)
    browser.wait("document.getElementById('progress').textContent !== ''")


def test_the_page_holds_every_frame_and_names_no_other_file(frames, tmp_path):
    assert page.write(frames, tmp_path / "page.html", 20) == 12
    text = (tmp_path / "page.html").read_text("utf-8")
    pictures = json.loads(re.search(r"const pictures = (.*);\n", text)[1])
    sizes = {Image.open(io.BytesIO(base64.b64decode(one))).size for one in pictures}
    assert len(pictures) == 12
    assert sizes == {(20, 14)}
    assert not re.search(r'(src|href)="|https?://|url\(', text.replace('src="data', ""))


@needs_browser
def test_keys_label_and_the_export_is_what_prepare_reads(frames, tmp_path, browser, capsys):
    assert main(["label", str(frames)]) == 0
    assert "12 frames" in capsys.readouterr().out
    opened(browser, frames / "label.html")
    browser.press("i", "n", "s", "n", "u", "i", "ArrowRight", "1", "ArrowLeft", "ArrowLeft", "0")
    assert browser.value("document.getElementById('progress').textContent").startswith(
        "6 of 12 (3 informative, 2 not"
    )
    browser.value("document.getElementById('export').click()")
    text = browser.downloaded("labels.csv")
    (tmp_path / "labels.csv").write_text(text)
    assert quality.labels(tmp_path / "labels.csv") == {
        ("v2", TIMES[0]): 1, ("v2", TIMES[1]): 0, ("v2", TIMES[3]): 1, ("v2", TIMES[4]): 0, ("v2", TIMES[5]): 1,
    }  # fmt: skip


@needs_browser
def test_labels_are_kept_when_the_page_is_closed_and_can_be_undone_afterwards(frames, browser, tmp_path):
    page.write(frames, tmp_path / "kept.html", 21)
    opened(browser, tmp_path / "kept.html")
    browser.press("n", "n", "i")
    opened(browser, tmp_path / "kept.html")
    assert browser.value("labels.filter(Boolean)") == ["non-informative", "non-informative", "informative"]
    browser.press("u", "u")
    assert browser.value("labels.filter(Boolean)") == ["non-informative"]
    assert browser.value("at") == 1


@needs_browser
def test_a_file_of_labels_is_imported_semicolons_and_quotes_too(frames, browser, tmp_path):
    page.write(frames, tmp_path / "import.html", 22)
    rows = f'\ufeffunit;image;label\nv2;{TIMES[0]};informative\n"v10, ""odd""";{TIMES[1]};skip\nno;0;informative\n'
    (tmp_path / "in.csv").write_text(rows, encoding="utf-8")
    opened(browser, tmp_path / "import.html")
    browser.choose("#import", tmp_path / "in.csv")
    browser.wait("document.getElementById('said').textContent !== ''")
    assert browser.value("document.getElementById('said').textContent").startswith("2 labels read, 1 rows left out")
    (tmp_path / "out.csv").write_text(browser.value("csv()"))
    assert quality.labels(tmp_path / "out.csv") == {("v2", TIMES[0]): 1}
    assert '"v10, ""odd""",' in browser.value("csv()")


@needs_browser
def test_the_grid_is_labelled_too(frames, browser, tmp_path):
    page.write(frames, tmp_path / "grid.html", 23)
    opened(browser, tmp_path / "grid.html")
    browser.press("g")
    browser.value("document.querySelectorAll('.cell')[4].click()")
    browser.press("n")
    assert browser.value("document.querySelectorAll('.cell')[4].className") == "cell non-informative"


def variance(table):
    """Of kappa, by the delta method with numerical derivatives: independent of the closed form."""
    n = table.sum()
    p = (table / n).ravel()

    def kappa(q):
        q = q.reshape(2, 2)
        chance = q.sum(0) @ q.sum(1)
        return (np.trace(q) - chance) / (1 - chance)

    step = 1e-6
    slope = np.array([(kappa(p + step * e) - kappa(p - step * e)) / (2 * step) for e in np.eye(4)])
    return (slope**2 @ p - (slope @ p) ** 2) / n


@needs_browser
def test_the_second_reader_sees_the_first_and_kappa_has_its_interval(frames, browser, tmp_path):
    first = {("v2", name): k % 2 for k, name in enumerate(TIMES)} | {('v10, "odd"', TIMES[0]): 1}
    rows = "".join(f'"{u.replace(chr(34), chr(34) * 2)}",{i},{label}\n' for (u, i), label in first.items())
    (tmp_path / "first.csv").write_text("unit,image,label\n" + rows)
    assert main(["label", str(frames), "--review", str(tmp_path / "first.csv")]) == 0
    opened(browser, frames / "review.html")
    assert browser.value("frames.length") == 7
    assert "first reader: non-informative" in browser.value("document.getElementById('state').textContent")
    browser.press("Enter", "i", "i", "i", "Enter", "n", "s")
    found = browser.value("agreement()")
    one, other = browser.value("frames.map(f => f.first)")[:6], browser.value("labels")[:6]
    assert other != one
    assert found["n"] == 6
    assert found["kappa"] == pytest.approx(sklearn_metrics.cohen_kappa_score(one, other))
    spread = 1.96 * variance(sklearn_metrics.confusion_matrix(one, other)) ** 0.5
    assert found["low"] == pytest.approx(found["kappa"] - spread, abs=1e-6)
    assert found["high"] == pytest.approx(min(1, found["kappa"] + spread), abs=1e-6)
    assert "Cohen’s κ" in browser.value("document.getElementById('agreement').textContent")
    assert browser.value("csv()").splitlines()[0] == "unit,image,label,first"


def test_faults_are_one_line(frames, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Error, match=r"empty: holds no frames .*; take some: ftcaffe extract"):
        page.write(tmp_path / "empty", tmp_path / "page.html", 20)
    (tmp_path / "first.csv").write_text("unit,image,label\nv9,00000.000,1\n")
    with pytest.raises(Error, match=r"first\.csv: labels frame '00000\.000' of 'v9', which is not in"):
        page.write(frames, tmp_path / "page.html", 20, tmp_path / "first.csv")
