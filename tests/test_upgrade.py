"""Older forms of nets and solvers made current: the messages that the original's tools give, for every field."""

from __future__ import annotations

import subprocess

import pytest
from google.protobuf import text_format
from parity import oracle

from ftcaffe.command import main
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, read_binary, read_net, read_solver, read_text, to_text, upgrade

INPUT = 'input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4\n'
INPUT_LAYER = 'layer { name: "input" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } }\n'
PADDING = 'layers { layer { name: "p" type: "padding" pad: 2 } bottom: "x" top: "y" }\n'

# Net of an older form and what it becomes.
NETS = {
    "v0": (
        INPUT
        + 'layers { layer { name: "c" type: "conv" num_output: 8 kernelsize: 5 stride: 2 biasterm: false blobs_lr: '
        '1. blobs_lr: 2. weight_decay: 1 weight_filler { type: "xavier" } } bottom: "x" top: "y" }\n',
        INPUT_LAYER + 'layer { name: "c" type: "Convolution" bottom: "x" top: "y" param { lr_mult: 1 decay_mult: 1 } '
        "param { lr_mult: 2 } convolution_param { num_output: 8 bias_term: false kernel_size: 5 stride: 2 "
        'weight_filler { type: "xavier" } } }',
    ),
    "v0-padding-goes-to-each-layer-above": (
        INPUT + PADDING + 'layers { layer { name: "c" type: "conv" pad: 1 } bottom: "y" top: "z" }\n'
        'layers { layer { name: "m" type: "pool" pool: AVE } bottom: "y" top: "w" }\n',
        INPUT_LAYER + 'layer { name: "c" type: "Convolution" bottom: "x" top: "z" convolution_param { pad: 2 } }\n'
        'layer { name: "m" type: "Pooling" bottom: "x" top: "w" pooling_param { pool: AVE pad: 2 } }',
    ),
    "v0-padding-in-place": (
        INPUT + PADDING.replace('"y"', '"x"') + 'layers { layer { name: "c" type: "conv" } bottom: "x" top: "z" }',
        INPUT_LAYER + 'layer { name: "c" type: "Convolution" bottom: "x" top: "z" convolution_param { pad: 2 } }',
    ),
    "v0-data": (
        'layers { layer { name: "d" type: "images" source: "s" batchsize: 3 scale: 0.5 cropsize: 7 mirror: true '
        'meanfile: "m" new_height: 9 new_width: 8 shuffle_images: true rand_skip: 4 } top: "x" }',
        'layer { name: "d" type: "ImageData" top: "x" image_data_param { source: "s" batch_size: 3 new_height: 9 '
        "new_width: 8 shuffle: true rand_skip: 4 } "
        'transform_param { scale: 0.5 crop_size: 7 mirror: true mean_file: "m" } }',
    ),
    "v0-drops-the-state": (
        'name: "n" force_backward: true debug_info: true state { phase: TRAIN } '
        'layers { layer { name: "r" type: "relu" } }',
        'name: "n" force_backward: true layer { name: "r" type: "ReLU" }',
    ),
    "v1": (
        'name: "n" debug_info: true state { stage: "s" } layers { name: "c" type: CONVOLUTION bottom: "x" top: "y" '
        'param: "w" param: "b" blobs_lr: 1 weight_decay: 0 weight_decay: 2 weight_decay: 3 '
        "blob_share_mode: PERMISSIVE include { phase: TRAIN } loss_weight: 2 convolution_param { num_output: 3 } }",
        'name: "n" debug_info: true state { stage: "s" } layer { name: "c" type: "Convolution" bottom: "x" top: "y" '
        'param { name: "w" lr_mult: 1 decay_mult: 0 share_mode: PERMISSIVE } param { name: "b" decay_mult: 2 } '
        "param { decay_mult: 3 } include { phase: TRAIN } loss_weight: 2 convolution_param { num_output: 3 } }",
    ),
    "v1-transform-moves-over-what-is-there": (
        'layers { name: "d" type: DATA data_param { crop_size: 3 batch_size: 2 } transform_param { crop_size: 4 '
        'mirror: true } } layers { name: "e" type: WINDOW_DATA } '
        'layers { name: "r" type: RELU data_param { crop_size: 3 } }',
        'layer { name: "d" type: "Data" data_param { batch_size: 2 } transform_param { crop_size: 3 mirror: true } } '
        'layer { name: "e" type: "WindowData" window_data_param { } transform_param { } } '
        'layer { name: "r" type: "ReLU" data_param { crop_size: 3 } }',
    ),
    "inputs-by-shape": (
        'input: "x" input: "y" input_shape { dim: 5 } input_shape { dim: 1 dim: 2 dim: 3 } layer { name: "r" }',
        'layer { name: "input" type: "Input" top: "x" top: "y" input_param { shape { dim: 5 } shape { dim: 1 dim: 2 '
        'dim: 3 } } } layer { name: "r" }',
    ),
    "inputs-by-dim": (
        'input: "x" input: "y" input_dim: [1, 2, 3, 4, 5, 6, 7, 8]',
        'layer { name: "input" type: "Input" top: "x" top: "y" input_param { shape { dim: [1, 2, 3, 4] } '
        "shape { dim: [5, 6, 7, 8] } } }",
    ),
    "batch-norm-learns-nothing": (
        'layer { name: "a" type: "BatchNorm" param { lr_mult: 1 name: "u" } param { } param { decay_mult: 2 } }'
        'layer { name: "b" type: "BatchNorm" param { lr_mult: 1 } param { } }'
        'layer { name: "c" type: "Scale" param { } param { } param { } }',
        'layer { name: "a" type: "BatchNorm" param { lr_mult: 0 decay_mult: 0 name: "u" } param { lr_mult: 0 '
        "decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 } }"
        'layer { name: "b" type: "BatchNorm" param { lr_mult: 1 } param { } }'
        'layer { name: "c" type: "Scale" param { } param { } param { } }',
    ),
    "current": ('layer { name: "d" type: "Data" data_param { scale: 2 } }',) * 2,
}


def parsed(text, kind=caffe_pb2.NetParameter):
    return text_format.Parse(text, kind())


def filled(message, depth=0):
    """The message with every field set, submessages too, each list with two items."""
    scalar = {1: 0.5, 2: 0.125, 3: 4, 5: 2, 8: True, 9: "s", 12: b"", 13: 3}
    for field in message.DESCRIPTOR.fields:
        place = getattr(message, field.name)
        if hasattr(place, "add"):
            filled(place.add(), depth + 1)
        elif field.message_type:
            place.SetInParent()
            if depth < 3:
                filled(place, depth + 1)
        else:
            value = field.enum_type.values[-1].number if field.enum_type else scalar[field.type]
            if hasattr(place, "append"):
                place.extend([value] * 2)
            else:
                setattr(message, field.name, value)
    return message


def every_field_of_every_type(inner):
    """A net with a layer for each pair of an old layer type and a field that it might have."""
    net = caffe_pb2.NetParameter(input=["x"], input_dim=[1, 2, 3, 4])
    kind = caffe_pb2.V0LayerParameter if inner else caffe_pb2.V1LayerParameter
    types = upgrade.v0._TYPES if inner else caffe_pb2.V1LayerParameter.LayerType.keys()
    skipped = {"name", "type", "layer", "bottom"}
    whole = filled(kind())
    for type_name in types:
        for field in [None, *kind.DESCRIPTOR.fields]:
            if field is not None and field.name in skipped:
                continue
            outer = net.layers.add(bottom=["x"], top=["t"])
            layer = outer.layer if inner else outer
            layer.name = f"{type_name} {field.name if field else ''}"
            layer.type = type_name if inner else caffe_pb2.V1LayerParameter.LayerType.Value(type_name)
            if field is not None:
                only = kind()
                only.CopyFrom(whole)
                for other in kind.DESCRIPTOR.fields:
                    if other.name != field.name:
                        only.ClearField(other.name)
                layer.MergeFrom(only)
    return net


@pytest.mark.parametrize("name", NETS)
def test_nets(tmp_path, name):
    old, new = NETS[name]
    (tmp_path / "net").write_text(old)
    assert read_net(tmp_path / "net") == parsed(new)
    done = upgrade.net(parsed(old))
    assert not done.lost
    assert bool(done.steps) == (old != new)
    assert upgrade.net(done.message).message == done.message


SOLVERS = {
    f"solver_type: {name}": f'type: "{new}"'
    for name, new in zip(caffe_pb2.SolverParameter.SolverType.keys(), upgrade._SOLVERS, strict=True)
} | {'type: "Adam" base_lr: 3': 'type: "Adam" base_lr: 3', 'net: "n"': 'net: "n"'}


@pytest.mark.parametrize("old", SOLVERS)
def test_solvers(old):
    done = upgrade.solver(parsed(old, caffe_pb2.SolverParameter))
    assert done.message == parsed(SOLVERS[old], caffe_pb2.SolverParameter)


@pytest.fixture
def inside():
    """A folder that the original sees too."""
    with oracle.shared() as folder:
        yield folder


def tool(folder, name, *arguments):
    """Exit status of one of the original's tools."""
    line = f"cd /{folder.relative_to(oracle.root())} && GLOG_minloglevel=3 exec {name} {' '.join(arguments)}"
    return subprocess.run(["chroot", str(oracle.root()), "sh", "-c", line], capture_output=True).returncode


@pytest.mark.oracle
@pytest.mark.parametrize("name", NETS)
def test_nets_equal_the_originals(inside, name):
    (inside / "old").write_text(NETS[name][0])
    assert tool(inside, "upgrade_net_proto_text", "old", "new") == 0
    assert read_text(inside / "new", caffe_pb2.NetParameter) == parsed(NETS[name][1])


@pytest.mark.oracle
@pytest.mark.parametrize("form", ["v0", "v1"])
@pytest.mark.parametrize("coding", ["text", "binary"])
def test_every_field_of_every_type_equals_the_originals(inside, form, coding):
    net = every_field_of_every_type(form == "v0")
    (inside / "old").write_bytes(to_text(net).encode() if coding == "text" else net.SerializeToString())
    lost = tool(inside, f"upgrade_net_proto_{coding}", "old", "new")
    theirs = (read_text if coding == "text" else read_binary)(inside / "new", caffe_pb2.NetParameter)
    done = upgrade.net(net)
    assert len(done.message.layer) == len(net.layers) + 1
    assert done.message == theirs
    assert bool(lost) == bool(done.lost) == (form == "v0")
    assert main([f"upgrade_net_proto_{coding}", f"{inside}/old", f"{inside}/ours"]) == lost
    assert (read_text if coding == "text" else read_binary)(inside / "ours", caffe_pb2.NetParameter) == theirs


@pytest.mark.oracle
@pytest.mark.parametrize("old", SOLVERS)
def test_solvers_equal_the_originals(inside, old):
    (inside / "old").write_text(old)
    assert tool(inside, "upgrade_solver_proto_text", "old", "new") == 0
    theirs = read_text(inside / "new", caffe_pb2.SolverParameter)
    assert theirs == parsed(SOLVERS[old], caffe_pb2.SolverParameter)
    assert main(["upgrade_solver_proto_text", f"{inside}/old", f"{inside}/ours"]) == 0
    assert read_text(inside / "ours", caffe_pb2.SolverParameter) == theirs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (INPUT + 'layers { layer { name: "a" type: "zork" } }', "no layer type 'zork' in the V0 form"),
        (INPUT + 'layers { layer { name: "a" type: "relu" } bottom: "y" }', "unknown bottom 'y'"),
        (INPUT + PADDING + 'layers { layer { name: "a" type: "relu" } bottom: "y" }', "a padding layer stands below"),
        (
            'layers { layer { name: "a" type: "relu" } } layers { name: "b" type: RELU }',
            "'b' is of V1 form in a net of V0",
        ),
        (
            'layers { name: "a" type: RELU } layer { name: "b" type: "ReLU" }',
            "layers of two forms, 'layer' and 'layers'",
        ),
        ('input: "x" input: "y" input_shape { dim: 2 }', "2 inputs and 1 input_shape"),
        ('input: "x" input: "y" input_dim: 1 input_dim: 2', "2 inputs and 2 input_dim"),
        ('input: "x"', "1 inputs and 0 input_dim; give each input an input_shape"),
    ],
)
def test_what_cannot_be_made_current_is_an_error(tmp_path, text, message):
    """Caffe aborts on these, reads beyond its memory or leaves the input out."""
    (tmp_path / "net").write_text(text)
    with pytest.raises(Error, match=message) as caught:
        read_net(tmp_path / "net")
    assert str(caught.value).startswith(f"{tmp_path}/net: ")


def test_two_types_of_solver_are_an_error(tmp_path):
    (tmp_path / "solver").write_text('solver_type: ADAM type: "SGD"')
    with pytest.raises(Error, match="has solver_type and type; remove solver_type"):
        read_solver(tmp_path / "solver")


def test_what_a_v0_layer_type_lacks_is_a_warning(tmp_path, caplog):
    (tmp_path / "net").write_text('layers { layer { name: "a" type: "relu" num_output: 3 } }')
    assert read_net(tmp_path / "net") == parsed('layer { name: "a" type: "ReLU" }')
    assert "layer 'a': num_output is no field of type 'relu'" in caplog.text


def test_nets_in_a_solver_are_made_current(tmp_path):
    """Caffe leaves them, and so has a net without layers."""
    (tmp_path / "s").write_text(
        'net_param { layers { name: "a" type: RELU } } test_net_param { input: "x" input_dim: [1,2,3,4] }'
    )
    solver = read_solver(tmp_path / "s")
    assert solver.net_param == parsed('layer { name: "a" type: "ReLU" }')
    assert solver.test_net_param[0] == parsed(INPUT_LAYER)


@pytest.mark.parametrize(
    ("text", "name", "prefix"),
    [
        ("", "s.prototxt", "s"),
        ("", "./a/s.x.y", "./a/s.x"),
        ('snapshot_prefix: "p"', "s.prototxt", "p"),
        ('snapshot_prefix: "a"', "s.x.y", "a/s.x"),
        ('snapshot_prefix: "a/"', "./a/s.prototxt", "a/s"),
    ],
)
def test_snapshot_prefix_by_the_solvers_name(tmp_path, monkeypatch, text, name, prefix):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / name).write_text(text)
    assert read_solver(name).snapshot_prefix == prefix


@pytest.mark.parametrize("verb", ["upgrade_net_proto_text", "upgrade_net_proto_binary", "upgrade_solver_proto_text"])
def test_a_tool_with_a_damaged_file_ends_with_status_2(tmp_path, capsys, verb):
    (tmp_path / "old").write_bytes(b"\xff\xff\xff\xff")
    assert main([verb, f"{tmp_path}/old", f"{tmp_path}/new"]) == 2
    assert capsys.readouterr().err.startswith(f"ftcaffe: {tmp_path}/old: is no")
    assert not (tmp_path / "new").exists()
