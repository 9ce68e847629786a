"""Server-sent events, as far as providers use them. Source: html.spec.whatwg.org, 9.2 Server-sent events."""

from collections.abc import Iterable


def data_of(lines: Iterable[bytes]) -> list[bytes]:
    """What the lines carry, without comments, names and ids. Providers send one line of data for each event."""
    return [line[5:].strip() for line in lines if line.startswith(b"data:")]
