"""Builds a Cython module that a test needs to call C as C does, and imports it; with the assertions of debug builds.

The structures are those of the product, whichever way it was built: the module uses what stands in its .pxd files.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from Cython.Build import cythonize
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parents[2]


def compiled(source: Path, folder: Path) -> ModuleType:
    """The module that `source` describes; what is built stays in `folder`."""
    name = source.stem
    extension = Extension(
        name,
        [str(source)],
        define_macros=[("HOOPFAST_DEBUG", "1")],
        extra_compile_args=["-O0", "-g", "-UNDEBUG"],
    )
    modules = cythonize(  # type: ignore[no-untyped-call]
        [extension],
        build_dir=str(folder),
        include_path=[str(ROOT)],
        quiet=True,
        compiler_directives={"language_level": "3", "boundscheck": True, "wraparound": False, "cdivision": True},
    )
    command = build_ext(Distribution({"ext_modules": modules}))
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()
    spec = importlib.util.spec_from_file_location(name, command.get_ext_fullpath(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
