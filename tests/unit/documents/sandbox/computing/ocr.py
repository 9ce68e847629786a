"""No engine here."""


def warm(languages: str) -> bool:
    return False
