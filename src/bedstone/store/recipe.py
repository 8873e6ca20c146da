"""Recipes: every decision of one model in one TOML file, a table for each node.

``[inputs]`` names what the run is given, with a word on what that is: all of it that a node reads,
which a change may be the first to make one do; every other table
is a node: its stage, where its inputs come from, its config. A recipe holds no path of any
machine and computes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from bedstone import config as configs
from bedstone.config import Config, Settings
from bedstone.errors import BedstoneError, ConfigError, nearest
from bedstone.progress import Progress
from bedstone.store.adoption import adopt, adopted
from bedstone.store.artifact import Artifact, fault
from bedstone.store.build import build
from bedstone.store.engine import Engine
from bedstone.store.part import Part, Share, build_part
from bedstone.store.request import ask, require, wrong_roles
from bedstone.store.stage import Stage
from bedstone.store.stages import STAGES, find

INPUTS = "inputs"
OFF, ON = "off", "on"
"""In the place of a node or a source: it is left out; of a node that its table leaves out, not."""


class NodeTable(Config):
    """A node as it is written."""

    stage: str
    inputs: dict[str, str] = {}
    """Role -> the node or the given input that plays it."""
    config: dict[str, Any] = {}
    off: bool = False
    """It is left out unless it is switched on."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node whose stage is known and whose config is valid."""

    name: str
    stage: Stage
    inputs: Mapping[str, str]
    config: Config


@dataclass(frozen=True, slots=True)
class Recipe:
    """What must be given, and the nodes in an order in which they can be built."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]


def load(path: Path, sets: Iterable[str] = (), until: str | None = None) -> Recipe:
    """Read ``path``, apply ``sets`` in order, and take what ``until`` needs.

    A set is ``node.key=value`` of its config; ``node.role=source``, ``off`` for none; or
    ``node=off``: whatever reads the node reads in its place what that itself reads as its stage's
    ``instead``, or nothing, and has then nothing to say of it by name. A node whose table says
    ``off`` is so unless a set is ``node=on``; what it reads is on with it. The configs of nodes
    that are not needed are not looked at: the corpus can be made where what trains is not
    installed.

    Raises:
        ConfigError: all that is wrong with it, each with its line.
        BedstoneError: a node takes a package that is not installed.
    """
    settings = configs.read(path)
    given = settings.at((INPUTS,))
    if not isinstance(given, dict):
        configs.complain([settings.problem((INPUTS,), "write a table: name = 'what it is'")])
    names = [name for name in settings.values if name != INPUTS]
    if not names:
        raise ConfigError(
            f"{path}: there is no node", hint="a node is a table: [name], stage = ..."
        )
    written = tuple(names)
    for change in _by_default(settings, written, sets := tuple(sets)):
        _apply(change, settings, names, written)
    if until is not None and until not in names:
        why = "it is off" if until in written else f"no such node; {nearest(until, names)}"
        raise ConfigError(f"--until {until}: {why}")
    for name in names:
        inputs = _inputs(settings, name)
        for role in [role for role, source in inputs.items() if source == OFF]:
            del inputs[role]
            _say_nothing_of(role, settings.values[name])
    malformed = {name: configs.problems(NodeTable, settings, (name,)) for name in names}
    tables = {
        name: NodeTable.model_validate(settings.at((name,)))
        for name in names
        if not malformed[name]
    }
    needed = _needed(tables, names if until is None else [until])
    wanted = {name: table for name, table in tables.items() if name in needed}
    known = [*given, *names]
    taken = [settings.problem((name,), "an input has this name") for name in names if name in given]
    if OFF in known:
        taken.append(settings.problem((OFF,), "this name says that an input is left out"))
    wrong = [e for name in wanted for e in _problems(settings, name, wanted[name], known)]
    configs.complain([*taken, *(e for found in malformed.values() for e in found), *wrong])
    sorter = TopologicalSorter({name: table.inputs.values() for name, table in wanted.items()})
    try:
        order = tuple(sorter.static_order())
    except CycleError as error:
        raise ConfigError(f"{path}: a circle of inputs: {' <- '.join(error.args[1])}") from error
    return Recipe(
        tuple(name for name in given if name in needed),
        tuple(_node(name, wanted[name]) for name in order if name in wanted),
    )


def run(
    recipe: Recipe,
    given: Mapping[str, Sequence[Path]],
    store: Path,
    engine: Engine,
    progress: Progress | None = None,
    held: Mapping[str, Artifact] = {},
) -> dict[str, Artifact]:
    """Every node's artifact by name, built where it is missing or not whole.

    Nodes and inputs that are ``held`` are the artifacts given, whatever they would be made from:
    what only those need is neither built nor in the answer.
    """
    _check_given(recipe, given)
    nodes = _unheld(recipe, held)
    taken = {name: paths for name, paths in given.items() if name not in held}
    artifacts = {name: adopt(it, store, progress) for name, it in taken.items()} | dict(held)
    for node in nodes:
        inputs = {role: artifacts[source] for role, source in node.inputs.items()}
        with naming(node):
            artifacts[node.name] = build(node.stage, node.config, inputs, store, engine, progress)
    return {node.name: artifacts[node.name] for node in recipe.nodes if node.name in artifacts}


def run_part(
    recipe: Recipe,
    given: Mapping[str, Sequence[Path]],
    store: Path,
    engine: Engine,
    part: Part,
    progress: Progress | None = None,
) -> dict[str, Artifact | Share]:
    """Of every node what the part can build; what needs all shards of another is left out."""
    _check_given(recipe, given)
    progress = progress or Progress()
    made: dict[str, Artifact | Share] = {name: adopt(paths, store) for name, paths in given.items()}
    for node in recipe.nodes:
        inputs = {role: made[source] for role, source in node.inputs.items() if source in made}
        if len(inputs) == len(node.inputs):
            with naming(node):
                built = build_part(node.stage, node.config, inputs, store, engine, part, progress)
            if built is not None:
                made[node.name] = built
    if waiting := [node.name for node in recipe.nodes if node.name not in made]:
        progress.named("shard").say(f"wait for the other shards: {', '.join(waiting)}")
    return {node.name: made[node.name] for node in recipe.nodes if node.name in made}


def built(
    recipe: Recipe,
    given: Mapping[str, Sequence[Path]],
    store: Path,
    held: Mapping[str, Artifact | None] = {},
) -> dict[str, Artifact | None]:
    """What the store already has, by the names of inputs and nodes.

    ``held`` is as in ``run``, but for None where that is not built either. What a node that is not
    built will contain is unknown, so nothing that is made from it is found.
    """
    _check_given(recipe, given)
    nodes = _unheld(recipe, held)
    sought = {name: paths for name, paths in given.items() if name not in held}
    found = {name: adopted(paths, store) for name, paths in sought.items()} | dict(held)
    for node in nodes:
        inputs = {role: found[source] for role, source in node.inputs.items()}
        known = {role: artifact for role, artifact in inputs.items() if artifact}
        found[node.name] = None
        if len(known) == len(inputs):
            with naming(node):
                request = ask(node.stage, node.config, known)
            if fault(folder := request.folder(store), request.digest) is None:
                found[node.name] = Artifact(folder)
    return found


def preview(recipe: Recipe, found: Mapping[str, Artifact | None]) -> dict[str, str]:
    """What ``run`` would do with every node: ``built``, ``would build`` or ``depends on X``."""
    states = {}
    names = {node.name for node in recipe.nodes}
    for node in recipe.nodes:
        if node.name not in found:  # only held nodes need it
            continue
        missing = [each for each in node.inputs.values() if each in names and not found.get(each)]
        depends = f"depends on {', '.join(missing)}" if missing else "would build"
        states[node.name] = "built" if found[node.name] else depends
    return states


@contextmanager
def naming(node: Node) -> Iterator[None]:
    """What a stage says of a key of its config, said of the node's."""
    try:
        yield
    except BedstoneError as error:
        if error.setting is not None:
            key, value = error.setting
            error.setting = f"{node.name}.{key}", value
            error.hint = f"--set {configs.assignment(*error.setting)}"
        raise


def _by_default(settings: Settings, names: Sequence[str], sets: Sequence[str]) -> Iterator[str]:
    """``sets`` behind those that nodes have by their own tables, without those that are ``on``.

    Raises:
        ConfigError: what is to be on is not off.
    """
    switches = {f"{name}={ON}": name for name in names}
    off = [name for name in names if _is_off(settings, name)]
    waiting, on = [switches[change] for change in sets if change in switches], set[str]()
    for name in waiting:
        if name not in off:
            raise ConfigError(f"--set {name}={ON}: it is not off in {settings.source}")
    while waiting:
        on.add(name := waiting.pop())
        waiting += [it for it in _inputs(settings, name).values() if it in off and it not in on]
    yield from (f"{name}={OFF}" for name in off if name not in on)
    yield from (change for change in sets if change not in switches)


def _is_off(settings: Settings, name: str) -> bool:
    table = settings.values[name]
    return isinstance(table, dict) and table.get(OFF) is True


def _apply(change: str, settings: Settings, names: list[str], written: Sequence[str]) -> None:
    """Change ``settings``; a node that is switched off is then not among ``names``."""
    name = change.removesuffix(f"={OFF}")
    if name != change and name in names:
        _switch_off(name, settings, names)
    else:
        place = partial(_place, settings=settings, names=names, written=written)
        configs.apply([change], settings, place)


def _switch_off(name: str, settings: Settings, names: list[str]) -> None:
    configs.complain(configs.problems(NodeTable, settings, (name,)))
    table = NodeTable.model_validate(settings.at((name,)))
    before = table.inputs.get(find(table.stage).instead, OFF)
    names.remove(name)
    del settings.values[name]
    for reader in names:
        inputs = _inputs(settings, reader)
        for role in [role for role, source in inputs.items() if source == name]:
            inputs[role] = before
            settings.origins[reader, INPUTS, role] = f"--set {name}={OFF}"


def _say_nothing_of(role: str, node: dict[str, Any]) -> None:
    """Of what played ``role`` and is out: leave what is told of it by name out of the config."""
    _, _, own = role.partition(".")
    if own and (name := node.get("stage")) in STAGES:
        for key in find(name).by_name:
            config = node.get("config")
            table = config.get(key) if isinstance(config, dict) else None
            if isinstance(table, dict):
                table.pop(own, None)


def _inputs(settings: Settings, name: str) -> dict[str, Any]:
    """A node's, to be changed; of one that is not as it should be, which is told later, none."""
    table = settings.values[name]
    inputs = table.get(INPUTS) if isinstance(table, dict) else None
    return inputs if isinstance(inputs, dict) else {}


def _place(
    key: list[str], settings: Settings, names: list[str], written: Sequence[str]
) -> list[str]:
    name, *rest = key
    if name in written and name not in names:
        raise ConfigError(
            f"--set {'.'.join(key)}: {name} is {OFF}",
            hint=f"set {name}={ON} too, or leave {name}={OFF} out",
        )
    if name not in names or not rest:
        known = "" if name in names else f": no node {name!r}; {nearest(name, names)}"
        hint = f"write --set NODE.KEY=VALUE, NODE.ROLE=SOURCE or NODE={OFF}"
        raise ConfigError(f"--set {'.'.join(key)}{known}", hint=hint)
    table = settings.values[name]
    stage = table.get("stage") if isinstance(table, dict) else None
    role = ".".join(rest)
    is_role = stage in STAGES and find(str(stage)).role(role) is not None
    return [name, INPUTS, role] if is_role else [name, "config", *rest]


def _unheld(recipe: Recipe, held: Mapping[str, Artifact | None]) -> list[Node]:
    """The nodes that are not held, without those that only held ones need."""
    read = {source for node in recipe.nodes for source in node.inputs.values()}
    unheld = {node.name: node for node in recipe.nodes if node.name not in held}
    needed = _needed(unheld, {node.name for node in recipe.nodes} - read)
    return [node for name, node in unheld.items() if name in needed]


def _needed(tables: Mapping[str, NodeTable | Node], names: Iterable[str]) -> set[str]:
    """``names`` and all that they are made from, given inputs too."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed.add(name)
            waiting += tables[name].inputs.values() if name in tables else ()
    return needed


def _problems(settings: Settings, name: str, table: NodeTable, known: list[str]) -> list[str]:
    found = [
        settings.problem(
            (name, "inputs", role), f"no node or input {source!r}; {nearest(source, known)}"
        )
        for role, source in table.inputs.items()
        if source not in known
    ]
    if table.stage not in STAGES:
        message = f"no stage {table.stage!r}; {nearest(table.stage, STAGES)}"
        return [*found, settings.problem((name, "stage"), message)]
    stage = find(table.stage)
    roles = [
        settings.problem((name, INPUTS, role), wrong)
        for role, wrong in wrong_roles(stage, table.inputs).items()
    ]
    beside = stage.inputs + stage.optional + stage.decided_by
    return found + roles + configs.problems(stage.config, settings, (name, "config"), beside)


def _node(name: str, table: NodeTable) -> Node:
    stage = find(table.stage)
    config = stage.config.model_validate(table.config)
    require(stage, config)
    return Node(name, stage, table.inputs, config)


def _check_given(recipe: Recipe, given: Mapping[str, object]) -> None:
    missing = [f"--input {name}=PATH is missing" for name in recipe.inputs if name not in given]
    unknown = [
        f"--input {name}: nothing takes it; {nearest(name, recipe.inputs)}"
        for name in given
        if name not in recipe.inputs
    ]
    configs.complain(missing + unknown)
