"""This is the certificate authority: clients that trust it take telemock for any host; only owner of cryptography."""
