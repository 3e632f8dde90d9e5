"""Who writes: a person is known only by the SHA-256 of the token that their page made."""

import hashlib
import math
import re

from chalice_app.problems import Problem

MIN_TOKEN_BITS = 128
MAX_TOKEN_CHARACTERS = 512
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # token68, RFC 9110
# The alphabets that random tokens are written in, smallest first, with their number of characters.
_ALPHABETS = ((re.compile(r"[0-9]+"), 10), (re.compile(r"[0-9a-f]+|[0-9A-F]+"), 16), (_TOKEN, 64))


def writer_of(authorization: str | None) -> str:
    """Return the writer, 64 hexadecimal digits, behind an `Authorization` header.

    Raise Problem 401 if the header is missing, is no bearer token, or the token is too long or guessable.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise _unauthorized("Send `Authorization: Bearer <token>`, with a random token of your own.")
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise _unauthorized(f"The token is too long: at most {MAX_TOKEN_CHARACTERS} characters are taken.")
    if _bits(token) < MIN_TOKEN_BITS:
        raise _unauthorized(
            f"The token must be random, of at least {MIN_TOKEN_BITS} bits: 32 hexadecimal digits or more."
        )
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def _bits(token: str) -> float:
    """Return the most entropy that a token can have, in bits; 0 for one that repeats few characters."""
    random_part = token.rstrip("=")
    if len(set(random_part)) < 8:  # 22 random base64 characters have fewer once in 10^12
        return 0
    size = next(size for alphabet, size in _ALPHABETS if alphabet.fullmatch(random_part))
    return len(random_part) * math.log2(size)


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="legible"'})
