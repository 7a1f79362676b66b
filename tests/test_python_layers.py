"""Layers that a user writes in Python: whose error is whose, and what cannot be made."""

from __future__ import annotations

import pytest
import running

pytest.importorskip("torch")

LAYER = """
import caffe

class Broken(caffe.Layer):
    def setup(self, bottom, top):
        self.where = self.param_str
        self.fail("setup")

    def reshape(self, bottom, top):
        self.fail("reshape")
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        self.fail("forward")

    def backward(self, top, propagate_down, bottom):
        self.fail("backward")

    def fail(self, where):
        if where == self.where:
            raise LookupError("the user's own")

class Bare(caffe.Layer):
    pass

class Other:
    def __init__(self, param):
        pass
"""
PYTHON_NET = """
force_backward: true
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 2 }} }} }}
layer {{ name: "mine" type: "Python" bottom: "data" top: "mine" python_param {{ {} }} }}
"""


UNMADE = {
    'module: "nowhere" layer: "X"': "no module 'nowhere'; put its folder on PYTHONPATH",
    'module: "mine" layer: "Absent"': "module 'mine' has no class 'Absent'",
    'module: "mine" layer: "Other"': "'Other' does not derive from caffe.Layer",
    'module: "mine" layer: "Bare"': "a Python layer has to define reshape",
}
WHERE = ["setup", "reshape", "forward", "backward"]
USE = """
import sys, caffe
net = caffe.Net(sys.argv[1], caffe.TRAIN)
net.forward()
net.backward()
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    place = tmp_path_factory.mktemp("layers")
    (place / "mine.py").write_text(LAYER)
    (place / "run.py").write_text(USE)
    params = [f'module: "mine" layer: "Broken" param_str: "{where}"' for where in WHERE] + list(UNMADE)
    for number, param in enumerate(params):
        (place / f"{number}.prototxt").write_text(PYTHON_NET.format(param))
    found = running.engine(place, [["run.py", f"{number}.prototxt"] for number in range(len(params))])
    return dict(zip([*WHERE, *UNMADE], found, strict=True))


class TestPythonLayers:
    @pytest.mark.parametrize("where", WHERE)
    def test_what_a_layer_raises_is_the_users_with_a_note_that_names_it(self, where, layers):
        assert layers[where].status == 1
        assert layers[where].stderr.splitlines()[-2:] == [
            "LookupError: the user's own",
            f"in layer 'mine' (Python, {where})",
        ]
        assert running.named_files(layers[where].stderr) == ["run.py", "mine.py", "mine.py"]

    @pytest.mark.parametrize("param", UNMADE)
    def test_a_layer_that_cannot_be_made_names_itself(self, param, layers):
        assert UNMADE[param] in layers[param].stderr
        assert "layer 'mine'" in layers[param].stderr
