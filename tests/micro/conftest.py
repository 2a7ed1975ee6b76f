import pytest

from tests.micro import kernels as c


@pytest.fixture(scope="session")
def kernels(tmp_path_factory) -> c.Kernels:
    target = tmp_path_factory.mktemp("kernels") / "kernels.so"
    rounding = str(c.HERE / "rounding_functions.c")
    return c.Kernels(c.compile_c("gcc", target, "-shared", "-fPIC", *c.UNDEFINED, rounding))
