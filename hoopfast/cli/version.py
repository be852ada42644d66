"""`hoopfast version`: which hoopfast, on which Python. Imports nothing that takes time."""

from __future__ import annotations

import platform

from hoopfast import __version__

EXAMPLE = """
Examples:

  hoopfast version
"""


def version() -> None:
    """Print the version."""
    print(f"hoopfast {__version__} (Python {platform.python_version()})")


version.__doc__ = f"{version.__doc__}\n{EXAMPLE}"
