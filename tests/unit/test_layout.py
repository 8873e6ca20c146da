"""What holds the folders together: imports run one way, names do not clash, nothing is heavy."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import bedstone
from bedstone.store.stages import STAGES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bedstone"
ORDER = [
    "errors",
    "config",
    "progress",
    "languages",
    "lots",
    "store",
    "uncertainty",
    "text",
    "counting",
    "laws",
    "corpus",
    "tokenizer",
    "model",
    "training",
    "scaling",
    "pretrain",
    "generation",
    "tasks",
    "posttrain",
    "sampling",
    "evaluation",
    "ablation",
    "reporting",
    "commands",
]
"""Folders, and the files beside them: each imports its own folder or those before it."""
ROOT_FILES = {"errors", "config", "progress", "languages", "lots"}
HEAVY = ("torch", "pyarrow", "numba", "pydantic", "numpy", "transformers")
LARGE = {"altair", "language_data", "matplotlib", "pandas", "plotly", "scipy", "vl-convert-python"}
"""Charts are drawn by ``reporting.charts``, speakers are a table: these take too much room."""


def modules() -> dict[str, set[str]]:
    """Module below bedstone -> the modules below bedstone that it imports."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        imported = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bedstone"):
                parent = node.module.removeprefix("bedstone").lstrip(".")
                for alias in node.names:
                    below = f"{parent}.{alias.name}".lstrip(".")
                    is_module = (SOURCE / f"{below.replace('.', '/')}.py").exists()
                    imported.add(below if is_module else parent)
        found[name] = imported - {""}
    return found


def imports_of(path: Path) -> set[str]:
    """The top of each absolute import, those in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_imports_run_one_way():
    for name, imported in modules().items():
        if name == "__init__":
            continue
        here = ORDER.index(name.partition(".")[0])
        later = {other for other in imported if ORDER.index(other.partition(".")[0]) > here}
        assert not later, name


def test_a_stage_imports_no_other():
    for name, imported in modules().items():
        if name in STAGES:
            assert not (imported - {name}) & set(STAGES), name


def test_stages_stand_at_the_top_of_their_part():
    found = {".".join(path.parts[-2:])[:-3] for path in SOURCE.rglob("*.py") if is_stage(path)}
    assert found == set(STAGES)


def is_stage(path: Path) -> bool:
    return "\nSTAGE = Stage(" in path.read_text("utf-8")


def test_no_name_means_two_things():
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir()}
    files = {path.stem for path in SOURCE.glob("*.py")}
    assert (folders | files) - {"__init__", "__pycache__"} == set(ORDER)
    assert not folders & files
    assert not set(bedstone.__all__) & (folders | files)


def test_each_command_is_a_function_of_the_package():
    from bedstone.commands.main import COMMANDS

    assert {command.name for command in COMMANDS} == set(bedstone.__all__)
    assert all(callable(getattr(bedstone, command.name)) for command in COMMANDS)


def test_each_command_is_documented():
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in bedstone.__all__ if f"bedstone {name}" not in text] == []


def test_every_config_field_keeps_its_order_in_a_digest():
    from bedstone.store.stages import find

    for name in STAGES:
        schema = str(find(name).config.model_json_schema())
        assert "uniqueItems" not in schema, f"{name}: a set has no order: take a tuple"


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom bedstone.commands.main import main\nsys.argv = ['bedstone', '--help']\n"
        "try:\n    main()\nfinally:\n    print([name for name in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    imported = {name.partition(".")[0] for name in ast.literal_eval(answer.stderr)}
    assert "bedstone" in imported
    assert not imported & set(HEAVY)


def test_the_core_needs_no_torch():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert not any(name.startswith(("torch", "safetensors")) for name in project["dependencies"])
    assert set(project["optional-dependencies"]) == {
        *("train", "serve", "ray", "cloud", "translate", "dev")
    }
    assert "torch>=2.9,<2.14" in project["optional-dependencies"]["train"]


def test_the_core_installs_what_it_imports_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    core = distributions(project["dependencies"])
    # A package that is one file of machine code is not among those.
    homes = {**packages_distributions(), "can_ada": ["can-ada"]}
    tops = {top for path in SOURCE.rglob("*.py") for top in imports_of(path) if top in homes}
    imported = {homes[top][0].lower() for top in tops} - {"bedstone"}
    assert core <= imported
    brought = {"markupsafe", "pydantic_core"}  # by jinja2 and pydantic, whose types they are
    wanted = ("train", "serve", "translate", "ray", "cloud")
    more = [name for extra in wanted for name in extras[extra]]
    assert imported <= core | brought | distributions(more)
    assert not core & LARGE


def distributions(wanted: list[str]) -> set[str]:
    return {re.split("[<>=]", each)[0].lower() for each in wanted}


def test_a_stage_is_known_and_a_recipe_read_without_torch():
    later = ("pretrain.",)
    code = (
        "import sys\nfrom pathlib import Path\nfrom bedstone.store import recipe\n"
        "from bedstone.store.stages import STAGES, find\nimport bedstone.reporting.report\n"
        f"read = recipe.load(Path({str(ROOT / 'recipes' / 'web.toml')!r}))\n"
        f"known = [find(name) for name in STAGES if not name.startswith({later})]\n"
        "heavy = {'torch', 'safetensors', 'transformers'}\n"
        "print(len(read.nodes), len(known), sorted(heavy & set(sys.modules)))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    stages = [name for name in STAGES if not name.startswith(later)]
    assert answer.stdout == f"12 {len(stages)} []\n", answer.stderr
