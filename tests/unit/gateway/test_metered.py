"""Questions about documents stand in the ledger under the name of the job's owner, with what they cost."""

import pytest

from core.errors import BudgetSpent, ModelNotAllowed, Overloaded, ProviderUnreachable
from gateway.deployments import Arm, Deployment, Version
from gateway.grants import NANO
from gateway.ledger import Grant, Ledger
from gateway.metered import Metered
from gateway.prices import Prices
from gateway.service import Target
from providers.types import ChatRequest, Message
from tests.unit.gateway.scripted import LOCAL, Scripted
from tests.unit.gateway.test_service import DOWN, box, cloud, house

PRICES = Prices([("cloud/*", {"input": 1e6, "output": 2e6})], local=["box"])
CLOUD, BOX = Target("cloud", "gemini-3.5-flash", "requested"), Target("box", "b:8b", "requested")


def asking(*providers, grant=Grant("ana"), **more):
    over = []
    ledger = Ledger(settled=over.append, prices=PRICES)
    gateway = house(*providers, own_keys=("cloud",), **more)
    return Metered(gateway, ledger, grant, "job-1"), over


def question(api_key=None, cap=1):
    return ChatRequest("", (Message.of("user", "abcd" * 3, [b"png"]),), api_key=api_key, max_tokens=cap)


async def test_every_answer_is_a_row_and_the_job_costs_their_sum():
    metered, over = asking(cloud())
    for _ in range(2):
        assert (await metered.complete(CLOUD, question())).text == "ok"
    assert metered.cost == 6.0
    call = over[0]
    assert (call.grant.key_id, call.front, call.request_id, call.provider, call.served) == (
        "ana", "documents", "job-1", "cloud", "gemini-3.5-flash",
    )  # fmt: skip
    assert (call.outcome, call.finish_reason, call.usage.input_tokens, call.cost) == ("ok", "stop", 1, 3 * NANO)


async def test_what_runs_here_costs_nothing_and_an_unknown_price_is_unknown():
    metered, _ = asking(box())
    await metered.complete(BOX, question())
    assert metered.cost == 0.0
    unknown = Prices(local=[])
    assert unknown.rates(CLOUD.provider, CLOUD.model)[1]
    unknown._listed.settle()
    metered = Metered(house(box(), cloud(), own_keys=("cloud",)), Ledger(prices=unknown), Grant("ana"), "job-1")
    await metered.complete(CLOUD, question())
    assert metered.cost is None


async def test_who_stepped_in_is_the_one_that_is_paid():
    metered, over = asking(box(replies=(DOWN,)), cloud())
    completion = await metered.complete(Target("box", "b:8b", "auto", automatic=True), question())
    assert completion.target.provider == "cloud" and over[0].provider == "cloud" and metered.cost == 3.0


@pytest.mark.parametrize(("target", "billed"), [(CLOUD, 0), (BOX, 0)])
async def test_the_callers_own_key_pays_for_itself(target, billed):
    metered, over = asking(box(), cloud(), grant=Grant("ana", budget_usd=0))
    await metered.complete(target, question(api_key="AIza-own"))
    assert over[0].billed == billed and metered.cost == (3.0 if target is CLOUD else 0.0)


async def test_an_error_of_a_provider_is_a_row_too():
    metered, over = asking(cloud(replies=(DOWN,)))
    with pytest.raises(ProviderUnreachable):
        await metered.complete(CLOUD, question())
    assert (over[0].outcome, over[0].http_status, over[0].error_code) == ("error", 502, "provider_unreachable")
    assert metered.cost == 0


async def test_nobody_spends_more_than_he_has_and_accepted_work_waits_for_held_money():
    tokens = 3 + 2048
    metered, over = asking(cloud(), grant=Grant("ana", budget_usd=tokens + 2, rpm=1, max_parallel=1))
    with metered._ledger.enter(
        metered._grant, front="openai", operation="chat", model="m", request_id="r", stream=False
    ) as other:
        other.route("cloud", "m", input_tokens=1, max_output=0)
        with pytest.raises(Overloaded):
            await metered.complete(CLOUD, question())
        other.settle("error", usage=None, http_status=502)
    await metered.complete(CLOUD, question())
    with pytest.raises(BudgetSpent):
        await metered.complete(CLOUD, question(cap=10))
    assert [call.outcome for call in over] == ["error", "error", "ok", "error"]


async def test_a_model_that_the_key_may_not_use_is_not_asked():
    provider = cloud()
    metered, _ = asking(provider, grant=Grant("ana", models=("gpt-*",)))
    with pytest.raises(ModelNotAllowed):
        await metered.complete(CLOUD, question())
    assert not provider.asked


async def test_the_rest_is_the_gateways():
    metered, _ = asking(box(), cloud())
    assert (await metered.route("box", "b:8b", api_key=None)) == BOX
    assert metered.capabilities("box").local
    assert (await metered.model_info(BOX, None)).name == "b:8b"


async def test_a_deployment_leads_a_document_and_stands_in_its_row():
    metered, over = asking(box(), Scripted("far", LOCAL), grant=Grant("ana", providers=("box",)))
    arms = (Arm("box/b:8b", 1), Arm("far/gemini-3.5-flash", 99))
    shared = Deployment("docs").placed(Version(1, arms, "key", "", 0.0, "operator"), "production")
    metered._gateway._catalogue.deploy([shared])
    target = await metered.route("auto", "docs", api_key=None)
    assert (target.model, target.because) == ("b:8b", "deployment docs, arm box/b:8b (1 %)"), "the arm that its owner may use"
    await metered.complete(target, question())
    assert (over[0].model, over[0].served) == ("docs", "b:8b")


@pytest.mark.parametrize(("owner", "led"), [("ana", 1), ("operator", 2)])
async def test_documents_of_a_client_go_one_way_and_those_of_the_operator_are_shared_out(owner, led):
    gateway = house(box())
    arms = (Arm("box/b:8b", 1), Arm("box/a:1b", 1))
    gateway._catalogue.deploy([Deployment("docs").placed(Version(1, arms, "key", "", 0.0, "operator"), "production")])
    found = {
        (await Metered(gateway, Ledger(), Grant(owner), f"job-{n}").route("box", "docs", api_key=None)).model for n in range(40)
    }
    assert len(found) == led
    assert (await gateway.route("box", "else", api_key=None)).because == "requested"
