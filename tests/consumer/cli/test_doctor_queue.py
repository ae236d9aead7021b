"""What the doctor says of a queue."""

from consumer.cli.doctor_queue import queue_findings
from consumer.config.settings import Settings
from tests.support.cloudflare_queue import TOKEN, cloudflare_queue


async def test_without_a_queue_there_is_nothing_to_say() -> None:
    assert await queue_findings(Settings()) == []


async def test_a_queue_that_answers_is_fine_and_keeps_its_messages() -> None:
    async with cloudflare_queue() as fake:
        fake.send({"a": 1})
        settings = Settings.model_validate({"queue": fake.url, "queue_token": TOKEN})
        [finding] = await queue_findings(settings)
        assert finding.state == "ok"
        assert len(fake.pull(10, 1000)["messages"]) == 1


async def test_a_wrong_token_is_degraded_and_says_what_to_check() -> None:
    async with cloudflare_queue() as fake:
        settings = Settings.model_validate({"queue": fake.url, "queue_token": "wrong"})
        [finding] = await queue_findings(settings)
    assert finding.state == "degraded"
    assert "SWAPDROP_QUEUE_TOKEN" in finding.detail
