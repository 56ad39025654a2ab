"""This is what telemock knows of products: their hosts, their identity fields, what their values look like.

It refuses to answer requests; the server does, by the profile's word.
"""
