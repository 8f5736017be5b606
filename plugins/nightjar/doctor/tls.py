"""Whether a port that is asked for TLS speaks it. One that does not is silent, and clients wait for it for long."""

from __future__ import annotations

import contextlib
import socket
import ssl
from urllib.parse import urlsplit

from nightjar.errors import NightjarError
from nightjar.rules import place

_TIMEOUT_S = 5.0


def shake_hands(kv_url: str) -> None:
    """Raises NightjarError where `rediss://` is the address of a port without TLS. Whatever else may be wrong there the
    client says itself, with its remedy."""
    parts = urlsplit(kv_url)
    if parts.scheme != "rediss":
        return
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whose it is the client looks at itself
    with contextlib.ExitStack() as stack:
        try:
            plain = stack.enter_context(socket.create_connection((parts.hostname, parts.port or 6379), _TIMEOUT_S))
        except OSError:
            return
        try:
            context.wrap_socket(plain).close()
        except TimeoutError as error:
            raise NightjarError(
                f"{place(kv_url)} asks for TLS, and its port does not speak it within {_TIMEOUT_S:.0f} s",
                "Write redis:// in NIGHTJAR_KV_URL, or turn on TLS at the store's port",
            ) from error
        except OSError:
            return
