"""The operator's keys, and their rotation."""

import pytest

from shared.secret_keys import SecretKeys

OLD, NEW = "o" * 32, "n" * 32


def test_what_an_older_key_encrypted_is_decrypted_after_a_rotation() -> None:
    token = SecretKeys([OLD]).encrypt("whsec_1")
    assert SecretKeys([NEW, OLD]).decrypt(token) == "whsec_1"


def test_the_first_key_encrypts() -> None:
    token = SecretKeys([NEW, OLD]).encrypt("whsec_1")
    assert SecretKeys([NEW]).decrypt(token) == "whsec_1"


def test_a_token_of_a_key_that_is_gone_is_refused() -> None:
    token = SecretKeys([OLD]).encrypt("whsec_1")
    with pytest.raises(ValueError, match="FLUXIMAGE_SECRET_KEYS"):
        SecretKeys([NEW]).decrypt(token)


def test_a_link_signed_with_an_older_key_is_verified_after_a_rotation() -> None:
    assert SecretKeys([NEW, OLD]).verify("link", SecretKeys([OLD]).sign("link"))


@pytest.mark.parametrize(
    ("text", "signature"), [("other", None), ("link", "0" * 64), ("link", "é")]
)
def test_a_signature_of_another_text_or_no_signature_is_refused(
    text: str, signature: str | None
) -> None:
    keys = SecretKeys([OLD])
    assert not keys.verify(text, signature or keys.sign("link"))
