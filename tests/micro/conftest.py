import pytest

from tests.micro import kernels as c


@pytest.fixture(scope="session", params=c.VARIANTS)
def kernels(request, tmp_path_factory) -> c.Kernels:
    target = tmp_path_factory.mktemp("kernels") / "kernels.so"
    options = "-shared", "-fPIC", *c.UNDEFINED, str(c.PROGRAMS / "rounding_functions.c")
    return c.Kernels(c.compile_c("gcc", target, *options, variant=request.param))
