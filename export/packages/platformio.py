"""A library for PlatformIO: library.json, sources below src/. The sketch is Arduino's, the framework that it mostly runs on."""

from export.packages.package import Files, Package


def files(package: Package) -> Files:
    demo = f"examples/{package.name}_demo"
    sketch = package.filled_in("arduino")[f"{demo}/{package.name}_demo.ino"]
    made = package.laid_out("platformio", demo)
    del made[f"{demo}/main.c"]
    return {**made, f"{demo}/{package.name}_demo.ino": sketch}
