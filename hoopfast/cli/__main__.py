"""`python -m hoopfast.cli`: the same as `hoopfast`, for where the script is not on the path."""

from hoopfast.cli.app import main

main()
