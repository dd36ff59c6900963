"""Sealing a backup with age: whoever can write one need not be able to read it.

A backup is sealed to public keys; only a private key, which belongs elsewhere than on this machine, opens it.
Source: age-encryption.org/v1, by pyrage
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyrage
from pyrage.x25519 import Identity, Recipient

from ingest.errors import DamagedStore

_MAGIC = b"age-encryption.org/"


def make_key() -> tuple[str, str]:
    """Return a new private key, and the public key that belongs to it."""
    identity = Identity.generate()
    return str(identity), str(identity.to_public())


def read_recipients(keys: Sequence[str]) -> list[Recipient]:
    """Raises: ValueError for what is no public key"""
    found = []
    for key in keys:
        try:
            found.append(Recipient.from_str(key.strip()))
        except pyrage.RecipientError as error:
            raise ValueError(f"key {key[:12]!r}: expected a public key of age, which begins with age1") from error
    return found


def read_identities(path: Path) -> list[Identity]:
    """Return the private keys of a file, one a line. Raises: ValueError that never says what was found; OSError"""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    try:
        found = [Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError as error:
        raise ValueError(f"{path}: expected private keys of age, one a line, each beginning with AGE-SECRET-KEY-") from error
    if not found:
        raise ValueError(f"{path}: expected a private key of age, found none")
    return found


def is_sealed(file: BinaryIO) -> bool:
    """Whether a file is sealed; it is read from its beginning afterwards."""
    head = file.read(len(_MAGIC))
    file.seek(0)
    return head == _MAGIC


def seal(write: Callable[[BinaryIO], None], file: BinaryIO, recipients: Sequence[Recipient]) -> None:
    """Call `write` with a file, and seal what it writes, without a copy of it anywhere.

    Raises: what `write` raises; OSError if the file takes no more
    """
    reading, writing = os.pipe()

    def run() -> None:
        with os.fdopen(writing, "wb") as plain:
            write(plain)

    with ThreadPoolExecutor(max_workers=1) as pool:
        # Closed before it is waited for: whoever still writes into the pipe is told that nobody reads.
        with os.fdopen(reading, "rb") as plain:
            written = pool.submit(run)
            try:
                pyrage.encrypt_io(plain, file, list(recipients))
            except pyrage.EncryptError as error:
                raise OSError(f"sealing the backup: {error}") from error
        written.result()


@contextmanager
def opened(file: BinaryIO, identities: Sequence[Identity], scratch: BinaryIO) -> Iterator[BinaryIO]:
    """Yield what was sealed; `scratch` holds it meanwhile. Raises: DamagedStore if no key fits, or a byte is another"""
    try:
        pyrage.decrypt_io(file, scratch, list(identities))
    except pyrage.DecryptError as error:
        raise DamagedStore(f"the backup: none of the keys opens it: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedStore(f"the backup: it was changed or cut short since it was sealed: {error}") from error
    scratch.seek(0)
    yield scratch
