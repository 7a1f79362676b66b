"""Text and binary messages from files, each fault one line with the file and the line in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from ftcaffe.errors import Error
from ftcaffe.proto.messages import caffe_pb2


def read_text(path: str | Path, kind: type) -> Any:
    """The text message of class `kind` in `path`; `Error` with file and line on a syntax error."""
    message = kind()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise Error(error.strerror or "cannot be read", path) from None
    except UnicodeDecodeError:
        raise Error("is not a text file", path) from None
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        line, what = _place(error)
        raise Error(what, path, line=line, remedy="mend the prototxt") from None
    return message


def _place(error: text_format.ParseError) -> tuple[int | None, str]:
    """Line number and bare text of a parse error, whose string is ``line:column : 'source line': what``."""
    match = re.match(r"(?:(\d+):\d+ : )?(.*)", str(error), re.DOTALL)
    assert match is not None
    return (int(match[1]) if match[1] else None), match[2]


def read_binary(path: str | Path, kind: type) -> Any:
    """The binary message of class `kind` in `path`; `Error` when it is truncated or of another kind."""
    try:
        return kind.FromString(Path(path).read_bytes())  # type: ignore[attr-defined]
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise Error(error.strerror or "cannot be read", path) from None
    except DecodeError:
        raise Error(
            f"is no {kind.__name__} or is truncated",
            path,
            remedy="copy or make the file anew",
        ) from None


def read_net(path: str | Path) -> Any:
    """The NetParameter of a prototxt."""
    return read_text(path, caffe_pb2.NetParameter)


def read_solver(path: str | Path) -> Any:
    """The SolverParameter of a prototxt."""
    return read_text(path, caffe_pb2.SolverParameter)


def to_text(message: Any) -> str:
    """The message as prototxt."""
    return text_format.MessageToString(message)
