from core.encoding import encoded


def test_json_is_sent_in_utf_8() -> None:
    assert encoded({"a": ["é", 1, None]}) == '{"a":["é",1,null]}'.encode()


def test_half_a_character_is_replaced_wherever_it_stands() -> None:
    told = {"\ud83d": [{"a": "b\ud83d"}, "\ud83d\ude00", 1, None]}
    assert encoded(told) == '{"\ufffd":[{"a":"b\ufffd"},"😀",1,null]}'.encode()
