from hypothesis import given
from hypothesis import strategies as st

from accuracy_job.engines.spark import SPLITS_PER_TASK, dealt


@given(st.integers(1, 2000), st.integers(1, 64))
def test_every_split_is_in_one_task_and_no_core_is_without(splits: int, cores: int) -> None:
    tasks = dealt(range(splits), cores)
    assert sorted(split for task in tasks for split in task) == list(range(splits))
    assert len(tasks) >= min(splits, cores)
    assert 1 <= min(map(len, tasks)) <= max(map(len, tasks)) <= SPLITS_PER_TASK


@given(st.integers(1, 2000), st.integers(1, 64))
def test_cores_have_the_same_number_of_tasks(splits: int, cores: int) -> None:
    tasks = dealt(range(splits), cores)
    assert len(tasks) == splits or len(tasks) % cores == 0


def test_neighbours_go_to_different_tasks() -> None:
    assert list(map(list, dealt(range(5), 2))) == [[0, 2, 4], [1, 3]]
