"""Which addresses may be told a secret, and why one was not reached: a sentence for each cause."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
import httpx

# OpenSSL's numbers for what is wrong with a certificate (its X509_V_ERR_…).
_CERTIFICATE_FAULTS = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "it is self-signed",
    20: "this machine does not know who issued it",
    21: "this machine does not know who issued it",
    62: "it was made out to another host name",
    64: "it was made out to another address",
}
# What HTTP clients read from the environment by themselves, beside SSL_CERT_FILE.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Trouble:
    """`is_passing`: it is theirs, and over by itself as a rule."""

    text: str
    to_do: str
    is_passing: bool = False


class UnreachableError(Exception):
    """No answer came that could be used; `trouble` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def keeps_secrets(url: str) -> bool:
    """Whether nobody on the way can read what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def host_of(url: str) -> str:
    """Give the host alone: whatever else an address holds may be secret."""
    return urlsplit(url).hostname or "?"


def trouble_of(error: BaseException, url: str) -> Trouble:
    """Say what kept a call from being answered, from whatever an HTTP client raised."""
    host = host_of(url)
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return _certificate_trouble(cause, host)
            case ssl.SSLError():
                return Trouble(
                    f"{host} does not speak TLS as it should.",
                    "Correct the address and its port; see that nothing on the way breaks TLS up.",
                )
            case aiohttp.InvalidURL():  # ours was looked at when the settings were read
                return _proxy_trouble()
            case UnicodeEncodeError(encoding="ascii") | httpx.LocalProtocolError():
                return Trouble(
                    f"nothing was sent to {host}, for the key or token has a character in it that "
                    "no header can hold, such as a line's end or a no-break space.",
                    "Copy the key or token anew, without anything around it.",
                )
            case socket.gaierror() | UnicodeError():  # the latter for a host's name
                return Trouble(
                    f"the name {host} is not found in the DNS.",
                    "Correct the address, or this machine's DNS.",
                )
            case ConnectionRefusedError():
                return Trouble(
                    f"no connection: nothing listens at this port of {host}.",
                    "Correct the address and its port, or start what should be there.",
                )
            case TimeoutError() | httpx.TimeoutException():
                return Trouble(
                    f"{host} gives no answer in time.",
                    "See whether a firewall or a proxy is in the way, then run this again.",
                )
    return Trouble(
        f"the connection to {host} broke without an answer.",
        "See whether a firewall or a proxy is in the way, then run this again.",
    )


def trouble_of_client(error: Exception) -> Trouble:
    """Say what in the environment keeps an HTTP client from being made at all."""
    if isinstance(error, OSError):  # as those of TLS are
        return Trouble(
            "the certificates that SSL_CERT_FILE names cannot be loaded.",
            "Name a file in PEM format there that this user may read, or leave it unset.",
        )
    return _proxy_trouble()


def trouble_of_proxies() -> Trouble | None:
    """Say what is wrong with the environment's proxies, if one of them is no address at all."""
    proxies = (address for kind, address in getproxies().items() if kind != "no")
    return None if all(map(_is_address, proxies)) else _proxy_trouble()


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False


def _proxy_trouble() -> Trouble:
    return Trouble(
        f"no connection can be made with what {_proxies()} says.",
        "Write a proxy as http://host:port (SOCKS is not supported), and in NO_PROXY names and "
        "addresses, without brackets; or leave them unset.",
    )


def _proxies() -> str:
    """Name those that are set; what they say is not told, for an address may hold a password."""
    found = sorted(name for name in os.environ if name.upper() in _PROXIES)
    return " or ".join(found or _PROXIES)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """HTTP clients wrap what happened; aiohttp in errors that pass for it, and say less."""
    following: BaseException | None = error
    seen: set[int] = set()
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        if not isinstance(following, aiohttp.ClientConnectorError):
            yield following
        following = following.__cause__ or following.__context__


def _certificate_trouble(error: ssl.SSLCertVerificationError, host: str) -> Trouble:
    fault = _CERTIFICATE_FAULTS.get(error.verify_code, error.verify_message)
    return Trouble(
        f"the certificate of {host} is not valid: {fault}.",
        "Correct the address, have the certificate replaced, or (where the issuer is your own) "
        "name its certificate in SSL_CERT_FILE. See that this machine's clock is right.",
    )
