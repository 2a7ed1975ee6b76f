"""A module for Zephyr: zephyr/module.yml, Kconfig, CMakeLists.txt, a sample."""

from export.packages.package import Files, Package


def files(package: Package) -> Files:
    lines = "\n".join(f"    src/{path}" for path in package.c_files)
    return package.laid_out("zephyr", f"samples/{package.name}_demo/src", source_lines=lines)
