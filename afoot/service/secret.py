"""Secrets: made at random, shown once, kept as hashes; passwords slowly, what is random anyway by one SHA-256."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

TOKEN_PREFIX = "afoot_"  # so that a token in a public place is known for what it is
_TOKEN_BYTES = 32
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
# OWASP's password storage cheat sheet: scrypt with N = 2^15, r = 8, p = 3, about 32 MiB and a fifth of a second.
_COST, _BLOCK, _PARALLEL, _SALT_BYTES = 1 << 15, 8, 3, 16
_MEMORY = 64 << 20


def new_secret() -> str:
    """Return 256 random bits as text that fits into headers, cookies and URLs."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Return what is kept of a password. Raises: ValueError if it is too short or too long"""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"password: expected {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} signs, found {len(password)}")
    salt = secrets.token_bytes(_SALT_BYTES)
    key = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    return f"scrypt${_COST}${_BLOCK}${_PARALLEL}${b64encode(salt).decode()}${b64encode(key).decode()}"


def password_matches(password: str, kept: str) -> bool:
    """Whether it is the password that `hash_password` made `kept` of. Raises: ValueError if `kept` is no such hash"""
    try:
        name, cost, block, parallel, salt, key = kept.split("$")
        parts = int(cost), int(block), int(parallel), b64decode(salt), b64decode(key)
    except (ValueError, NotBase64) as error:
        raise ValueError("a kept password: expected scrypt and its parameters") from error
    if name != "scrypt":
        raise ValueError(f"a kept password: expected scrypt, found {name}")
    found = _scrypt(password[:LONGEST_PASSWORD], parts[3], *parts[:3])
    return hmac.compare_digest(found, parts[4]) and len(password) <= LONGEST_PASSWORD


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=_MEMORY, dklen=32)


# Whoever names an account that is not there must wait as long as for one that is.
NOBODYS = "scrypt$32768$8$3$" + b64encode(bytes(16)).decode() + "$" + b64encode(bytes(32)).decode()


def form_token(secret: str) -> str:
    """Return the token that forms of a session carry: whoever cannot read the cookie cannot make it."""
    return hmac.new(secret.encode(), b"afoot form", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare without telling by the time taken how much of it is right."""
    return hmac.compare_digest(*(each.encode(errors="surrogatepass") for each in (one, other)))
