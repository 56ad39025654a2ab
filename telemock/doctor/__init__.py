"""This is the doctor: what a client of telemock would meet, from the port to the trust of programs on this machine.

It refuses to change anything, and to send a request that would be captured.
"""
