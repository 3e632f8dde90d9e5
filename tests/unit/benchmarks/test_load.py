"""What comes of a load becomes figures; no server is asked."""

import asyncio
import math

import pytest

from benchmarks.load import Client, Load, run

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """Takes what is asked."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass


async def answered(times: int) -> Load:
    load = Load(seconds=60, waited_for=1)
    client = Client(b"", load)
    client.connection_made(Wire())
    for _ in range(times):
        client.data_received(ANSWER)
    return load


def test_answers_count_from_when_every_connection_has_had_one() -> None:
    load = asyncio.run(answered(times=4))
    assert (load.answers, len(load.answered), len(load.latencies)) == (4, 3, 3)


@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize("turns", [2, 3, 20])
def test_a_server_has_its_true_rate_however_few_answers_it_gives_and_however_many_at_once(
    at_once: int, turns: int
) -> None:
    answered = [10.9 + 1.2 * turn for turn in range(turns) for _ in range(at_once)]
    assert Load(seconds=30.0, waited_for=0, answered=answered).rate == pytest.approx(at_once / 1.2)


def test_who_never_gets_an_answer_is_a_failure() -> None:
    async def failures() -> int:
        silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        async with silent:
            return (await run(silent.sockets[0].getsockname()[1], b"", 3, 0.0, patience=0.01)).failures

    assert asyncio.run(failures()) == 3


def test_fewer_than_two_answers_have_no_rate() -> None:
    assert math.isnan(asyncio.run(answered(times=2)).rate)


def test_no_percentile_is_above_the_slowest_answer() -> None:
    load = Load(seconds=3.0, waited_for=0, latencies=[0.1, 0.3])
    assert load.percentile(50) == pytest.approx(0.2)
    assert 0.29 < load.percentile(99) < 0.3


@pytest.mark.parametrize("latencies", [[], [0.1]])
def test_fewer_than_two_answers_have_no_percentiles(latencies: list[float]) -> None:
    assert math.isnan(Load(seconds=3.0, waited_for=0, latencies=latencies).percentile(99))


def test_who_was_left_waiting_when_the_time_began_waited_all_that_time() -> None:
    async def left_waiting() -> Load:
        load = Load(seconds=60, waited_for=2)
        client = Client(b"", load)
        client.connection_made(Wire())
        load.begin()
        client.data_received(ANSWER)
        return load

    assert len(asyncio.run(left_waiting()).latencies) == 1
