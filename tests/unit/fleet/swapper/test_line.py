"""Whose turn is next inside a model."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.swapper.line import Line, Shares, Ticket, claim
from fleet.swapper.tuning import CLASSES, Tuning

PATIENCE = Tuning().patience


def ticket(client="", klass="normal", arrived=0.0):
    return Ticket("a", client, klass, arrived)


def line(*tickets, shares=None):
    made = Line(PATIENCE, shares or Shares())
    for each in tickets:
        made.add(each)
    return made


def drained(made, now=1.0):
    order = []
    while made:
        order.append(made.pop(now))
    return order


def test_classes_then_first_come():
    batch, late, early, quick = ticket(klass="batch"), ticket(arrived=0.5), ticket(arrived=0.2), ticket(klass="interactive")
    # First come is kept inside a lane: who arrives, is added.
    assert drained(line(batch, early, late, quick)) == [quick, early, late, batch]


def test_who_is_overdue_goes_to_the_front():
    batch, quick = ticket(klass="batch", client="x"), ticket("y", "interactive", 595.0)
    assert drained(line(batch, quick), 599.0) == [quick, batch]
    shares = Shares()
    shares.charge("y", 10.0)
    assert drained(line(batch, quick, shares=shares), 600.0) == [batch, quick]


def test_the_least_served_client_is_next():
    shares = Shares()
    made = line(*[ticket("flood", arrived=number / 100) for number in range(5)], ticket("other", arrived=0.9), shares=shares)
    order = []
    while made:
        order.append(made.pop(1.0).client)
        shares.charge(order[-1], 8.0)
    assert order == ["flood", "other", "flood", "flood", "flood", "flood"]


def test_a_client_that_was_away_has_no_credit():
    shares = Shares()
    for _ in range(100):
        shares.charge("busy", 1.0)
    shares.charge("back", 1.0)
    assert shares.of("back") >= shares.of("busy") - 1.0


def test_clients_that_went_are_forgotten():
    shares = Shares()
    for number in range(3000):
        shares.charge(str(number), 1.0)
        shares.charge("always", 1.0)
    assert len(shares._served) <= 1001


def test_when_somebody_claims_the_memory():
    made = line(ticket(arrived=10.0), ticket("x", "interactive", 50.0))
    assert made.oldest() == 10.0 and made.overdue_at(0.0) == 95.0
    assert made.overdue_at(1000.0) == 50.0 + 1000.0 * 45 / 120
    assert claim(PATIENCE, "batch", 700.0) == 700.0 and claim(PATIENCE, "batch", 10.0) == 600.0


def test_who_is_ahead():
    first, second = ticket(), ticket(arrived=0.1)
    made = line(first, second)
    assert made.ahead_of(second, 1.0) == 1 and made.ahead_of(ticket(klass="interactive"), 1.0) == 0
    made.remove(first)
    assert made.ahead_of(second, 1.0) == 0 and list(made) == [second]


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(CLASSES)), max_size=30), st.data())
def test_nobody_is_lost_or_served_twice(arrivals, data):
    tickets = [ticket(client, klass, float(number)) for number, (client, klass) in enumerate(arrivals)]
    made = line(*tickets)
    left = data.draw(st.lists(st.sampled_from(tickets), unique_by=id)) if tickets else []
    for each in left:
        made.remove(each)
    order = drained(made, 1000.0)
    assert len(order) == len(set(map(id, order))) == len(tickets) - len(left)
    assert not set(map(id, order)) & set(map(id, left))


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(CLASSES)), min_size=1, max_size=30),
    st.sampled_from("xyz"),
    st.floats(0.0, 1000.0),
    st.data(),
)
def test_as_many_are_ahead_as_are_served_before(arrivals, favoured, now, data):
    shares = Shares()
    shares.charge(favoured, 1.0)
    tickets = [ticket(client, klass, float(number * 20)) for number, (client, klass) in enumerate(arrivals)]
    one = data.draw(st.sampled_from(tickets))
    made = line(*tickets, shares=shares)
    assert made.ahead_of(one, now) == drained(line(*tickets, shares=shares), now).index(one)
