"""The short form of `make fuzz`, with every bomb in it."""

from random import Random

from infrastructure.local.stack import Stack
from tests.fuzz.bodies import MUTATIONS, Body, body
from tests.fuzz.bombs import BOMBS
from tests.fuzz.campaign import Campaign
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import GATEWAY_SECONDS

COUNT = 60  # beside the bombs; `make fuzz` sends 20,000, and a unit test reads 1,500 without HTTP
MOST_MEGABYTES = 340  # for one image: what its settings allow, and what the allocator keeps beside


def test_hostile_images_are_refused_or_read_and_harm_nobody(stack: Stack, local: System) -> None:
    (api,) = (part for part in stack.parts if part.name == "API")
    campaign = Campaign(local, api)
    campaign.run(body(1, number, MUTATIONS) for number in range(COUNT))
    bombs = [Body(kind, bomb(Random(0)), "image/png") for kind, bomb in BOMBS.items()]
    campaign.run(bombs, through=["API"])  # which hands them to the model
    assert campaign.findings == []
    assert [part.statuses.total() for part in campaign.parts.values()] == [COUNT + len(bombs), COUNT]
    for part in campaign.parts.values():
        assert part.seconds.amount < GATEWAY_SECONDS
        assert part.megabytes.amount < MOST_MEGABYTES
