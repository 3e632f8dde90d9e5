"""What is checked of arguments before work that takes minutes."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Return a whole number from 1 on; for argparse, which names what is none."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """Return a whole number from 0 on, likewise."""
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    number = int(text)
    if number < least:
        raise ArgumentTypeError(f"{text} is less than {least}")
    return number
