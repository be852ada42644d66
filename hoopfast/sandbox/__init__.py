"""Throwaway PostgreSQL, development issuer, sample clinic: what `demo`, `sandbox` and the tests start.

A user of the gateway, never a part of it: nothing under hoopfast/ but cli/ imports this package. It owns the processes
and folders that it starts and leaves none behind. It refuses to know the wire protocol, sessions and policies.
"""
