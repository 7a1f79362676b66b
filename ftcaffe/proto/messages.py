"""Caffe's message classes, built from a descriptor set in a pool of their own.

Generated code ties itself to one protobuf runtime and registers in the process-wide pool, where it collides
with the messages of a real pycaffe. A private pool does neither.
"""

from __future__ import annotations

import types
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper


def _module() -> Any:
    """A stand-in for Caffe's ``caffe_pb2``: every message class, every top-level enum and its values by name."""
    encoded = (files("ftcaffe.proto") / "caffe.descriptor").read_bytes()
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(encoded).file
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    module = types.ModuleType("ftcaffe.proto.caffe_pb2", "Caffe's protocol messages.")
    described = pool.FindFileByName(file.name)
    if hasattr(message_factory, "GetMessageClass"):
        message_class = message_factory.GetMessageClass
    else:  # protobuf before 4.22
        message_class = message_factory.MessageFactory(pool).GetPrototype  # type: ignore[attr-defined]
    for name, message in described.message_types_by_name.items():
        setattr(module, name, message_class(message))
    for name, enum in described.enum_types_by_name.items():
        setattr(module, name, EnumTypeWrapper(enum))
        for value in enum.values:
            setattr(module, value.name, value.number)
    module.DESCRIPTOR = described  # type: ignore[attr-defined]
    return module


caffe_pb2: Any = _module()
