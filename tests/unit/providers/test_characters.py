from hypothesis import given
from hypothesis import strategies as st

from providers.characters import Halves
from utils import mended

ANY = st.text(st.characters(categories=["L", "So", "Cs"]), max_size=8)


@given(st.lists(ANY, min_size=1, max_size=5))
def test_a_stream_says_what_its_pieces_together_say(pieces: list[str]) -> None:
    halves = Halves()
    told = [halves.add(piece, last=index == len(pieces) - 1) for index, piece in enumerate(pieces)]
    assert "".join(told) == mended("".join(pieces))
    for text in told:
        text.encode()


def test_a_half_alone_does_not_hold_up_what_came_before() -> None:
    halves = Halves()
    assert (halves.add("a\ud83d"), halves.add("\ude00"), halves.add("\ude00", last=True)) == ("a", "😀", "\ufffd")
