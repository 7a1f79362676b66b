"""Text and binary messages from files, each fault one line with the file and the line in it."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from ftcaffe.errors import Error, located
from ftcaffe.proto import forks, upgrade
from ftcaffe.proto.messages import caffe_pb2

logger = logging.getLogger(__name__)
SKIP_UNKNOWN = "FTCAFFE_SKIP_UNKNOWN"
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
_UNKNOWN = re.compile(r'Message type "caffe\.(?P<kind>\w+)" has no field named "(?P<name>[^"]*)"')


def read_net(path: str | Path) -> Any:
    """The NetParameter of a prototxt, in current form (`upgrade.net`)."""
    with located(path):
        done = upgrade.net(read_text(path, caffe_pb2.NetParameter))
    _warn(done.lost, path)
    return done.message


def read_solver(path: str | Path) -> Any:
    """The SolverParameter of a prototxt, in current form; its snapshot_prefix is set, as Caffe sets it."""
    with located(path):
        message = upgrade.solver(read_text(path, caffe_pb2.SolverParameter)).message
        _warn(upgrade.inner_nets(message), path)
    upgrade.snapshot_prefix(message, path)
    return message


def read_text(path: str | Path, kind: type) -> Any:
    """The text message of class `kind` in `path`; `Error` with file and line where it is none.

    A field that Caffe does not know is an error, unless the environment variable FTCAFFE_SKIP_UNKNOWN is set to other
    than 0: such fields are then left out, with a warning.
    """
    text = _text(path)
    message = kind()
    try:
        try:
            text_format.Parse(text, message)
        except text_format.ParseError as error:
            if not _UNKNOWN.search(str(error)) or os.environ.get(SKIP_UNKNOWN, "0") in ("", "0"):
                raise
            logger.warning("%s: fields that Caffe does not know are left out; the first: %s", path, error)
            message.Clear()
            text_format.Parse(text, message, allow_unknown_field=True)
    except text_format.ParseError as error:
        raise _fault(error, path, kind) from None
    except RecursionError:
        raise Error("is nested too deep", path) from None
    _check_whole(message, path)
    if "\ufffd" in text and b"\xef\xbf\xbd" in message.SerializeToString():
        raise Error("has a text that is not UTF-8", path, remedy="write the file in UTF-8")
    return message


def read_binary(path: str | Path, kind: type) -> Any:
    """The binary message of class `kind` in `path`; `Error` when it is truncated or of another kind."""
    content = _content(path)
    try:
        message = kind.FromString(content)  # type: ignore[attr-defined]
    except DecodeError:
        name = kind.__name__
        if content and _is_text(content):
            raise Error(f"is text, and a binary {name} is wanted", path) from None
        raise Error(f"is no {name} or is truncated", path, remedy="copy or make the file anew") from None
    _check_whole(message, path)
    return message


def to_text(message: Any) -> str:
    """The message as prototxt."""
    return text_format.MessageToString(message)


def _content(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # a ValueError is a path with a zero byte
        raise Error(getattr(error, "strerror", None) or "cannot be read", path) from None


def _text(path: str | Path) -> str:
    """A prototxt's characters. Like Caffe's, comments may be in any encoding; unlike it, the file may have a BOM."""
    content = _content(path)
    if not _is_text(content):
        raise Error("is not a text file", path, remedy="a prototxt is wanted here")
    text = content.decode("utf-8-sig", errors="replace")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise Error(f"has a control character, {found[0]!r}", path, line=line, remedy="remove it")
    return text


def _is_text(content: bytes) -> bool:
    """Whether the beginning of a file has few characters that text has not."""
    beginning = content[:4096].decode("utf-8", errors="replace")
    return 10 * (len(_CONTROL.findall(beginning)) + beginning.count("\ufffd")) <= len(beginning)


def _fault(error: text_format.ParseError, path: str | Path, kind: type) -> Error:
    """A parse error, whose text is ``line:column : 'source line': what``, as one of ours."""
    match = re.match(r"(?:(\d+):\d+ : )?(?:'.{80,}': )?(.*)", str(error), re.DOTALL)
    assert match is not None
    line, what = (int(match[1]) if match[1] else None), match[2]
    if unknown := _UNKNOWN.search(what):
        what = f'{unknown["kind"]} has no field named "{unknown["name"]}"'
        return Error(what, path, line=line, remedy=_remedy(unknown["kind"], unknown["name"], kind))
    return Error(what, path, line=line, remedy="mend the prototxt")


def _remedy(kind: str, name: str, wanted: type) -> str:
    others = {"NetParameter": caffe_pb2.SolverParameter, "SolverParameter": caffe_pb2.NetParameter}
    if kind == wanted.__name__ and kind in others and name in others[kind].DESCRIPTOR.fields_by_name:
        return f"it is one of {others[kind].__name__}: is this the right file?"
    fork = forks.of_field(name)
    return (f"it is a field of {fork}; " if fork else "correct it; ") + f"{SKIP_UNKNOWN}=1 leaves such fields out"


def _check_whole(message: Any, path: str | Path) -> None:
    if not message.IsInitialized():
        missing = ", ".join(message.FindInitializationErrors())
        raise Error(f"lacks a field that must be given: {missing}", path)


def _warn(lost: list[str], path: str | Path) -> None:
    for what in lost:
        logger.warning("%s: %s; it is left out, as Caffe does", path, what)
