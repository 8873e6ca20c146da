"""Chat templates: conversations as the texts that a model was trained on; and templates of tests.

A template is a program that came with somebody else's model or test. It runs in jinja2's sandbox,
which lets it reach neither files nor the interpreter, in a process of its own that may take only so
much time and memory, and write only so much.

Source: what a template may use is what transformers' ``chat_template_utils.py`` gives it.
"""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from bedstone.errors import ConfigError, printable

CPU_SECONDS = 4
MEMORY_BYTES = 2**29
"""Of addresses; the interpreter with jinja2 takes some 2**25."""
OUTPUT_BYTES = 2**24
"""Of all conversations of a call."""

Conversation = Sequence[dict[str, Any]]
"""Messages: each a ``role``, a ``content`` and whatever else the template reads."""


def render(
    template: str,
    conversations: Sequence[Conversation],
    *,
    begin: str = "",
    end: str = "",
    add_generation_prompt: bool = True,
    **names: Any,
) -> list[str]:
    """The text of each conversation.

    Args:
        template: as a model's folder or file holds it.
        conversations: all rendered by one process, which takes about a seventh of a second.
        begin: the token before a text, as it is spelt.
        end: the token after a text, as it is spelt.
        add_generation_prompt: whether the model's turn is begun.
        names: what else the template may read, such as ``tools``; plain JSON.

    Raises:
        ConfigError: the template refuses a conversation, is wrong, reaches for what it may not
            have, or takes more time, memory or output than it may.
    """
    told = {
        "bos_token": begin,
        "eos_token": end,
        "add_generation_prompt": add_generation_prompt,
        "tools": None,
        "documents": None,
    }
    rows = [told | names | {"messages": it} for it in conversations]
    found = _filled({"text": template}, rows, "the chat template", is_chat=True)
    return [each["text"] for each in found]


def filled(templates: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The text of each template, by its name, with the values of each row.

    Source: what a template may use is what lm-evaluation-harness 0.4.13 gives it.

    Raises:
        ConfigError: as ``render``; or a template asks for what a row has not.
    """
    return _filled(templates, rows, "a template of the test", is_chat=False)


def _filled(
    templates: Mapping[str, str], rows: Sequence[Mapping[str, Any]], what: str, *, is_chat: bool
) -> list[dict[str, str]]:
    asked = {"templates": templates, "rows": rows, "is_chat": is_chat}
    # -I: neither variables nor the working folder choose what is imported.
    done = subprocess.run(
        [sys.executable, "-I", "-m", "bedstone.generation.template"],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode <= 0, done.stderr.decode()
    killed = {"error": f"it takes more than {CPU_SECONDS} s, or too much memory"}
    answer = killed if done.returncode else json.loads(done.stdout)
    if "error" in answer:
        raise ConfigError(f"{what} was given up: {printable(answer['error'])}")
    return list(answer["filled"])


class _Generation(Extension):
    """``{% generation %}`` marks what a model learns from; here it is just written."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Namespace(Namespace):
    """Differs from jinja2's: names of the interpreter's own attributes are refused."""

    def __init__(self, /, *args: Any, **values: Any) -> None:
        values = dict(*args, **values)
        for name in values:
            _check_name(name)
        super().__init__(values)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: str) -> None:
    if name.startswith("_"):
        raise SecurityError(f"{name} begins with an underscore")


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _as_json(value: Any, ensure_ascii: bool = False, **form: Any) -> str:  # noqa: FBT001
    return json.dumps(value, ensure_ascii=ensure_ascii, **form)  # jinja2's own escapes for HTML


def _environment(*, is_chat: bool) -> ImmutableSandboxedEnvironment:
    if not is_chat:
        strict = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, keep_trailing_newline=True
        )
        strict.filters["regex_replace"] = _regex_replace
        return strict
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _as_json
    environment.globals |= {
        "raise_exception": _refuse,
        "strftime_now": lambda form: datetime.now().strftime(form),
        "namespace": _Namespace,
    }
    return environment


def _regex_replace(text: str, pattern: str, replacement: str, count: int = 0) -> str:
    return re.sub(pattern, replacement, text, count=count)


def _rendered(asked: dict[str, Any]) -> list[dict[str, str]]:
    """What the process does. Within limits, a template's mistakes and attacks are exceptions."""
    environment = _environment(is_chat=asked["is_chat"])
    templates = {name: environment.from_string(each) for name, each in asked["templates"].items()}
    room_bytes = OUTPUT_BYTES
    found: list[dict[str, str]] = []
    for row in asked["rows"]:
        found.append({})
        for name, template in templates.items():
            parts = []
            for part in template.generate(row):
                room_bytes -= len(part.encode("utf-8", "surrogatepass"))
                if room_bytes < 0:
                    raise TemplateError("it writes too much")
                parts.append(part)
            found[-1][name] = "".join(parts)
    return found


def _answer() -> dict[str, Any]:
    asked = json.load(sys.stdin)
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        return {"filled": _rendered(asked)}
    except MemoryError:
        return {"error": "it takes too much memory"}
    except Exception as error:  # noqa: BLE001  # whatever a foreign program comes to
        return {"error": f"{type(error).__name__}: {error}"[:1000]}


if __name__ == "__main__":
    json.dump(_answer(), sys.stdout)
