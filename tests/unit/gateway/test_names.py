import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelNotFound, ProviderNotConfigured
from gateway.deployments import Arm, Asker, Deployment, Version
from gateway.names import Names
from tests.unit.gateway.lists import listed, named

BOX = listed("ollama/llama3.2:3b", local=True, size=2 << 30, resident=False)
GEMMA = listed("ollama/gemma3:latest", local=True, size=1 << 30, resident=True)
GPT = listed("openai/gpt-4o")
HAIKU = listed("anthropic/claude-haiku-4-5")


def led(names: Names, name: str, allows=None) -> str:
    target = names.resolve(name, allows)
    return f"{target.provider}/{target.model}"


@pytest.mark.parametrize(
    "name, leads_to",
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("gemma3", "ollama/gemma3:latest"),
        ("gemma3:latest", "ollama/gemma3:latest"),
        ("ollama/gemma3", "ollama/gemma3:latest"),
        ("llama3.2:3b", "ollama/llama3.2:3b"),
    ],
)
def test_every_spelling_leads_to_its_model(name, leads_to):
    names = named(BOX, GEMMA, GPT)
    assert led(names, name) == leads_to and names.resolve(name).because == "requested"
    assert names.find(name).id == leads_to


def test_a_name_that_many_have_is_the_local_model_in_memory_then_local_then_configured_first():
    cloud, cold = listed("groq/m"), listed("lmstudio/m", local=True, resident=False)
    warm, other = listed("ollama/m", local=True, resident=True), listed("openai/m")
    assert led(named(cloud, cold, warm, other), "m") == "ollama/m"
    assert led(named(cloud, cold, other), "m") == "lmstudio/m"
    assert led(named(other, cloud), "m") == "openai/m"
    assert led(named(other, cloud, providers=["groq", "openai"]), "m") == "groq/m"
    assert led(named(cloud, warm), "groq/m") == "groq/m", "a whole name leaves no choice"


def test_a_model_that_is_not_listed_is_reachable_through_its_provider():
    names = named(GPT, providers=["openai", "azure"])
    assert led(names, "azure/my-deployment") == "azure/my-deployment"
    assert led(names, "openai/gpt-99/preview:1") == "openai/gpt-99/preview:1"
    assert names.find("azure/my-deployment") is None
    for empty in ("azure/", "/gpt-4o", "/"):
        with pytest.raises(ModelNotFound):
            names.resolve(empty)


def test_names_with_a_slash_of_their_own_are_found_whole():
    names = named(listed("vllm/meta-llama/Llama-3-8B", local=True))
    assert led(names, "meta-llama/Llama-3-8B") == "vllm/meta-llama/Llama-3-8B" == led(names, "vllm/meta-llama/Llama-3-8B")


def test_a_provider_that_is_not_configured_says_what_is_missing():
    names = named(GPT, missing={"anthropic": "ANTHROPIC_API_KEY", "lmstudio": "LMSTUDIO_BASE_URL"})
    with pytest.raises(ProviderNotConfigured) as caught:
        names.resolve("anthropic/claude-x")
    assert "ANTHROPIC_API_KEY" in caught.value.hint
    with pytest.raises(ProviderNotConfigured, match="lmstudio is not configured") as caught:
        names.resolve("lmstudio/m")
    assert caught.value.status == 404


def test_the_word_of_the_operator_is_heard_before_that_of_a_provider():
    names = named(BOX, GPT, aliases={"gpt-4o": "ollama/llama3.2:3b", "gpt-4": "gpt-4o-mini", "mine": "azure/d", "any": "auto"},
                  providers=["ollama", "openai", "azure"])  # fmt: skip
    assert led(names, "gpt-4o") == "ollama/llama3.2:3b"
    assert led(names, "openai/gpt-4o") == "openai/gpt-4o"
    assert led(names, "mine") == "azure/d"
    assert names.resolve("any") == names.resolve("auto")
    assert names.shown(GPT) == "openai/gpt-4o", "its bare name leads elsewhere"
    assert names.aliases_of(BOX) == ["gpt-4o", "any"]
    with pytest.raises(ModelNotFound, match="'gpt-4o-mini'"):
        names.resolve("gpt-4")


def test_auto_prefers_what_runs_here_and_a_provider_without_answers_is_passed_over():
    assert led(named(GPT, BOX, GEMMA), "auto") == "ollama/gemma3:latest"
    assert led(named(GPT, listed("ollama/nomic", local=True, capabilities=("embedding",))), "auto") == "openai/gpt-4o"
    chosen = named(GPT, BOX).resolve("auto")
    assert chosen.automatic and chosen.because.startswith("auto: ollama with llama3.2:3b")


@pytest.mark.parametrize("name", ["auto", ""])
def test_auto_without_any_model_is_said(name):
    with pytest.raises(ModelNotFound, match="No provider has a model"):
        named(providers=["ollama"]).resolve(name)


def only(*allowed: str):
    return lambda provider, model: f"{provider}/{model}" in allowed


def test_where_a_name_leaves_a_choice_it_falls_on_what_the_key_may_use():
    names = named(listed("ollama/m:latest", local=True, resident=True), listed("openai/m"), GPT)
    assert led(names, "m", only("openai/m")) == "openai/m"
    assert led(names, "auto", only("openai/gpt-4o")) == "openai/gpt-4o"
    assert led(names, "m", only("openai/m", "ollama/m:latest")) == "ollama/m:latest"
    assert led(names, "gpt-4o", only()) == "openai/gpt-4o", "without a choice the ledger refuses"


def test_the_nearest_names_are_told_and_none_that_the_key_may_not_use():
    names = named(BOX, GEMMA, GPT, HAIKU, aliases={"gpt-4": "openai/gpt-4o"})
    with pytest.raises(ModelNotFound) as caught:
        names.resolve("gpt4o")
    assert caught.value.nearest[0] == "gpt-4o" and len(caught.value.nearest) <= 3 and "gpt-4o" in caught.value.hint
    assert (caught.value.status, caught.value.field) == (404, "model")
    assert names.nearest("claude-haiku-4.5")[0] == "claude-haiku-4-5"
    assert names.nearest("llama3.2")[0] == "llama3.2:3b"
    assert names.nearest("openai/gpt4o")[0] == "gpt-4o"
    assert names.nearest("zzzzqqqq") == []
    assert not {"gpt-4o", "gpt-4"} & set(names.nearest("gpt4o", only("anthropic/claude-haiku-4-5")))


def test_a_name_of_a_megabyte_is_compared_by_its_beginning():
    long = "m" * 200
    names = named(BOX, listed(f"openai/{long}"))
    assert names.nearest(long[:150] + "y" * 1_000_000) == [long]
    assert names.nearest("y" * 200 + long) == []
    with pytest.raises(ModelNotFound) as caught:
        names.resolve("gpt-4o" + "x" * 1_000_000)
    assert len(caught.value.detail) < 200


def test_a_name_is_compared_with_five_thousand_others_at_the_most():
    names = named(*(listed(f"openai/{'q' * 9}{number}") for number in range(5000)), GPT)
    assert names.nearest("gpt-4") == [] and names.resolve("gpt-4o").model == "gpt-4o"


def test_lists_show_models_and_aliases_that_the_key_may_use():
    names = named(BOX, GPT, aliases={"house": "openai/gpt-4o", "gone": "nobody"})
    assert [shown for shown, _ in names.entries()] == ["llama3.2:3b", "gpt-4o", "house"]
    assert [shown for shown, _ in names.entries(only("openai/gpt-4o"))] == ["gpt-4o", "house"]
    assert names.visible("house", only("openai/gpt-4o")) is GPT
    with pytest.raises(ModelNotFound):
        names.visible("llama3.2:3b", only("openai/gpt-4o"))
    assert names.visible("ollama/unlisted", None).supports.chat is None


WORD = st.text(string.ascii_lowercase + string.digits + "/:.-", min_size=1, max_size=12)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ollama", "openai", "vllm"]), WORD, st.booleans()), max_size=12, unique_by=lambda one: one[:2]
    )
)
def test_every_shown_name_leads_to_the_model_it_is_shown_for(found):
    names = named(
        *(listed(f"{provider}/{name}", local=local) for provider, name, local in found), providers=["ollama", "openai", "vllm"]
    )
    for model in names.models:
        assert names.find(model.id) is model
        assert names.find(names.shown(model)) is model


def deployed(alias, *arms, staged=()):
    def version(number, arms):
        return Version(number, tuple(Arm(name, weight) for name, weight in arms), "key", "", 0.0, "operator")

    one = Deployment(alias).placed(version(1, arms), "production") if arms else Deployment(alias)
    return one.placed(version(2, staged), "staging") if staged else one


def test_a_deployment_leads_each_asker_to_an_arm_and_is_listed_with_the_heaviest():
    names = named(BOX, GEMMA, GPT, deployments=[deployed("m:prod", ("ollama/llama3.2:3b", 1), ("openai/gpt-4o", 9))])
    led_to = {names.resolve("m:prod", None, lambda n=n: Asker(str(n), "", "r")).model for n in range(50)}
    assert led_to == {"llama3.2:3b", "gpt-4o"}
    assert led(names, "m:prod") == "openai/gpt-4o", "nobody asks: the heaviest"
    assert [(name, model.id) for name, model in names.entries()][-1] == ("m:prod", "openai/gpt-4o")
    local = [(name, model.id) for name, model in names.entries(lambda provider, _: provider == "ollama")]
    assert local[-1] == ("m:prod", "ollama/llama3.2:3b")
    assert "m:prod" not in {name for name, _ in names.entries(lambda *_: False)}
    assert names.visible("m:prod", lambda provider, _: provider == "ollama").id == "ollama/llama3.2:3b"
    assert "m:prod" in names.nearest("m:prd")
    assert names.find("m:prod") is None


def test_what_is_in_staging_has_a_name_of_its_own_and_is_in_no_list():
    names = named(BOX, GPT, deployments=[deployed("m", ("openai/gpt-4o", 1), staged=[("ollama/llama3.2:3b", 1)])])
    assert led(names, "m") == "openai/gpt-4o" and led(names, "m@staging") == "ollama/llama3.2:3b"
    assert "m@staging" not in {name for name, _ in names.entries()}
    only = named(BOX, deployments=[deployed("m", staged=[("ollama/llama3.2:3b", 1)])])
    with pytest.raises(ModelNotFound):
        only.resolve("m")


def test_a_deployment_hides_a_model_that_came_later_and_its_whole_name_still_leads_there():
    names = named(BOX, GPT, deployments=[deployed("gpt-4o", ("ollama/llama3.2:3b", 1))])
    assert led(names, "gpt-4o") == "ollama/llama3.2:3b" and led(names, "openai/gpt-4o") == "openai/gpt-4o"
    assert names.shown(GPT) == "openai/gpt-4o"


def test_a_deployment_whose_providers_are_all_gone_says_so():
    names = named(BOX, deployments=[deployed("m", ("openai/gpt-4o", 1))])
    with pytest.raises(ProviderNotConfigured, match="No provider of the deployment m is configured"):
        names.resolve("m")
    assert names.deployed("m", None, None) is None and names.deployed("llama3.2:3b", None, None) is None
