"""Bytes of the PostgreSQL protocol: framing, masking, messages. No I/O, no policy, no session."""
