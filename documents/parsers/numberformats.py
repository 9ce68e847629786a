"""What the number formats of spreadsheets make of a number (ECMA-376 part 1, 18.8.30 and 18.8.31)."""

import datetime
import math
import re
from typing import Literal

from documents.parsers.sheets import shown

Kind = Literal["number", "percent", "date", "time", "datetime"]
BUILT_IN: dict[int, Kind] = {
    9: "percent", 10: "percent", 22: "datetime", **dict.fromkeys((18, 19, 20, 21, 45, 46, 47), "time"),
    **dict.fromkeys((*range(14, 18), *range(27, 37), *range(50, 59)), "date"),
}  # fmt: skip
NOT_CODE = re.compile(r'"[^"]{0,300}"|\\.|_.|\*.|\[(?![hms]{1,3}\])[^\]]{0,100}\]')
EPOCH = datetime.datetime(1899, 12, 30)  # of serial numbers after February 1900
EPOCH_1904 = datetime.datetime(1904, 1, 1)
LATEST = 2_958_466  # the day after 31 December 9999


def kind(number: int, code: str | None) -> Kind:
    """What a format shows, by its code, else by its built-in number."""
    if code is None:
        return BUILT_IN.get(number, "number")
    signs = NOT_CODE.sub("", code.partition(";")[0]).lower()
    if "%" in signs:
        return "percent"
    if "general" in signs or not re.search("[dymhs]", signs):
        return "number"
    day, hour = re.search("[dy]", signs), re.search("[hs]", signs)
    return "datetime" if day and hour else "time" if hour else "date"


def moment(serial: float, shows: Kind, since_1904: bool) -> datetime.datetime | datetime.time | float:
    """A serial number as the day or the time of day that it means; the number itself where it means none."""
    if not 0 <= serial < LATEST - (1462 if since_1904 else 0):
        return serial
    # Before March 1900 the serial numbers count a 29 February that never was.
    missing = datetime.timedelta(days=1 if serial < 60 and not since_1904 else 0)
    value = (EPOCH_1904 if since_1904 else EPOCH + missing) + datetime.timedelta(seconds=round(serial * 86_400))
    return value.time() if shows == "time" and serial < 1 else value


def displayed(value: float | None, shows: Kind, since_1904: bool) -> str:
    """A number of a cell as its format means it, by `sheets.shown`."""
    if value is None or not math.isfinite(value) or shows in ("number", "percent"):
        return shown(value, shows == "percent")
    return shown(moment(value, shows, since_1904))
