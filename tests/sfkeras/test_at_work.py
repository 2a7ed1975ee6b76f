"""No command is silent for long: standard error says how long it has been at work, and on which part."""

import re
import time

import pytest

from export.backends import registry
from export.graph.golden import random_inputs
from export.network import Network
from export.proof.proof import Proof
from sfkeras import at_work, command
from tests.support.networks.tiny import tiny


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(at_work, "INTERVAL", 0.02)


def said_by(function, capsys):
    assert command.run("net", "about", {"slow": function}, ["slow"]) == command.DONE
    out, err = capsys.readouterr()
    return out, err.splitlines()


def test_a_command_says_what_it_is_at_until_it_ends(capsys):
    def slow():
        time.sleep(0.1)
        at_work.on("m4")
        time.sleep(0.1)
        print("done")

    out, lines = said_by(slow, capsys)
    assert out == "done\n" and lines[0] == "net slow: at work, 0 s" and lines[-1] == "net slow: at m4, 0 s"
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_command_that_waits_for_its_user_says_nothing(capsys):
    def serve():
        at_work.hush()
        time.sleep(0.1)

    assert said_by(serve, capsys) == ("", [])


def test_a_command_that_is_quick_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr(at_work, "INTERVAL", 10)
    assert said_by(lambda: None, capsys) == ("", [])


def test_a_mistake_is_still_one_line_and_ends_it(capsys):
    def wrong():
        raise ValueError("wrong")

    assert command.run("net", "about", {"wrong": wrong}, ["wrong"]) == command.MISTAKE
    assert capsys.readouterr().err == "error: wrong\n"


def test_a_proof_names_the_backend_that_it_is_at(capsys, monkeypatch):
    run = registry.BACKENDS["stream"].prepare

    def slowly(*arguments):
        time.sleep(0.1)
        return run(*arguments)

    slow = type(registry.BACKENDS["stream"])(**{**vars(registry.BACKENDS["stream"]), "prepare": slowly})
    monkeypatch.setitem(registry.BACKENDS, "stream", slow)

    def prove():
        assert Proof(Network(tiny()), on=["stream"]).verify(random_inputs(tiny(), 1)).passed

    assert any(re.fullmatch(r"net slow: at stream, \d s", line) for line in said_by(prove, capsys)[1])
