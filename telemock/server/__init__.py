"""This is the traffic: sockets in, answers out, everything captured between; with admin the only owner of aiohttp."""
