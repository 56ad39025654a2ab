"""Content codings as clients apply them."""

import gzip
import sys
import zlib
from collections.abc import Callable
from functools import partial

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Without the time: processes that share the tests must give them the same names.
gzipped = partial(gzip.compress, mtime=0)

PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzipped,
    "x-gzip": gzipped,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def packed(content: bytes, codings: str) -> bytes:
    """Apply content codings, the first one first."""
    for coding in codings.lower().split(", "):
        content = PACK[coding](content)
    return content


def zstd_with_large_window(content: bytes) -> bytes:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return compressor.compress(content) + compressor.flush()
