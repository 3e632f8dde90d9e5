import base64
import hashlib

import pytest

from chalice_app.problems import Problem
from chalice_app.writers import writer_of

_BYTES = hashlib.sha256(b"any").digest()  # as good as random, and the same in every process
HEX = _BYTES[:16].hex()
BASE64 = base64.urlsafe_b64encode(_BYTES).decode().rstrip("=")


@pytest.mark.parametrize("token", [HEX, HEX.upper(), BASE64[:22], BASE64])
def test_a_writer_is_the_sha256_of_the_token(token: str) -> None:
    assert writer_of(f"Bearer {token}") == hashlib.sha256(token.encode()).hexdigest()


def test_the_scheme_is_case_insensitive() -> None:
    assert writer_of(f"bearer {HEX}") == writer_of(f"Bearer {HEX}")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWxhZGRpbjpvcGVuc2VzYW1l",
        f"Bearer {HEX[:30]}",  # 120 bits
        f"Bearer {'a' * 64}",
        f"Bearer {'1234567890' * 3}",
        f"Bearer {HEX} {HEX}",
        f"Bearer {HEX}\n",
        f"Bearer {'ä' * 32}",
    ],
)
def test_a_missing_or_guessable_token_is_refused(header: str | None) -> None:
    with pytest.raises(Problem) as error:
        writer_of(header)
    assert error.value.status == 401
    assert "WWW-Authenticate" in error.value.headers


def test_a_token_that_is_too_long_is_refused_as_such() -> None:
    longest = (HEX * 20)[:512]
    assert writer_of(f"Bearer {longest}")
    with pytest.raises(Problem, match="at most 512 characters") as error:
        writer_of(f"Bearer {longest}0")
    assert error.value.status == 401
