"""Caffe's messages and their text and binary forms."""

from ftcaffe.proto.messages import caffe_pb2
from ftcaffe.proto.read import read_binary, read_net, read_solver, read_text, to_text

__all__ = ["caffe_pb2", "read_binary", "read_net", "read_solver", "read_text", "to_text"]
