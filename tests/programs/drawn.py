"""A net drawn as a graph, by phase and direction."""

import json

import caffe
import caffe.draw
from google.protobuf import text_format

TEXT = """
name: "drawn"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "x" batch_size: 3 }
  include { phase: TRAIN } }
layer { name: "input" type: "Input" top: "data" include { phase: TEST } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 0.5 }
  convolution_param { num_output: 6 kernel_size: 5 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "conv" top: "conv2" convolution_param { num_output: 6 } }
layer { name: "relu" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "pool" type: "Pooling" bottom: "conv2" top: "pool" pooling_param { pool: AVE kernel_size: 3 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip" param { } param { lr_mult: 2 }
  inner_product_param { num_output: 4 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" exclude { phase: TEST } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" include { phase: TEST } }
"""
net = text_format.Merge(TEXT, caffe.proto.caffe_pb2.NetParameter())
shown = []
for settings in (
    dict(rankdir="LR"),
    dict(rankdir="TB", label_edges=False),
    dict(rankdir="BT", phase=caffe.TEST, display_lrm=True),
    dict(rankdir="LR", phase=caffe.TRAIN),
):
    graph = caffe.draw.get_pydot_graph(net, **settings)
    shown.append([graph.start, graph.nodes, graph.edges])
faults = []
for layer in (net.layer[4], net.layer[6]):
    try:
        faults.append(list(caffe.draw.get_layer_lr_mult(layer)))
    except ValueError:
        faults.append("ValueError")

print(json.dumps({"graphs": shown, "faults": faults, "pooling": sorted(caffe.draw.get_pooling_types_dict().items())}))
