"""Whether a text needs looking at for secrets, told in a moment."""

from telemock.analysis.pattern_set import PatternSet

# Something of this is in all that holds a secret which the rules know.
_MAY_HOLD = PatternSet(
    r"(?i)pass|pw|pswd|phrase|secret|token|key|auth|cred|bearer|sessid|jsessionid|net_sessionid|connect\.sid"
    r"|[?&]sig|signature|akia|asia|abia|acca|csrf|xsrf|mfa|otp[^a-z]|(?:^|[^a-z])pin[^a-z]|cvv|cvc|cvn|csc"
    r"|(?:^|[^a-z])(?:pat|psk)[^a-z]|cookie|assertion|saml|hmac|jwt|headers|codes?(?:[=:\"<>\\]|[_-]?verifier)|redirect_uri|honeycomb|(?:^|[^a-z])(?:sig|sas|dpop)[=\"]"
    r"|eyj|gh[pousr]_|github_pat|gl[a-z]{2,5}-|gr1348941|sk-|k_live_|xox[a-z]|private|pypi-|sg\.|sq0csp|slack|softlayer"
    r"|cloudant|aiza|npm_|hv[sb]\.|dop_v1|shp[acs]|glsa_|hf_[a-z]{34}|dapi[0-9a-f]|nrak|pmak|dt0c01|ya29|lin_api"
    r"|dckr_|phx_|atatt3|figd_|gsk_|whsec_|sbp_|rubygems_|pul-|sntrys_|a3t[a-z0-9]|-us\d|[0-9](?::|%3a)[\w-]{30}|(?:://|%3a%2f%2f)[^\s/:@]*(?:(?::|%3a)[^\s@]*)?(?:@|%40)"
    r"|services/t|webhooks/|[\w-]{24}\.[\w-]{6}\.|(?-i:(?:AC|SK)[a-z0-9]{32})|(?-i:AKC)[a-z0-9]"
    r"|(?-i:AP[0-9A-F])[a-z0-9]{4}|(?-i:Basic)(?: |\+|%20)"
)


def may_hold_secret(text: str | bytes) -> bool:
    """Return whether there is something in a text that is in all that hold a secret which the rules know."""
    return bool(_MAY_HOLD.found_in(text))
