"""Where each microsecond of a query goes: `python -m bench.profile`, which is what `make profile` runs.

Samples the running gateway with perf, counts its instructions under callgrind and its system calls with strace, each
where it is installed, while pgbench or a client of our own asks; and shows all of it by what the work is for.
"""
