"""What is checked of arguments before work that takes minutes."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Return a whole number from 1 on; for argparse, which names what is none."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is less than 1")
    return number
