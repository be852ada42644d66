"""hoopfast: a gateway between machine identities and PostgreSQL. docs/life-of-a-row.md is where to begin reading."""

__version__ = "0.1.0"  # as in pyproject.toml; reading it from the installed metadata would cost each start 20 ms
