import datetime

import pytest

from documents.parsers.numberformats import displayed, kind


@pytest.mark.parametrize(
    ("number", "code", "shows"),
    [
        (0, None, "number"), (9, None, "percent"), (14, None, "date"), (21, None, "time"), (22, None, "datetime"), (49, None, "number"),
        (164, "0.00%", "percent"), (164, "dd/mm/yyyy", "date"), (164, "dd/mm/yyyy hh:mm;@", "datetime"), (164, "[h]:mm", "time"),
        (164, '#,##0.00 "dias"', "number"), (164, "[$R$-416] #,##0.00", "number"), (164, "[Red]General", "number"),
        (164, r"0\d", "number"), (164, "[$-416]d \\d\\e mmmm", "date"),
    ],
)  # fmt: skip
def test_what_a_format_shows(number: int, code: str | None, shows: str) -> None:
    assert kind(number, code) == shows


@pytest.mark.parametrize(
    ("value", "shows", "since_1904", "text"),
    [
        (46086.0, "date", False, "2026-03-05"), (44624.0, "date", True, "2026-03-05"), (46086.4375, "datetime", False, "2026-03-05 10:30"),
        (0.34375, "time", False, "08:15:00"), (1.0, "date", False, "1900-01-01"), (60.0, "date", False, "1900-02-28"),
        (-3.0, "date", False, "-3"), (1e300, "date", False, "1e+300"), (0.1525, "percent", False, "15.25%"), (None, "number", False, ""),
        (float("inf"), "date", False, ""),
    ],
)  # fmt: skip
def test_numbers_as_they_are_meant(value: float | None, shows: str, since_1904: bool, text: str) -> None:
    assert displayed(value, shows, since_1904) == text


def test_every_day_of_the_range_is_a_day() -> None:
    assert displayed(2_958_465.0, "date", False) == datetime.date(9999, 12, 31).isoformat()
    assert displayed(2_958_466.0, "date", False) == "2958466"
