"""Authentication schemes: what may stand before credentials and is no credential itself (RFC 9110 section 11.1)."""

# Those of IANA's registry, and those that services made up; a pattern, to be matched in any case.
SCHEMES = (
    r"basic|bearer|concealed|digest|dpop|gnap|hoba|mutual|negotiate|oauth|privatetoken|scram-sha-(?:1|256)|vapid"
    r"|api-?key|api-?token|aws4?(?:-[a-z0-9]+-sha256)?|bot|client-id|geniekey|googlelogin|hawk|hmac|hmac-sha256|jwt"
    r"|kerberos|key|klaviyo-api-key|mac|ntlm|sentry|sharedaccesssignature|sharedkey(?:lite)?|signature|splunk|ssws|token"
    r"|zoho-oauthtoken"
)
