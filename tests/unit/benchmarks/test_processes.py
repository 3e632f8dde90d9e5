import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import Spent, Tree
from tests.waiting import wait_until

# Starts a process that leaves its group, says its id, and then waits.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
input()
"""


def lives(pid: int) -> bool:
    """Tell whether a process is there, and not only its status, which its new parent has yet to fetch."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_has_left_the_group_of_its_parent_ends_with_it() -> None:
    words = [sys.executable, "-c", PARENT]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout  # a pipe was asked for
        child = int(parent.stdout.readline())
        with Tree(parent.pid).ended():
            assert lives(child)
            parent.kill()
    wait_until(lambda: not lives(child))


def test_what_has_ended_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        tree = Tree(process.pid)
        assert process.wait() == 0
    assert (tree.cpu_seconds(), tree.memory_bytes()) == (0, 0)


def test_what_neither_the_tree_nor_this_process_has_used_others_have() -> None:
    spent = Spent(time=13, cores=18, tree=9, own=5).since(Spent(time=3, cores=2, tree=1, own=1))
    assert (spent.time, spent.others) == (10, 4)


@pytest.mark.parametrize("cores", [0, 11])
def test_others_have_used_no_less_than_nothing(cores: float) -> None:
    assert Spent(time=10, cores=cores, tree=9, own=2).others == 0


def test_a_process_that_works_uses_the_cores() -> None:
    tree = Tree(0)  # which is no process
    before = Spent.now(tree)
    wait_until(lambda: sum(range(10**6)) and Spent.now(tree).since(before).cores > 0)
    spent = Spent.now(tree).since(before)
    assert spent.own > 0
    assert spent.tree == 0
