"""python -m infrastructure.aws plan | deploy | status | destroy --stage dev: one stage on AWS.

plan       shows what a deployment would change, and what the stage costs
deploy     makes the stage, or brings it to what lies in this folder; interrupted, it just runs again
status     shows what is there and how it does
destroy    removes the stage; what people sent is kept, unless --delete-data says otherwise
"""

import argparse
import signal
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import FrameType

from rich.console import Console
from rich.table import Table

from infrastructure.aws import account, functions, image, job, prices, smoke, steps
from infrastructure.aws.clients import Clients
from infrastructure.aws.errors import DeploymentError, answered_by_aws
from infrastructure.aws.release import Release
from infrastructure.aws.stages import STAGES, Stage
from infrastructure.aws.status import rows
from infrastructure.aws.teardown import Teardown
from infrastructure.terminal import be_lenient

console = Console(markup=False, emoji=False)  # names of folders, and errors, are no markup


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""
    commands = {"plan": plan, "deploy": deploy, "status": status, "destroy": destroy}
    options = _parser(commands).parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with answered_by_aws():
            clients = Clients.of(account.open_session(options.region))
            commands[options.command](STAGES[options.stage], clients, options)
    except DeploymentError as error:
        console.print(str(error), style="bold red", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print(
            "Interrupted. What AWS has begun, it ends. Run the same command again: it goes on from there."
        )
        return 130
    return 0


def _parser(commands: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.aws",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Credentials are found as the AWS command line finds them: AWS_PROFILE, `aws configure`, …",
    )
    parser.add_argument("command", choices=tuple(commands))
    parser.add_argument(
        "--stage", required=True, choices=STAGES, help="which stage; stages.py says how large each is"
    )
    parser.add_argument("--region", help="which region, if not the one that is configured")
    parser.add_argument("--rebuild", action="store_true", help="deploy an image on the newest base")
    parser.add_argument("--yes", action="store_true", help="destroy without asking")
    parser.add_argument("--delete-data", action="store_true", help="destroy what people sent as well")
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _release(stage: Stage, clients: Clients, rebuilt: str = "") -> Release:
    return Release(
        stage,
        clients,
        engine=image.ContainerEngine.find,
        api=lambda bucket: functions.Functions(clients, stage.name, bucket),
        package=job.Package.find,
        try_out=smoke.try_out,
        rebuilt=rebuilt,
    )


def deploy(stage: Stage, clients: Clients, options: argparse.Namespace) -> None:
    today = datetime.now(UTC).date().isoformat()
    release = _release(stage, clients, today if options.rebuild else "")
    steps.run(release.steps(), _say)
    _say(f"\nThe page: {release.page}")


def plan(stage: Stage, clients: Clients, _options: argparse.Namespace) -> None:
    for stack, changes in _release(stage, clients).plan().items():
        _say(f"{stack}: {len(changes) or 'no'} changes")
        for change in changes:
            replaced = ", by another" if change.replaced else ""
            _say(f"    {change.action} {change.resource} ({change.type}){replaced}")
    console.print(_costs(f"{stage.name} at rest, a month", prices.at_rest(stage)))
    console.print(_costs("A million images on top", prices.per_million()))
    _say(f"List prices of us-east-1 in US dollars as of {prices.AS_OF}; yours may differ.")


def status(stage: Stage, clients: Clients, _options: argparse.Namespace) -> None:
    table = Table(show_header=False)
    for what, how in rows(stage, clients):
        table.add_row(what, how)
    console.print(table)


def destroy(stage: Stage, clients: Clients, options: argparse.Namespace) -> None:
    account.identify(clients)
    what = "with all that people sent" if options.delete_data else "but for what people sent"
    if not options.yes and _typed(f"Remove {stage.name}, {what}? Type its name: ") != stage.name:
        raise DeploymentError("Nothing was removed.")
    steps.run(Teardown(stage, clients, options.delete_data).steps(), _say)


def _typed(question: str) -> str:
    try:
        return console.input(question)
    except EOFError:  # ctrl-D, or nobody is there
        return ""


def _costs(title: str, items: list[prices.Item]) -> Table:
    table = Table(title=title, title_justify="left", show_footer=True)
    table.add_column("", "in all")
    table.add_column("quantity", justify="right")
    table.add_column("price, $", justify="right")
    table.add_column("$", f"{prices.total(items):.2f}", justify="right")
    for item in items:
        price = f"{prices.PRICES[item.price]:.10f}".rstrip("0")
        table.add_row(item.what, f"{item.quantity:,.0f}", f"{price} / {item.unit}", f"{item.dollars:.2f}")
    return table


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    be_lenient()
    sys.exit(main())
