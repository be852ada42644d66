"""The conversation wherever it needs thought: synchronous, without I/O. boundary.py and effects.py are its edges."""
