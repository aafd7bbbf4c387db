"""HTTP/1.1 as COS clients need it: the connection protocol that uvicorn runs for every socket.

ASGI servers in general lower-case header names, decode the target and answer malformed requests in plain
text. Here names leave in their usual case, targets arrive raw and in either form, and every error is a COS
document.
"""

from openmogr.wire.connection import REFUSED_IN_WORDS, CosProtocol
from openmogr.wire.errors import ERROR_TYPE, RequestIds, error_document

__all__ = ["ERROR_TYPE", "REFUSED_IN_WORDS", "CosProtocol", "RequestIds", "error_document"]
