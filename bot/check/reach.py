"""Which addresses may be told a secret, and why one was not reached: a sentence for each cause."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

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


@dataclass(frozen=True, slots=True)
class Trouble:
    text: str
    to_do: str


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
            case socket.gaierror() | UnicodeError():
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
