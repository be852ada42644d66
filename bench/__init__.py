"""Benchmarks: micro/ (the wire core without sockets) and, here, the gateway end to end beside its neighbours.

`python -m bench` is what `make bench` runs. A user of hoopfast like any other; nothing of hoopfast imports it.
"""
