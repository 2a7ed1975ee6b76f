"""An Open-CMSIS-Pack: the description sfkeras.NAME.pdsc, and all of it once more as a .pack to install."""

from __future__ import annotations

import io
import zipfile

from export.packages.package import Files, Package

DATE = (1980, 1, 1, 0, 0, 0)  # of every entry: the same network gives the same bytes


def files(package: Package) -> Files:
    lines = "\n".join(f'        <file category="sourceC" name="src/{path}"/>' for path in package.c_files)
    headers = f'        <file category="header" name="src/{package.name}.h"/>'
    made = package.laid_out("cmsis-pack", f"examples/{package.name}_demo", file_lines=f"{headers}\n{lines}")
    return {**made, f"sfkeras.{package.name}.{package.values['version']}.pack": zipped(made)}


def zipped(files: Files) -> bytes:
    """Files as a ZIP file without dates."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, each in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, DATE), each, zipfile.ZIP_DEFLATED)
    return content.getvalue()
