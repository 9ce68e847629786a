from store.deactivated import Deactivated


async def test_marks_are_these_and_no_others(database):
    rows = Deactivated(database)
    await rows.save({("m:1", None), ("m:1", "a")})
    assert set(await rows.load()) == {("m:1", None), ("m:1", "a")}
    await rows.save({("n:1", "b")})
    assert await rows.load() == [("n:1", "b")]
    await rows.save(())
    assert await rows.load() == []
