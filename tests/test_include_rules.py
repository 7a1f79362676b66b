"""Include and exclude rules by phase, level and stage: the layers that BVLC Caffe keeps in every state."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from parity import oracle

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, read_net, rules

# Rules by the name of the layer that has them.
RULES = {
    "none": "",
    "train": "include { phase: TRAIN }",
    "not_test": "exclude { phase: TEST }",
    "either": "include { phase: TRAIN } include { phase: TEST }",
    "empty_include": "include { }",
    "empty_exclude": "exclude { }",
    "from_2": "include { min_level: 2 }",
    "to_2": "include { max_level: 2 }",
    "from_-1_to_1": "include { min_level: -1 max_level: 1 }",
    "never": "include { min_level: 1 max_level: 0 }",
    "a": 'include { stage: "a" }',
    "a_and_b": 'include { stage: "a" stage: "b" }',
    "a_or_b": 'include { stage: "a" } include { stage: "b" }',
    "not_a": 'include { not_stage: "a" }',
    "a_not_b": 'include { stage: "a" not_stage: "b" }',
    "no_stage": 'exclude { stage: "a" } exclude { stage: "b" not_stage: "file" }',
    "all": 'include { phase: TEST min_level: 0 max_level: 3 stage: "a" not_stage: "b" }',
    "phase_is_no_rule": "phase: TEST",
}
STATES = list(itertools.product([0, 1], [-2, 0, 1, 2, 5], [[], ["a"], ["b"], ["b", "a"], ["A"]]))
# The state in the file: its phase and level are the caller's for the asking, its stages stay.
FILES = {"plain": "", "with_state": 'state { phase: TEST level: 2 stage: "file" }\n'}


def write(folder: Path) -> None:
    layer = 'layer {{ name: "{0}" type: "DummyData" top: "{0}" dummy_data_param {{ shape {{ dim: 1 }} }} {1} }}\n'
    for name, state in FILES.items():
        (folder / name).write_text(state + "".join(layer.format(*rule) for rule in RULES.items()))


def kept(path: Path, phase: int, level: int, stages: list[str]) -> list[str]:
    """Names of the layers by `rules`, in a state made as pycaffe's Net makes it."""
    net = read_net(path)
    net.state.MergeFrom(caffe_pb2.NetState(phase=phase, level=level, stage=stages))
    return [layer.name for layer in net.layer if rules.included(layer, net.state)]


@pytest.mark.oracle
@pytest.mark.parametrize("name", FILES)
def test_layers_kept_equal_the_originals(name):
    code = (
        "import caffe, json\n"
        f"found = [list(caffe.Net({name!r}, phase, level=level, stages=stages)._layer_names)"
        f" for phase, level, stages in {STATES}]\nprint(json.dumps(found))\n"
    )
    with oracle.shared() as folder:
        write(folder)
        (folder / "show.py").write_text(code)
        expected = json.loads(oracle.run(folder, "python3", "show.py"))
        found = [kept(folder / name, *state) for state in STATES]
    assert found == expected
    assert len({tuple(names) for names in found}) > 20


@pytest.mark.parametrize("state", [STATES[0], STATES[13], STATES[-1]])
@pytest.mark.parametrize("name", FILES)
def test_a_net_has_the_layers_kept(tmp_path, name, state):
    pytest.importorskip("torch")
    import ftcaffe.engine as caffe

    write(tmp_path)
    phase, level, stages = state
    net = caffe.Net(str(tmp_path / name), phase, level=level, stages=stages)
    assert net._layer_names == kept(tmp_path / name, *state)


@pytest.mark.parametrize(
    ("state", "layers"),
    [
        ((0, 0, []), "none train not_test either empty_include to_2 from_-1_to_1 not_a no_stage phase_is_no_rule"),
        ((1, 2, ["a"]), "none either empty_include from_2 to_2 a a_or_b a_not_b all phase_is_no_rule"),
        (
            (0, -2, ["b", "a"]),
            "none train not_test either empty_include to_2 a a_and_b a_or_b phase_is_no_rule",
        ),
    ],
)
def test_layers_kept(tmp_path, state, layers):
    write(tmp_path)
    assert kept(tmp_path / "plain", *state) == layers.split()


def test_include_and_exclude_in_one_layer_are_an_error(tmp_path):
    pytest.importorskip("torch")
    import ftcaffe.engine as caffe

    (tmp_path / "net").write_text(
        'layer { name: "l" type: "Silence" include { phase: TRAIN } exclude { phase: TEST } }'
    )
    with pytest.raises(Error, match="net: layer 'l': include and exclude rules exclude each other"):
        caffe.Net(str(tmp_path / "net"), 0)
