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
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("HOOPFAST_DEBUG", "") not in ("", "0")
BUILD = Path("build", "debug" if DEBUG else "release")
MODE = Path("build", "mode")
JOBS = os.cpu_count() or 1

COMPILE_ARGUMENTS = ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g1", "-fno-semantic-interposition"]
MACROS: list[tuple[str, str | None]] = [("HOOPFAST_DEBUG", "1"), ("CYTHON_TRACE_NOGIL", "1")] if DEBUG else []


class BuildExtensions(build_ext):  # type: ignore[misc]
    """Builds anew what was built in the other mode: setuptools compares times only, and would keep it."""

    def run(self) -> None:
        """Build, and put down in which mode."""
        mode = "debug" if DEBUG else "release"
        if not MODE.exists() or MODE.read_text() != mode:
            self.force = True
            MODE.unlink(missing_ok=True)
        super().run()
        MODE.parent.mkdir(exist_ok=True)
        MODE.write_text(mode)


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
        cmdclass={"build_ext": BuildExtensions},
        options={"build_ext": {"parallel": JOBS}},
    )
