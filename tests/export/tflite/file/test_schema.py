"""Our reading of schema.fbs against TensorFlow's generated code."""

import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as generated

from export.tflite.file import schema
from export.tflite.file.flatbuffer import IDENTIFIER, AlignedBuilder, parse, to_bytes
from export.tflite.writing.writer import write
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import every_operator

LATER = {"BlockwiseQuantization": {"blockShape"}, "FullyConnectedOptions": {"quantSpec"}}  # fields of TFLM's newer one


def numbers(enumeration):
    return {name: value for name, value in vars(enumeration).items() if isinstance(value, int)}


@pytest.mark.parametrize("name", [name for name in schema.ENUMERATIONS if numbers(schema.ENUMERATIONS[name])])
def test_enumerations_have_the_numbers_of_tensorflow(name):
    assert numbers(schema.ENUMERATIONS[name]) == numbers(getattr(generated, name))


@pytest.mark.parametrize("name", sorted(schema.TABLES))
def test_tables_have_the_fields_and_defaults_of_tensorflow(name):
    expected = {field: value for field, value in vars(getattr(generated, f"{name}T")()).items()}
    for later in LATER.get(name, ()):
        del expected[later]
    assert vars(getattr(schema, f"{name}T")()) == expected


@pytest.mark.parametrize("graph", [every_operator, semifreddo])
def test_the_bytes_are_those_of_tensorflow(graph):
    content = write(graph()).content
    model = generated.ModelT.InitFromObj(generated.Model.GetRootAs(content))
    builder = AlignedBuilder(1 << 20)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    assert bytes(builder.Output()) == content
    assert to_bytes(parse(content)) == content


def test_a_name_that_the_schema_lacks_is_told():
    with pytest.raises(AttributeError, match="the schema of .tflite has no Conv5DOptionsT"):
        schema.Conv5DOptionsT  # noqa: B018
