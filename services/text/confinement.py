"""Shuts a process in by Landlock, a part of Linux since 5.13 that needs no privileges.

Numbers and layouts are those of `include/uapi/linux/landlock.h`; the three system calls have the same numbers on every
architecture.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_FOR_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38

_READ_FILES_AND_FOLDERS: Final = (1 << 2) | (1 << 3)
_RIGHTS_BY_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights on files, one bit each, a version knows."""
_TCP: Final = (4, 0b11)
"""Since which version binding and connecting can be forbidden, and the bits for it."""
_SCOPES: Final = (6, 0b11)
"""The same for abstract sockets and signals to processes outside."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def shut_in() -> bool:
    """From now on this process and its children open no file but the libraries of Python and of the system, these for
    reading only, and no TCP connection. What is open stays open. False where the kernel cannot do it."""
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None)
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # Landlock asks for it
    version = system.syscall(_CREATE_RULESET, None, 0, _ASK_FOR_VERSION)
    if version < 1:
        return False
    rights = (1 << _RIGHTS_BY_VERSION.get(version, max(_RIGHTS_BY_VERSION.values()))) - 1
    rules = _Ruleset(
        files=rights,
        net=_TCP[1] if version >= _TCP[0] else 0,
        scoped=_SCOPES[1] if version >= _SCOPES[0] else 0,
    )
    ruleset = system.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if ruleset < 0:
        return False
    for folder in _libraries():
        _allow_reading(system, ruleset, folder)
    shut: bool = system.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return shut


def _libraries() -> Iterable[Path]:
    """Modules such as charsets are loaded when they are first needed, that is from within."""
    folders = (Path(sys.prefix) / "lib", Path(sys.base_prefix) / "lib", Path("/usr/lib"), Path("/lib"))
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _allow_reading(system: ctypes.CDLL, ruleset: int, folder: Path) -> None:
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    rule = _PathBeneath(allowed=_READ_FILES_AND_FOLDERS, folder=descriptor)
    system.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(descriptor)
