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

    def close(self) -> None:
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
    assert (load.answers, len(load.latencies)) == (4, 3)


@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize("seconds", [0.5, 1.2, 3.0, 30.0])
@pytest.mark.parametrize("began", [11.0, 11.7])
def test_a_server_has_its_true_rate_however_few_answers_it_gives_and_however_many_at_once(
    at_once: int, seconds: float, began: float
) -> None:
    load = Load(seconds, waited_for=0, began=began)
    for turn in range(40):
        for _ in range(at_once):
            load.note(1.2 * turn, 1.2 * (turn + 1), is_first=False)
    assert load.rate == pytest.approx(at_once / 1.2)


def test_a_server_that_falls_silent_has_the_rate_of_all_the_time() -> None:
    load = Load(3.0, waited_for=0, began=10.0)
    for number in range(100):
        load.note(10 + 0.005 * number, 10 + 0.005 * (number + 1), is_first=False)
    assert load.rate == pytest.approx(100 / 3)


def test_who_never_gets_an_answer_is_a_failure() -> None:
    async def failures() -> int:
        silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
        async with silent:
            return (await run(silent.sockets[0].getsockname()[1], b"", 3, 0.0, patience=0.01)).failures

    assert asyncio.run(failures()) == 3


def test_who_is_cut_off_when_the_time_is_over_is_a_failure() -> None:
    async def failures() -> int:
        load = Load(seconds=0.0, waited_for=1)
        client = Client(b"", load)
        client.connection_made(Wire())
        load.begin()
        client.connection_lost(None)
        return load.failures

    assert asyncio.run(failures()) == 1


def test_who_has_been_answered_and_leaves_is_none() -> None:
    async def failures() -> int:
        load = Load(seconds=0.0, waited_for=1)
        client = Client(b"", load)
        client.connection_made(Wire())
        client.data_received(ANSWER)
        client.connection_lost(None)
        return load.failures

    assert asyncio.run(failures()) == 0


def test_without_an_answer_the_rate_is_0() -> None:
    assert Load(seconds=3.0, waited_for=1).rate == 0


@pytest.mark.parametrize(("seconds", "is_known"), [(60.0, True), (0.0, False)])
def test_how_long_somebody_was_left_waiting_is_known_only_if_it_ended_before_the_others_did(
    seconds: float, *, is_known: bool
) -> None:
    async def left_waiting() -> Load:
        load = Load(seconds, waited_for=2)
        client = Client(b"", load)
        client.connection_made(Wire())
        load.begin()
        client.data_received(ANSWER)
        return load

    load = asyncio.run(left_waiting())
    assert load.starved == 2
    assert [math.isfinite(latency) for latency in load.latencies] == [is_known]
