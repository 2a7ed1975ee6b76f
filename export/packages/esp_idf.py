"""A component for ESP-IDF: idf_component.yml, CMakeLists.txt, an example project."""

from export.packages.package import Files, Package


def files(package: Package) -> Files:
    lines = "\n".join(f'    "src/{path}"' for path in package.c_files)
    return package.laid_out("esp-idf", f"examples/{package.name}_demo/main", source_lines=lines)
