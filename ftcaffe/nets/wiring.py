"""What a training net must not have though Caffe allows it: a blob that nothing takes, most often a misspelt name."""

from __future__ import annotations

from pathlib import Path

from ftcaffe.errors import Error
from ftcaffe.proto import caffe_pb2, read_net, rules


def check(path: str | Path) -> None:
    """Raise `Error` when a top of a training net is neither a loss or accuracy nor any layer's bottom.

    Caffe takes such a blob for an output of the net, and trains without the layers below it.
    """
    net = read_net(path)
    for phase in (caffe_pb2.TRAIN, caffe_pb2.TEST):
        state = caffe_pb2.NetState(phase=phase)
        layers = [layer for layer in net.layer if rules.included(layer, state)]
        taken = {bottom for layer in layers for bottom in layer.bottom}
        for layer in layers:
            measured = layer.type.endswith("Loss") or layer.type == "Accuracy" or any(layer.loss_weight)
            for top in layer.top:
                if top not in taken and not measured:
                    raise Error(
                        f"layer '{layer.name}': no layer takes its top '{top}'",
                        path,
                        remedy="mend the name, or silence it with a layer of type Silence",
                    )
