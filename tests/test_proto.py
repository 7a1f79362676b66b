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
from ftcaffe.proto import caffe_pb2, read_net, read_solver, to_text

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
        ('layer { name: "l" kernel: 3 }', ':1: Message type "caffe.LayerParameter" has no field named "kernel"'),
        ('layer { phase: "TRAIN" }', ":1: "),
    ],
)
def test_syntax_faults_have_file_and_line(tmp_path, text, message):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    with pytest.raises(Error) as caught:
        read_net(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_folder_or_binary_is_no_prototxt(tmp_path):
    with pytest.raises(Error, match="Is a directory"):
        read_solver(tmp_path)
    (tmp_path / "b").write_bytes(bytes(range(256)))
    with pytest.raises(Error, match="is not a text file"):
        read_solver(tmp_path / "b")


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
