"""The commands: one module for each, found in the package."""

import subprocess
import sys

import pytest

from lastcall import commands
from lastcall.__main__ import command_names, main, parser_of

NEW = '''"""Count to a number.

More about it.
"""


def add_arguments(parser):
    parser.add_argument("number", type=int)


def run(options):
    print(*range(options.number))
    return 3
'''


def test_the_commands_of_the_package_are_known():
    assert {"list", "doctor", "install", "contract", "matrix", "judge", "replay"} <= set(command_names())
    assert {"report", "table", "badge", "compare", "schema"} <= set(command_names())


@pytest.mark.parametrize("name", command_names())
def test_a_command_says_what_it_does_and_what_it_takes(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert f"usage: lastcall {name}" in text
    assert len(text.split("\n\n")[1]) > 20


def test_a_new_command_is_one_new_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "zz_count.py").write_text(NEW, encoding="utf-8")
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert main(["zz_count", "4"]) == 3
    assert capsys.readouterr().out == "0 1 2 3\n"
    assert "Count to a number." in parser_of(["zz_count"]).format_help()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["doctor", "nobody"], "lastcall: no such server: nobody; known are "),
        (["table", "."], "lastcall: "),
        (["replay", "none.jsonl"], "lastcall: none.jsonl: No such file or directory"),
        (["contract", "none.toml"], "lastcall: none.toml: No such file or directory"),
    ],
)
def test_bad_input_gets_one_line(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    line = capsys.readouterr().err
    assert line.startswith(says)
    assert line.count("\n") == 1


def test_a_command_imports_no_other():
    program = "import sys; from lastcall.__main__ import parser_of; parser_of(['schema']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("lastcall.commands.")}
    assert loaded == {"lastcall.commands.schema"}
