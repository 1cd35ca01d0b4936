"""Imports go one way: model <- wire, checks <- harness <- judging, results <- lastcall. This reads them and keeps it so."""

import ast
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE = "lastcall.conformance"
LADDER = {
    # Each room, and the rooms that it may import from beside itself. The rooms of lastcall itself may import everything.
    f"{ENGINE}.model": set(),
    f"{ENGINE}.wire": {f"{ENGINE}.model"},
    f"{ENGINE}.checks": {f"{ENGINE}.model"},
    f"{ENGINE}.harness": {f"{ENGINE}.model", f"{ENGINE}.wire"},
    f"{ENGINE}.judging": {f"{ENGINE}.model", f"{ENGINE}.checks", f"{ENGINE}.harness"},
    f"{ENGINE}.results": {f"{ENGINE}.model"},
    "lastcall.scenarios": {f"{ENGINE}.model", f"{ENGINE}.checks"},
    "lastcall.reports": {f"{ENGINE}.model", f"{ENGINE}.results"},
}
LIBRARIES = {
    f"{ENGINE}.model": {"packaging"},
    f"{ENGINE}.wire": {"h11", "hyperframe", "hpack", "wsproto"},
    f"{ENGINE}.harness": {"h11", "httpx", "trustme", "cryptography"},
    "lastcall.reports": {"jinja2", "markupsafe"},
}
MOST_ROOMS = 9
MOST_LINES = 400
CLOCKS_AND_SOCKETS = {"socket", "subprocess", "ssl", "asyncio", "time", "selectors", "multiprocessing"}
ALLOWED = {
    # Of the server it describes, it asks the version by its command.
    "lastcall.server_toml": {"subprocess"},
    # A person is told how long the plays have taken.
    "lastcall.run": {"time"},
    # Runs the commands that install a server.
    "lastcall.install": {"subprocess"},
}
USES_OF_THE_PACKAGE = {
    # Every play says which version played it.
    f"{ENGINE}.harness.play_header": {"lastcall"},
    # Where the package lies: its programs run from there.
    "lastcall.servers.installation": {"lastcall"},
    "lastcall.servers.reference_server": {"lastcall"},
}
"""The modules that import ``lastcall`` itself, which is no room and imports nothing."""


def module_name(path):
    return "lastcall." + ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules(package):
    return {
        module_name(path): path
        for path in sorted((ROOT / package).rglob("*.py"))
        if not {"node_modules", ".cache"} & set(path.parts)
    }


ALL = {
    name: path
    for package in ("conformance", "servers", "scenarios", "reports")
    for name, path in modules(package).items()
} | {
    "lastcall." + ".".join(path.relative_to(ROOT / "lastcall").with_suffix("").parts): path
    for pattern in ("*.py", "commands/*.py")
    for path in sorted((ROOT / "lastcall").glob(pattern))
    if path.stem != "__init__"
}


def imports(path, *, for_types=True, deferred=True):
    """Return every module that a file imports; names from our packages as the modules they are.

    ``for_types=False`` leaves out what is imported for type checking alone, ``deferred=False`` what a function imports.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out = [node for node in ast.walk(tree) if is_for_types(node) and not for_types]
    left_out += [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and not deferred]
    hidden = {id(inner) for node in left_out for inner in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in below if name in ALL} or {node.module or ""}
    return found - {"__future__"}


def is_for_types(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def foreign(name):
    """Whether it is neither ours nor the standard library's."""
    return not ours(name) and name.partition(".")[0] not in sys.stdlib_module_names


def ours(name):
    return name.partition(".")[0] in ("lastcall", "tests")


def strangers(path, allowed, *, for_types=True):
    """The imports of a file that are not allowed; the standard library is."""
    return {
        name
        for name in imports(path, for_types=for_types)
        if (ours(name) or foreign(name)) and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    }


def of(package):
    return sorted(name for name in ALL if name == package or name.startswith(f"{package}."))


def test_the_reader_of_imports_sees_them():
    assert imports(ALL["lastcall.conformance.judging.judge"]) >= {
        "lastcall.conformance.model.views",
        "lastcall.conformance.model.trace",
        "lastcall.conformance.model.scenario",
    }
    assert "lastcall.conformance.checks.closing" in imports(ALL["lastcall.scenarios.founding"])
    assert strangers(ALL["lastcall.conformance.harness.gate.origin"], {"lastcall.conformance"}) == {"h11"}
    assert "lastcall.conformance.model.server" not in imports(
        ALL["lastcall.conformance.results.results"], for_types=False
    )
    assert len(ALL) > 50


@pytest.mark.parametrize("name", [name for room in LADDER for name in of(room)])
def test_imports_go_one_way(name):
    room = next(room for room in LADDER if name == room or name.startswith(f"{room}."))
    assert strangers(ALL[name], {room} | LADDER[room] | LIBRARIES.get(room, set())) == USES_OF_THE_PACKAGE.get(
        name, set()
    )


@pytest.mark.parametrize("name", sorted(set(ALL) - set(of(f"{ENGINE}.harness")) - set(of("lastcall.servers"))))
def test_clocks_processes_and_sockets_are_in_the_harness_alone(name):
    used = {each.partition(".")[0] for each in imports(ALL[name])} & CLOCKS_AND_SOCKETS
    assert used <= ALLOWED.get(name, set())


@pytest.mark.parametrize("name", [each for each in of("lastcall.servers") if each.count(".") == 2])
def test_adapter_imports_the_adapter_type_and_servers(name):
    adapter = {f"{ENGINE}.model.{each}" for each in ("server", "launch", "protocol")}
    assert strangers(ALL[name], adapter | {"lastcall.servers"}) == USES_OF_THE_PACKAGE.get(name, set())


def words_of(path):
    """The strings, names and attributes of a module: what it can refer to something by. Docstrings are not among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    }
    return texts | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_no_scenario_names_a_server_and_no_server_a_scenario():
    from lastcall.registry import find  # noqa: PLC0415 - the names are the registry's

    found = find()
    for name in of("lastcall.scenarios"):
        assert not words_of(ALL[name]) & set(found.servers), name
    for name in of("lastcall.servers"):
        assert not words_of(ALL[name]) & set(found.scenarios), name
        assert not {each for each in imports(ALL[name]) if each.startswith("lastcall.scenarios")}, name


def assert_no_circle(graph):
    done = set()

    def visit(name, path):
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for each in graph[name] - {name}:
                visit(each, [*path, name])
            done.add(name)

    for name in graph:
        visit(name, [])


def test_no_module_of_ours_imports_itself_around_a_corner():
    """At run time: outside the engine, what is imported for type checking alone may go round."""
    assert_no_circle({name: imports(path, for_types=False, deferred=False) & set(ALL) for name, path in ALL.items()})


def test_no_module_of_the_engine_imports_itself_even_for_its_types():
    graph = {name: imports(ALL[name]) & set(of(ENGINE)) for name in of(ENGINE)}
    assert_no_circle(graph)


def test_a_circle_is_seen():
    with pytest.raises(AssertionError, match="one -> two -> three -> one"):
        assert_no_circle({"one": {"two"}, "two": {"three"}, "three": {"one"}})


HARNESS = f"{ENGINE}.harness"
ABOVE_THE_ENVIRONMENT = {
    # Who starts a server does so in an environment, and the environment knows none of them; the scheduler is topmost.
    f"{HARNESS}.{name}"
    for name in (
        "process.lifecycle", "process.successor", "server_session", "capability_probe", "contract", "play", "scheduler"
    )
}  # fmt: skip


def test_the_harness_is_a_ladder():
    users = {name for name in of(HARNESS) if f"{HARNESS}.environment" in imports(ALL[name])}
    assert users == ABOVE_THE_ENVIRONMENT
    below = set(of(HARNESS)) - ABOVE_THE_ENVIRONMENT
    assert {name for name in below if imports(ALL[name]) & ABOVE_THE_ENVIRONMENT} == set()
    assert {name for name in of(HARNESS) if f"{HARNESS}.scheduler" in imports(ALL[name])} == set()


def test_a_session_of_the_reference_server_knows_its_host_alone():
    """So the type checker sees to it that no session reaches through its connection to the server."""
    room = "lastcall.servers.reference"
    others = {f"{room}.{name}" for name in ("connection", "server", "model", "supervisor", "command")}
    for name in ("session", "http1", "http2", "websocket", "websocket_stream", "application", "host"):
        assert imports(ALL[f"{room}.{name}"]) & others == set(), name


def rooms():
    folders = {path.parent for path in (ROOT / "conformance").rglob("*.py")} - {ROOT / "conformance"}
    return sorted(str(folder.relative_to(ROOT)) for folder in folders)


def test_the_engine_has_few_rooms_and_short_modules():
    """A table may be longer: it is read by looking things up."""
    tables = {f"{ENGINE}.model.clauses"}
    lengths = {name: len(ALL[name].read_text(encoding="utf-8").splitlines()) for name in of(ENGINE)}
    assert len(rooms()) <= MOST_ROOMS, rooms()
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES and name not in tables} == {}
    assert statistics.median(lengths.values()) < 150
