"""A CMake project: a library target that can be added, fetched, or installed and found."""

from export.packages.package import Files, Package


def files(package: Package) -> Files:
    lines = "\n".join(f"  src/{path}" for path in package.c_files)
    return package.laid_out("cmake", f"examples/{package.name}_demo", source_lines=lines)
