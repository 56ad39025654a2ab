"""This is what captured exchanges tell: which fields there are, what kind they are, how they behave, what is in them.

It refuses to read a database, a clock or a socket: it is given exchanges, and gives back what it learnt.
"""
