"""The messages: the descriptor is the .proto's, the .proto is Caffe's, text faults are one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import oracle

import ftcaffe.proto
from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, read_binary, read_net, read_solver, to_text

FOLDER = Path(ftcaffe.proto.__file__).parent


def file_descriptor(encoded: bytes) -> descriptor_pb2.FileDescriptorProto:
    """Messages and enums alone: no file name, no JSON names."""
    file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
    file.name = ""

    def strip(message):
        for field in message.field:
            field.ClearField("json_name")
        for nested in message.nested_type:
            strip(nested)

    for message in file.message_type:
        strip(message)
    return file


def stored() -> descriptor_pb2.FileDescriptorProto:
    (file,) = descriptor_pb2.FileDescriptorSet.FromString((FOLDER / "caffe.descriptor").read_bytes()).file
    return file_descriptor(file.SerializeToString())


def test_descriptor_is_compiled_from_the_proto(tmp_path):
    pytest.importorskip("grpc_tools")
    out = tmp_path / "set"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{FOLDER}", f"--descriptor_set_out={out}", "caffe.proto"]
    subprocess.run(command, check=True)
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    assert file_descriptor(file.SerializeToString()) == stored()


@pytest.mark.oracle
def test_messages_are_caffes_own():
    code = "import sys; from caffe.proto import caffe_pb2;sys.stdout.buffer.write(caffe_pb2.DESCRIPTOR.serialized_pb)"
    original = subprocess.run(["chroot", str(oracle.root()), "python3", "-c", code], capture_output=True, check=True)
    assert file_descriptor(original.stdout) == stored()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name: "n"\nlayer {', ":2: "),
        ('name: "n"\nlayers: 3', ":2: "),
        (
            '\nlayer { name: "l" kernel: 3 }',
            ':2: LayerParameter has no field named "kernel"; correct it; FTCAFFE_SKIP',
        ),
        (
            "layer {\nroi_pooling_param { } }",
            ':2: LayerParameter has no field named "roi_pooling_param"; it is a field of',
        ),
        (
            "base_lr: 1",
            ':1: NetParameter has no field named "base_lr"; it is one of SolverParameter: is this the right',
        ),
        ('layer { phase: "TRAIN" }', ":1: "),
        (
            "layer {\nphase: VALIDATE }",
            ":2: 'phase: VALIDATE }': Enum type \"caffe.Phase\" has no value named VALIDATE",
        ),
        ("layer { phase: 7 }", ":1: 'layer { phase: 7 }': Enum type \"caffe.Phase\" has no value with number 7"),
        ('layer { name: "a"\nname: "b" }', ':2: Message type "caffe.LayerParameter" should not have multiple "name"'),
        ("layer { convolution_param {\nnum_output: -1 } }", ":2: 'num_output: -1 } }': Value out of range: -1"),
        ("layer { clip_param { min: 1 } }", ": lacks a field that must be given: layer[0].clip_param.max"),
        ('name: "n"\n# \0', ":2: has a control character, '\\x00'; remove it"),
        ("layer { layer { " * 10000, ':1: LayerParameter has no field named "layer"'),
    ],
)
def test_text_faults_are_one_line(tmp_path, text, message):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    with pytest.raises(Error) as caught:
        read_net(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_fields_of_forks_can_be_skipped(tmp_path, monkeypatch, caplog):
    path = tmp_path / "net.prototxt"
    path.write_text('layer { name: "a" permute_param { order: [0, 1] deep { deeper { } } } type: "ReLU" }')
    monkeypatch.setenv("FTCAFFE_SKIP_UNKNOWN", "1")
    assert read_net(path) == caffe_pb2.NetParameter(layer=[caffe_pb2.LayerParameter(name="a", type="ReLU")])
    assert 'no field named "permute_param"' in caplog.text
    path.write_text("x {" * 100000)
    with pytest.raises(Error, match=r"is nested too deep|Expected"):
        read_net(path)
    monkeypatch.setenv("FTCAFFE_SKIP_UNKNOWN", "0")
    path.write_text("layer { permute_param { } }")
    with pytest.raises(Error, match=r"it is a field of SSD; FTCAFFE_SKIP_UNKNOWN=1 leaves such fields out"):
        read_net(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(range(256)), "is not a text file; a prototxt is wanted here"),
        (b"\n\x03net\xa2\x06\x00", "is not a text file"),
        (b'name: "M\xfcller"', "has a text that is not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_no_prototxt(tmp_path, content, message):
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(Error, match=message):
        read_net(tmp_path / "net")


def test_a_folder_is_no_prototxt(tmp_path):
    with pytest.raises(Error, match="Is a directory"):
        read_solver(tmp_path)


def test_a_prototxt_is_no_binary_message(tmp_path):
    (tmp_path / "net").write_text('name: "n" layer { name: "l" }')
    with pytest.raises(Error, match="is text, and a binary NetParameter is wanted"):
        read_binary(tmp_path / "net", caffe_pb2.NetParameter)


# Ways of writing that Caffe takes; the last, a byte order mark, it does not.
ACCEPTED = [
    b"",
    b"# M\xfcller\r\nname: 'a' \"b\"",
    'name: "Müller"'.encode(),
    b'layer: < name: "a"; type: "c\\x41\\n" >; layer { loss_weight: [1, -2.5e3] }',
    b"force_backward: t debug_info: False input_dim: 0x10 input_dim: 010",
    b"layer { phase: 1 dropout_param { dropout_ratio: .5 } relu_param { negative_slope: 0.1f } }",
    b"layer { power_param { power: -inf scale: nan shift: 5. } lrn_param { k: 3 } }",
    b'layer: [{ name: "a" }, { name: "c", type: "s" }]',
    b'\xef\xbb\xbfname: "a"',
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_ways_of_writing(tmp_path, text):
    (tmp_path / "net").write_bytes(text)
    assert read_net(tmp_path / "net").ByteSize() or not text


@pytest.mark.oracle
@pytest.mark.parametrize("text", ACCEPTED[:-1])
def test_ways_of_writing_are_read_as_the_original_reads_them(text):
    with oracle.shared() as folder:
        (folder / "net").write_bytes(text)
        oracle.run(folder, "upgrade_net_proto_text", "net", "out")
        assert str(read_net(folder / "net")) == str(read_net(folder / "out"))  # as text, where nan is nan


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=20),
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=4),
    st.integers(0, 2**31 - 1),
)
def test_text_round_trip(tmp_path_factory, name, values, number):
    net = caffe_pb2.NetParameter(name=name)
    net.layer.add(name=name, loss_weight=values).convolution_param.num_output = number
    path = tmp_path_factory.mktemp("text") / "net.prototxt"
    path.write_text(to_text(net), encoding="utf-8")
    assert read_net(path) == net


@pytest.mark.parametrize("order", ["ftcaffe.proto, caffe", "caffe, ftcaffe.proto"])
def test_lives_beside_the_original(order):
    pytest.importorskip("caffe")
    code = f"import {order}; ftcaffe.proto.caffe_pb2.Datum(label=3), caffe.proto.caffe_pb2.Datum(label=3)"
    subprocess.run([sys.executable, "-c", code], check=True)
