"""A deployment is a list of steps. Each can be repeated: what is done already costs it a look."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from infrastructure.aws.errors import DeploymentError, answered_by_aws
from infrastructure.local.settings import LocalError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    name: str  # what it does, as `Uploading the page`
    run: Callable[[], str]  # does it, and says what came of it
    advice: str  # what to do if it fails


def run(steps: Iterable[Step], say: Say, clock: Callable[[], float] = time.monotonic) -> None:
    """Run the steps in order, saying what each does and how long it took.

    Raises DeploymentError naming the step that failed, with its advice.
    """
    for step in steps:
        say(f"{step.name} …")
        started = clock()
        try:
            with answered_by_aws():
                outcome = step.run()
        except (DeploymentError, LocalError) as error:
            raise DeploymentError(f"{step.name} failed: {error}\n{step.advice}") from error
        say(f"    {outcome} ({clock() - started:.1f} s)")
