import pytest

from chalice_app.breaker import Breaker


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(threshold=2, open_seconds=5, clock=clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_fewer_failures_than_the_threshold_keep_it_closed(breaker: Breaker) -> None:
    fail(breaker, 1)
    assert breaker.admits()


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert not breaker.admits()


def test_a_success_between_failures_keeps_it_closed(breaker: Breaker) -> None:
    fail(breaker, 1)
    breaker.succeeded()
    fail(breaker, 1)
    assert breaker.admits()


def test_after_a_while_it_admits_one_trial(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 2)
    clock.seconds += 4.9
    assert not breaker.admits()
    clock.seconds += 0.1
    assert [breaker.admits() for _ in range(3)] == [True, False, False]


def test_a_trial_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 2)
    clock.seconds += 5
    assert breaker.admits()
    breaker.succeeded()
    assert [breaker.admits() for _ in range(3)] == [True, True, True]


def test_a_trial_that_fails_leaves_it_open_for_as_long_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 2)
    clock.seconds += 5
    assert breaker.admits()
    clock.seconds += 1
    breaker.failed()
    clock.seconds += 4.9
    assert not breaker.admits()
    clock.seconds += 0.1
    assert breaker.admits()


def test_a_trial_that_never_ends_does_not_keep_it_open_for_ever(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 2)
    clock.seconds += 5
    assert breaker.admits()
    clock.seconds += 5
    assert breaker.admits()
