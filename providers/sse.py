"""Server-sent events, as far as providers use them. Source: html.spec.whatwg.org, 9.2 Server-sent events."""


def event_data(line: bytes) -> bytes | None:
    """What a line carries; None for comments, names and ids. Providers send one line of data for each event."""
    return line[5:].strip() if line.startswith(b"data:") else None
