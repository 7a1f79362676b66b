"""Nets written in Python, as pycaffe's ``caffe.net_spec``.

n = NetSpec()
n.data = layers.Input(shape=dict(dim=[1, 3, 32, 32]))
n.conv = layers.Convolution(n.data, num_output=8, kernel_size=3)
n.relu = layers.ReLU(n.conv, in_place=True)
print(n.to_proto())
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ftcaffe.proto import caffe_pb2


class Top:
    """One of the blobs that a layer gives.

    Parameters
    ----------
    fn : the layer.
    n : which of its tops.
    """

    def __init__(self, fn: Function, n: int) -> None:
        self.fn = fn
        self.n = n

    def to_proto(self) -> Any:
        """The NetParameter of the layers that this top needs."""
        return to_proto(self)


class Function:
    """A layer that has not been written yet: its type, the tops that it takes, its parameters.

    Parameters
    ----------
    type_name : Caffe's name of the layer's type.
    inputs : its bottoms.
    params : fields of the LayerParameter, or of the message of its own that the type has there. Two say something
        else: `ntop`, the number of tops (1), and `in_place`, whether the bottoms are the tops.
    """

    def __init__(self, type_name: str, inputs: Sequence[Top], params: Mapping[str, Any]) -> None:
        for index, given in enumerate(inputs):
            if not isinstance(given, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(given)})")
        self.type_name = type_name
        self.inputs = inputs
        self.params = {key: value for key, value in params.items() if key not in ("ntop", "in_place")}
        self.ntop: int = params.get("ntop", 1)
        self.in_place: bool = params.get("in_place", False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))

    def to_proto(self) -> Any:
        """The NetParameter of the layers that this one needs, and of itself."""
        return to_proto(self)


class NetSpec:
    """Tops by the names that their blobs and layers get: attributes or items that are assigned."""

    tops: OrderedDict[str, Top | Function]

    def __init__(self) -> None:
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name: str, value: Top | Function) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Top | Function:
        try:
            return super().__getattribute__("tops")[name]
        except KeyError:
            raise _NoTop(f"no top '{name}' has been assigned") from None

    __setitem__ = __setattr__
    __getitem__ = __getattr__

    def to_proto(self) -> Any:
        """The NetParameter of every layer that the tops need, each once, after those that it takes from."""
        return _Writer({top: name for name, top in self.tops.items()}).net(self.tops.values())


class _NoTop(KeyError, AttributeError):
    """A KeyError, which pycaffe raises, and what `getattr` and `hasattr` expect."""


class Layers:
    """``layers.Convolution(bottom, kernel_size=3)`` is the top of such a layer; several tops are a tuple."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def layer(*args: Top, **kwargs: Any) -> Function | Top | tuple[Top, ...]:
            function = Function(name, args, kwargs)
            if function.ntop == 0:
                return function
            return function.tops[0] if function.ntop == 1 else function.tops

        return layer


class Parameters:
    """``params.Pooling.MAX`` is the number that the enumeration in a PoolingParameter gives to MAX."""

    def __getattr__(self, name: str) -> Any:
        return getattr(caffe_pb2, f"{name}Parameter")


layers = Layers()
params = Parameters()


def to_proto(*tops: Top | Function) -> Any:
    """The NetParameter of the layers that the tops need; they are named by type and number: Convolution1, …"""
    return _Writer({}).net(tops)


def assign_proto(proto: Any, name: str, val: Any) -> None:
    """Set a field of a message: dictionaries become messages, lists repeated fields, one value a list of one."""
    field = getattr(proto, name)
    if hasattr(field, "extend"):
        values = val if isinstance(val, list | tuple) else [val]
        if values and isinstance(values[0], Mapping):
            for value in values:
                _assign_all(field.add(), value)
        else:
            field.extend(values)
    elif isinstance(val, Mapping):
        _assign_all(field, val)
    else:
        setattr(proto, name, val)


def param_name_dict() -> dict[str, str]:
    """For the name of each parameter message without its "Parameter", that of its field without its "_param"."""
    fields = caffe_pb2.LayerParameter.DESCRIPTOR.fields
    return {
        field.message_type.name.removesuffix("Parameter"): field.name.removesuffix("_param")
        for field in fields
        if field.name.endswith("_param")
    }


_param_names = param_name_dict()


class _Writer:
    """Writes functions to a net, each once, and names what has no name yet.

    Parameters
    ----------
    names : of the tops and functions that have one.
    """

    def __init__(self, names: dict[Top | Function, str]) -> None:
        self._names = names
        self._numbers: Counter[str] = Counter()
        self._layers: OrderedDict[Function, Any] = OrderedDict()

    def net(self, tops: Iterable[Top | Function]) -> Any:
        """The NetParameter of all that the tops need."""
        for top in tops:
            self._write(top.fn if isinstance(top, Top) else top)
        net = caffe_pb2.NetParameter()
        net.layer.extend(self._layers.values())
        return net

    def _write(self, last: Function) -> None:
        """Write a function after those that it takes from, however deep the net."""
        waiting = [last]
        while waiting:
            function = waiting[-1]
            missing = [top.fn for top in function.inputs if top.fn not in self._layers]
            if function in self._layers or not missing:
                waiting.pop()
                if function not in self._layers:
                    self._layers[function] = self._layer(function)
            else:
                waiting.append(missing[0])

    def _layer(self, function: Function) -> Any:
        kind = function.type_name
        layer = caffe_pb2.LayerParameter(type=kind)
        layer.bottom.extend(self._layers[top.fn].top[top.n] for top in function.inputs)
        layer.top.extend(layer.bottom if function.in_place else [self._name(top, kind) for top in function.tops])
        if function in self._names or not function.tops:
            layer.name = self._name(function, kind)
        else:
            layer.name = self._name(function.tops[0], kind)
        for key, value in function.params.items():
            own = f"{_param_names.get(kind)}_param"
            if not key.endswith("param") and _has(layer, own) and _has(getattr(layer, own), key):
                assign_proto(getattr(layer, own), key, value)
            elif _has(layer, key):
                assign_proto(layer, key, value)
            else:
                raise AttributeError(f"layer '{layer.name}' ({kind}): there is no parameter '{key}'")
        return layer

    def _name(self, what: Top | Function, kind: str) -> str:
        if what not in self._names:
            self._numbers[kind] += 1
            self._names[what] = f"{kind}{self._numbers[kind]}"
        return self._names[what]


def _assign_all(message: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        assign_proto(message, name, value)


def _has(message: Any, field: str) -> bool:
    return field in message.DESCRIPTOR.fields_by_name
