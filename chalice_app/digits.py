"""What a digit is: an integer from 0 to 9. Neither "7" nor true; in JSON, 7.0 is read as 7."""

from typing import TypeGuard

DIGITS = range(10)


def is_digit(value: object) -> TypeGuard[int]:
    return type(value) is int and value in DIGITS
