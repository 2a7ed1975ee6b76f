"""Public names: each loads, has a docstring with an example, and the example computes what it says."""

import doctest
import inspect

import pytest
import tensorflow as tf

import sfkeras

EXAMPLES = doctest.DocTestParser()


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """To trace a network for one batch would take longer."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", sfkeras.__all__)
def test_the_example_of_a_public_name_computes_what_it_says(name):
    documented = inspect.getdoc(getattr(sfkeras, name))
    assert documented and "Example:" in documented
    example = EXAMPLES.get_doctest(documented, {}, name, None, None)
    assert example.examples
    report = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert not report, "".join(report)


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    with pytest.raises(AttributeError, match="no attribute 'Semifredo'. Its public names are AlphaBlend, .*quantise"):
        _ = sfkeras.Semifredo


@pytest.mark.parametrize("options", [None, sfkeras.NetworkOptions(core=None, width=0.25)])
def test_an_unknown_option_is_refused_by_name(options):
    with pytest.raises(TypeError, match="SemifreddoNet has no option 'coers'. Use fields of NetworkOptions: cores, "):
        sfkeras.SemifreddoNet((32, 32, 3), options=options, coers=2)


def test_keywords_replace_the_fields_of_the_options():
    options = sfkeras.NetworkOptions(cores=1, frozen=False, width=0.25)
    by_options = sfkeras.SemifreddoNet((32, 32, 1), options=options)
    by_keywords = sfkeras.SemifreddoNet((32, 32, 1), cores=1, frozen=False, width=0.25)
    both = sfkeras.SemifreddoNet((32, 32, 1), options=options, width=0.5)
    assert by_options.count_params() == by_keywords.count_params() < both.count_params()
