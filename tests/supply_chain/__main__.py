"""`make audit`: vulnerabilities, licences and credentials of all that is installed or was ever committed."""

import argparse
import sys

from rich.console import Console

from tests.supply_chain.licences import installed, not_fine
from tests.supply_chain.secrets import credentials, history
from tests.supply_chain.vulnerabilities import UnreachableError, pinned, vulnerabilities

FOUND, UNREACHABLE = 1, 2


def main() -> int:
    """Print what was looked at; return 0, FOUND, or UNREACHABLE where advisories are out of reach."""
    console = Console(highlight=False)
    licences = installed()
    for said in sorted(set(licences.values())):
        packages = [name for name in licences if licences[name] == said]
        console.print(f"[bold]{said or 'none named'}[/]:", ", ".join(packages))
    findings = [f"licence of {what}" for what in not_fine(licences)]
    findings += [f"in the history: {what}" for what in credentials(history())]
    status = 0
    try:
        findings += [f"vulnerable: {what}" for what in vulnerabilities(pinned())]
    except UnreachableError as error:
        console.print(f"\n[yellow]{error}[/]")
        status = UNREACHABLE
    console.print(f"\nfindings: {len(findings)}", *findings, sep="\n")
    return FOUND if findings else status


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(main())
