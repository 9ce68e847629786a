from models import Stage
from operations.retention import Retention
from store.files import Files
from store.outbox import Outbox
from store.state import State


async def test_what_has_had_its_time_is_gone_from_database_and_disk(database, jobs, values, clock, ticking, tmp_path):
    files = Files(tmp_path)
    files.prepare()
    job_id = values()["id"]
    incoming = files.receive(job_id)
    await incoming.write(b"conteudo do documento")
    await incoming.keep()
    await jobs.create(values(prompt="pergunta confidencial"))
    for stage in Stage:
        await jobs.claim(job_id, stage, "boot")
        contents = [(1, b'"texto confidencial da pagina"')] if stage is Stage.EXTRACTION else []
        await jobs.advance(job_id, stage, "boot", {"answer": '"resposta confidencial"'}, contents)
    retention = Retention(database, jobs, files, Outbox(database, clock), State(database, clock), clock)
    assert await retention.erase_expired() == 0
    assert files.path(job_id).exists()
    ticking.time += 3601
    assert await retention.erase_expired() == 1
    assert not files.path(job_id).exists()
    assert await jobs.get(job_id, None) is None
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"confidencial" not in left and b"conteudo do documento" not in left
