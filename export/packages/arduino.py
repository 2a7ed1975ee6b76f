"""A library for the Arduino IDE and arduino-cli: library.properties, sources below src/, a sketch."""

from export.packages.package import Files, Package


def files(package: Package) -> Files:
    return package.laid_out("arduino", f"examples/{package.name}_demo")
