"""What is masked wherever exchanges are listed: what opens doors, in header fields, cookies, queries, paths and bodies.

All functions here may be called from any thread.
"""

from telemock.analysis.replacement import Replacement, is_fingerprint
from telemock.analysis.sensitive import masked


def _mask(secret: str) -> str:
    return secret if is_fingerprint(secret) else masked(secret)


_MASKING = Replacement(_mask, lambda _body: b"(masked, as it holds a secret)", looks_inside=False)

masked_exchange = _MASKING.exchange
masked_parts = _MASKING.parts
masked_path = _MASKING.path
masked_params = _MASKING.params
masked_read = _MASKING.read
masked_text = _MASKING.text
masked_value = _MASKING.value
