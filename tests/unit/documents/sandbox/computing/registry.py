"""A fork server whose computations were taken over by a text: the task is the name of a function here."""

import os
import socket
import time
from pathlib import Path

from core.errors import DamagedDocument
from documents import reasoning
from tests.unit.documents.sandbox.hostile.registry import choose

__all__ = ["choose"]


def echo(request: bytes) -> bytes:
    return request


def spin(_request: bytes) -> bytes:
    while True:
        pass


def hang(_request: bytes) -> bytes:
    time.sleep(3600)
    return b""


def allocate(_request: bytes) -> bytes:
    return bytes(4 << 30)


def descend(request: bytes) -> bytes:
    return descend(request)


def bug(_request: bytes) -> bytes:
    raise KeyError("/secret/path")


def damaged(_request: bytes) -> bytes:
    raise DamagedDocument("The text ends in the middle.", hint="Send it again.")


def die(request: bytes) -> bytes:
    os.kill(os.getpid(), int(request))
    return hang(request)


def attempt(request: bytes) -> bytes:
    """Reads a file from outside."""
    try:
        return Path(request.decode()).read_bytes()
    except OSError as error:
        return f"refused {error.errno}".encode()


def connect(request: bytes) -> bytes:
    try:
        socket.create_connection(("127.0.0.1", int(request)), 2)
        return b"connected"
    except OSError as error:
        return f"refused {error.errno}".encode()


_honest = reasoning.run


def run(task: str, request: bytes) -> bytes:
    hostile = {one.__name__: one for one in (echo, spin, hang, allocate, descend, bug, damaged, die, attempt, connect)}
    return hostile[task](request) if task in hostile else _honest(task, request)


reasoning.run = run
