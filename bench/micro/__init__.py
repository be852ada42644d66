"""Micro-benchmarks of the wire core: no sockets, no server, one thread.

`pytest bench/micro` times it (pytest-benchmark); `python -m bench.micro.counts` counts its instructions under
callgrind, which does not depend on how busy the machine is, and compares them with counts.json.
"""
