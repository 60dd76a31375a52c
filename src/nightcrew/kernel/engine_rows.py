"""What DBOS stores of runs, as JSON: reading it back runs no code, whoever wrote it.

Plain values, tuples, sets, times, bytes and errors. Rows of a Nightcrew that stored pickles are read by an unpickler that knows
nothing but plain values and errors.
"""

from __future__ import annotations

import base64
import builtins
import contextlib
import io
import json
import pickle  # only for `_Plain`, which refuses everything that could run
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from nightcrew.kernel.errors import NightcrewError

TAG = "!"
"""The key of what JSON has no form for: {"!": "tuple", "of": […]}."""
MAX_ROW = 32 << 20
"""Characters of one value."""
_PLAIN = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "bytearray"),
    ("datetime", "date"),
    ("datetime", "datetime"),
    ("datetime", "time"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
}


class RunFailed(Exception):
    """An error of a kind that is not known here any more. Its message says which kind it was."""


class JsonRows:
    """The serializer that DBOS is given."""

    def name(self) -> str:
        """How rows of this form are marked."""
        return "nightcrew_json"

    def serialize(self, data: Any) -> str:
        """Raises TypeError for what is no plain value and no error."""
        return json.dumps(
            _plain(data), separators=(",", ":")
        )  # ASCII: databases take no NUL and no half of a character

    def deserialize(self, serialized_data: str) -> Any:
        """Raises ValueError for what no `serialize` has made."""
        if len(serialized_data) > MAX_ROW:
            raise ValueError("a stored value is too large")
        return _built(json.loads(serialized_data))


def read_pickle(serialized_data: str) -> Any:
    """A row of an older Nightcrew. Raises `pickle.UnpicklingError` for one that names anything but plain values and errors."""
    if len(serialized_data) > MAX_ROW:
        raise ValueError("a stored value is too large")
    return _Plain(io.BytesIO(base64.b64decode(serialized_data))).load()


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Errors of ours, of Python and of DBOS that are loaded already, and the types in `_PLAIN`. No functions."""
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module == "builtins" or module.startswith("nightcrew.") or module == "dbos._error":
            found = getattr(sys.modules.get(module), name, None)
            if isinstance(found, type) and issubclass(found, Exception):
                return found
        raise pickle.UnpicklingError(f"a stored run names {module}.{name}, which is neither a plain value nor an error")


def _plain(value: Any) -> Any:
    """`value` as JSON can say it."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict) and TAG not in value and all(isinstance(key, str) for key in value):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, Enum):
        return _plain(value.value)
    for tag, (kind, said, _) in _FORMS.items():
        if isinstance(value, kind):
            return {TAG: tag, "of": said(value)}
    raise TypeError(f"a run can remember plain values and errors, and no {type(value).__name__}")


def _built(value: Any) -> Any:
    """What `_plain` was given."""
    if isinstance(value, list):
        return [_built(one) for one in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: _built(one) for key, one in value.items()}
    if value[TAG] not in _FORMS or "of" not in value:
        raise ValueError(f"a stored run has a value of the kind {str(value[TAG])[:40]!r}")
    return _FORMS[value[TAG]][2](value["of"])


def _error(error: BaseException) -> dict[str, Any]:
    """Its kind, its words, and what else it says of itself in plain values."""
    last = getattr(error, "errors", None)
    if type(error).__module__ == "dbos._error" and isinstance(last, list) and last:
        return _error(last[-1])  # after all attempts
    more = {key: value for key, value in vars(error).items() if isinstance(value, bool | int | float | str | None)}
    return {"kind": type(error).__name__, "says": str(error), "more": more}


def _error_of(said: dict[str, Any]) -> Exception:
    kind, says, more = str(said["kind"]), str(said["says"]), dict(said["more"])
    ours = next((one for one in _kinds(NightcrewError) if one.__name__ == kind), None)
    if ours is not None:
        error = ours.__new__(ours)
        Exception.__init__(error, says)
        vars(error).update(more)
        return error
    other = _python_error(kind, says) or RunFailed(f"{kind}: {says}" if says else kind)
    vars(other).update(more)
    return other


def _python_error(kind: str, says: str) -> Exception | None:
    python = getattr(builtins, kind, None)
    if isinstance(python, type) and issubclass(python, Exception):
        with contextlib.suppress(TypeError):  # one that is not made of its words, such as a group of errors
            return python(says)
    return None


def _kinds(of: type[NightcrewError]) -> Iterator[type[NightcrewError]]:
    yield of
    for one in of.__subclasses__():
        yield from _kinds(one)


_FORMS: dict[str, tuple[type | tuple[type, ...], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "dict": (
        dict,
        lambda value: [[_plain(key), _plain(one)] for key, one in value.items()],
        lambda said: {_built(key): _built(one) for key, one in said},
    ),
    "tuple": (tuple, lambda value: [_plain(one) for one in value], lambda said: tuple(_built(one) for one in said)),
    "set": ((set, frozenset), lambda value: [_plain(one) for one in value], lambda said: {_built(one) for one in said}),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "timedelta": (timedelta, timedelta.total_seconds, lambda said: timedelta(seconds=said)),
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "error": (BaseException, _error, _error_of),
}
"""What JSON has no form for, by its tag: the type, how it is said, and how it is built."""
