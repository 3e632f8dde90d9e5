"""What a digit is in JSON: an integer from 0 to 9. Neither 7.0, "7" nor true."""

from typing import TypeGuard

DIGITS = range(10)


def is_digit(value: object) -> TypeGuard[int]:
    return type(value) is int and value in DIGITS
