import pytest

from api.fields import header_text, read_fields
from core.addresses import AddressPolicy
from core.errors import InvalidField, InvalidRequest

GOOD = {"Prompt": "Qual o CNPJ?", "Format-Response": '[{"CNPJ": ""}]', "Model": "gemma3:1b", "AI-Provider": "ollama"}


def read(headers=None, form=None, *, key_known=False):
    sent = [
        (name.lower().encode(), value if isinstance(value, bytes) else value.encode()) for name, value in (headers or {}).items()
    ]
    return read_fields(sent, form or {}, ("ollama", "gemini"), key_known, AddressPolicy.of(()))


def test_headers_and_form_fields_say_the_same():
    form = {name.lower().replace("-", "_"): value for name, value in GOOD.items()}
    assert read(GOOD) == read(form=form) == read({"Prompt": GOOD["Prompt"]}, {k: v for k, v in form.items() if k != "prompt"})


def test_defaults_need_no_configuration():
    fields = read({"Prompt": "p", "Format-Response": '{"a": ""}'})
    assert (fields.ai_provider, fields.model, fields.priority, fields.example) == ("auto", "auto", 1, None)
    assert fields.vision == "auto" and read(GOOD | {"Vision": " Never "}).vision == "never"


@pytest.mark.parametrize("raw", ["Extraia o número 🙂 “já”".encode(), "Extraia o número".encode("latin-1")])
def test_accents_in_headers_arrive_whole(raw):
    assert read(GOOD | {"Prompt": raw}).prompt == header_text(raw)
    assert "número" in header_text(raw)


@pytest.mark.parametrize(
    ("change", "field", "error"),
    [
        ({"Prompt": ""}, "Prompt", InvalidRequest),
        ({"Format-Response": " "}, "Format-Response", InvalidRequest),
        ({"Format-Response": "[{"}, "Format-Response", InvalidField),
        ({"Format-Response": '{"a": "", "a": ""}'}, "Format-Response", InvalidField),
        ({"AI-Provider": "skynet"}, "AI-Provider", InvalidField),
        ({"AI-Provider": "gemini"}, "Gemini-API-Key", InvalidField),
        ({"Priority": "now"}, "Priority", InvalidField),
        ({"Vision": "sometimes"}, "Vision", InvalidField),
        ({"Vision": "always", "AI-Provider": "builtin"}, "Vision", InvalidField),
        ({"Prompt": "x" * 40_000}, "Prompt", InvalidField),
        ({"Prompt": "a\x00b"}, "Prompt", InvalidRequest),
        ({"Example": '[{"CNPJ": }]'}, "Example", InvalidField),
        ({"Example": ' {"a": 1, "a": 2}'}, "Example", InvalidField),
        ({"Example": "[" * 500}, "Example", InvalidField),
        ({"Example": "x" * 70_000}, "Example", InvalidField),
        ({"Idempotency-Key": "k" * 300}, "Idempotency-Key", InvalidField),
        ({"Webhook-URL": "http://127.0.0.1/x"}, "Webhook-URL", InvalidField),
        ({"Webhook-URL": "file:///etc/passwd"}, "Webhook-URL", InvalidField),
    ],
)
def test_a_bad_field_is_named_with_its_cure(change, field, error):
    with pytest.raises(error) as raised:
        read(GOOD | change)
    assert raised.value.field == field
    assert type(raised.value) is error
    assert raised.value.hint


def test_an_example_is_json_or_plain_words():
    for text in ('[{"CNPJ": "XX.XXX.XXX/0001-XX"}]', '\ufeff{"a": null}', "12.345.678/0001-95", "dia/mês/ano"):
        assert read(GOOD | {"Example": text}).example == text
    with pytest.raises(InvalidField, match="at line 2, column 8"):
        read(GOOD | {"Example": '[\n {"a": }]'})


def test_gemini_takes_the_key_of_the_request_or_of_the_settings():
    assert read(GOOD | {"AI-Provider": "gemini", "Gemini-API-Key": "AIzaX"}).gemini_api_key == "AIzaX"
    assert read(GOOD | {"AI-Provider": "Gemini"}, key_known=True).gemini_api_key is None


def test_a_field_sent_twice_with_two_values_is_refused():
    with pytest.raises(InvalidRequest):
        read(GOOD, {"prompt": "something else"})
    assert read(GOOD, {"prompt": GOOD["Prompt"]})
