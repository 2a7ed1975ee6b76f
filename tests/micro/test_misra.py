"""The record of deviations from MISRA C is that of the C as it is."""

import pytest

from tests.support import misra


@pytest.mark.thorough
@pytest.mark.cppcheck
def test_each_rule_that_the_c_deviates_from_has_its_reason_and_the_record_names_no_other(tmp_path):
    found = misra.deviations(tmp_path)
    assert found.keys() == misra.RULES.keys()
    rows = [line for line in misra.PAGE.read_text().splitlines() if line.startswith("| ")][2:]  # after the heading
    assert {row.split(" | ")[0].strip("| ") for row in rows} == found.keys()
