"""Sealed secrets open only for their owner and with the right master key."""

from __future__ import annotations

import hashlib
import string
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import DecryptionFailed, SetupError
from ringback.ids import new_secret
from ringback.signing.ed25519 import new_key_pair
from ringback.signing.sealing import Sealer, is_sealed, key_id_of

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SEALER = Sealer([KEY])
SEALED = SEALER.seal(SECRET, owner="studio")
# As rows have it: a change of the form must go on opening it.
WRITTEN = (
    "sealed:v1:5ed3dc313862:"
    "AAAAAAAAAAAAAAAAedTGu9ZzzttD+ZBHIGvawKMxAiRC1DBruNf/05+2MmQC"
    "PqrdeYVgxDUh4GsDrBKcxMeBYhHV"
)

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(secret=texts.filter(lambda text: not is_sealed(text)), owner=texts)
def test_what_is_sealed_opens_for_its_owner(secret: str, owner: str) -> None:
    sealed = SEALER.seal(secret, owner=owner)
    assert is_sealed(sealed)
    assert SEALER.unseal(sealed, owner=owner) == secret


def test_a_sealed_text_is_version_key_id_and_aes_gcm() -> None:
    header, _, encoded = SEALED.rpartition(":")
    key_id = hashlib.sha256(b"ringback master key\0" + KEY).hexdigest()[:12]
    assert header == f"sealed:v1:{key_id}"
    assert key_id_of(KEY) == SEALER.key_id == key_id
    raw = b64decode(encoded, validate=True)
    opened = AESGCM(KEY).decrypt(raw[:12], raw[12:], f"{header}:studio".encode())
    assert opened == SECRET.encode()


def test_what_was_sealed_once_opens_for_ever() -> None:
    sealed = Sealer([KEY], random_bytes=bytes).seal(SECRET, owner="studio")
    assert sealed == WRITTEN
    assert SEALER.unseal(WRITTEN, owner="studio") == SECRET


def test_the_secret_does_not_show() -> None:
    for part in (SECRET, SECRET.removeprefix("whsec_")):
        assert part not in SEALED
        assert part.encode() not in b64decode(SEALED.rpartition(":")[2])
    assert KEY.hex() not in repr(SEALER)
    assert repr(SEALER) == f"Sealer({SEALER.key_id})"


def test_nonces_differ() -> None:
    sealed = {SEALER.seal(SECRET, owner="studio").rpartition(":")[2] for _ in range(1_000)}
    assert len({b64decode(text)[:12] for text in sealed}) == 1_000


def test_no_character_of_a_sealed_text_can_be_another() -> None:
    for position, character in enumerate(SEALED):
        for other in string.printable + "é\0":
            if other != character:
                changed = SEALED[:position] + other + SEALED[position + 1 :]
                with pytest.raises(DecryptionFailed):
                    SEALER.unseal(changed, owner="studio")


def test_no_bit_of_what_is_sealed_can_be_another() -> None:
    header, colon, encoded = SEALED.rpartition(":")
    raw = b64decode(encoded)
    for position in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(DecryptionFailed):
            SEALER.unseal(header + colon + b64encode(changed).decode(), owner="studio")


def test_a_sealed_text_can_be_neither_cut_nor_lengthened() -> None:
    for end in range(len(SEALED)):
        with pytest.raises(DecryptionFailed):
            SEALER.unseal(SEALED[:end], owner="studio")
        with pytest.raises(DecryptionFailed):
            SEALER.unseal(SEALED[end + 1 :], owner="studio")
    for more in ("=", "A", "AAAA", "\n", " "):
        with pytest.raises(DecryptionFailed):
            SEALER.unseal(SEALED + more, owner="studio")


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    for tried in (text, f"sealed:v1:{SEALER.key_id}:{text}", SEALED + text + "x"):
        with pytest.raises(DecryptionFailed):
            SEALER.unseal(tried, owner="studio")


@pytest.mark.parametrize("owner", ["", "Studio", "studio ", "studi", "other"])
def test_another_owners_secret_does_not_open(owner: str) -> None:
    with pytest.raises(DecryptionFailed, match="another's"):
        SEALER.unseal(SEALED, owner=owner)


def test_an_unknown_master_key_is_named_with_what_to_do() -> None:
    with pytest.raises(SetupError, match=f"{SEALER.key_id}.*master.key.*RINGBACK_MASTER_KEY"):
        Sealer([OTHER_KEY]).unseal(SEALED, owner="studio")


def test_another_key_of_the_same_id_does_not_open() -> None:
    other = Sealer([OTHER_KEY])
    claimed = SEALED.replace(SEALER.key_id, other.key_id)
    with pytest.raises(DecryptionFailed, match="changed"):
        other.unseal(claimed, owner="studio")


def test_the_errors_show_neither_secret_nor_sealed_text() -> None:
    for sealer, text in ((Sealer([OTHER_KEY]), SEALED), (SEALER, SEALED[:-8]), (SEALER, SECRET)):
        with pytest.raises(DecryptionFailed) as refused:
            sealer.unseal(text, owner="studio")
        assert "studio" in str(refused.value)
        assert text[-20:] not in str(refused.value)


def test_the_first_master_key_seals_and_all_unseal() -> None:
    both = Sealer([OTHER_KEY, KEY])
    assert both.unseal(SEALED, owner="studio") == SECRET
    sealed = both.seal(SECRET, owner="studio")
    assert Sealer([OTHER_KEY]).unseal(sealed, owner="studio") == SECRET
    with pytest.raises(DecryptionFailed):
        SEALER.unseal(sealed, owner="studio")


def test_a_plain_secret_is_not_unsealed() -> None:
    for plain in (SECRET, new_key_pair().private, ""):
        with pytest.raises(DecryptionFailed, match="not in the form"):
            SEALER.unseal(plain, owner="studio")


@pytest.mark.parametrize("plain", [new_secret(), new_key_pair().private], ids=["whsec", "whsk"])
def test_resealing_seals_the_plain_secrets_of_older_versions(plain: str) -> None:
    sealed = SEALER.reseal(plain, owner="studio")
    assert is_sealed(sealed)
    assert SEALER.unseal(sealed, owner="studio") == plain


def test_resealing_brings_all_to_the_first_master_key_and_ends_there() -> None:
    both = Sealer([OTHER_KEY, KEY])
    resealed = both.reseal(SEALED, owner="studio")
    assert resealed != SEALED
    assert Sealer([OTHER_KEY]).unseal(resealed, owner="studio") == SECRET
    assert both.reseal(resealed, owner="studio") == resealed


@pytest.mark.parametrize("stored", ["", "secret", SEALED[:-4], SEALED.replace("v1", "v2")])
def test_resealing_refuses_what_it_does_not_know(stored: str) -> None:
    with pytest.raises(DecryptionFailed):
        SEALER.reseal(stored, owner="studio")


def test_resealing_opens_even_what_it_leaves_as_it_is() -> None:
    with pytest.raises(DecryptionFailed, match="another's"):
        SEALER.reseal(SEALED, owner="other")


def test_nothing_is_sealed_twice() -> None:
    with pytest.raises(ValueError, match="already"):
        SEALER.seal(SEALED, owner="studio")


@pytest.mark.parametrize("keys", [[], [b""], [bytes(16)], [KEY, bytes(31)], [bytes(33)]])
def test_a_sealer_takes_keys_of_32_bytes_alone(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)
