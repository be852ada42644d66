"""The Cython extension modules: every hoopfast/**/*.pyx, compiled for speed, or (HOOPFAST_DEBUG=1) for finding faults.

Everything else about the project stands in pyproject.toml. A debug build turns on bounds checks, the assertions of
cursor.pxd and buffer.pxd, the overwriting of released memory and line tracing, turns off optimisation, and leaves the
annotated sources (which line costs Python) as HTML under build/debug/.
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("HOOPFAST_DEBUG", "") not in ("", "0")
BUILD = Path("build", "debug" if DEBUG else "release")
MODE = Path("build", "mode")
JOBS = os.cpu_count() or 1

COMPILE_ARGUMENTS = ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g1", "-fno-semantic-interposition"]
MACROS: list[tuple[str, str | None]] = [("HOOPFAST_DEBUG", "1"), ("CYTHON_TRACE_NOGIL", "1")] if DEBUG else []


def mode_changed() -> bool:
    """Whether the last build was of the other kind: setuptools compares times only and would keep its objects."""
    mode = "debug" if DEBUG else "release"
    changed = not MODE.exists() or MODE.read_text() != mode
    MODE.parent.mkdir(exist_ok=True)
    MODE.write_text(mode)
    return changed


def extensions() -> list[Extension]:
    """One extension per .pyx file, named by its path."""
    return [
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            define_macros=MACROS,
            extra_compile_args=COMPILE_ARGUMENTS,
        )
        for source in sorted(Path("hoopfast").glob("**/*.pyx"))
    ]


if __name__ == "__main__":
    setup(
        ext_modules=cythonize(  # type: ignore[no-untyped-call]
            extensions(),
            build_dir=str(BUILD),
            nthreads=JOBS,
            annotate=DEBUG,
            compiler_directives={
                "language_level": "3",
                "auto_pickle": False,
                "autotestdict": False,
                "boundscheck": DEBUG,
                "wraparound": False,
                "initializedcheck": DEBUG,
                "cdivision": True,
                "linetrace": DEBUG,
            },
        ),
        options={"build_ext": {"parallel": JOBS, "force": mode_changed()}},
    )
