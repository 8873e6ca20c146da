"""Tests as lm-evaluation-harness describes them in YAML, as far as that is no program.

Prompts come out as the harness makes them, byte for byte. Python that a file names is never run,
and what a test needs lies in its own folder: no name of a dataset is looked up. Examples before an
item come from another split than the one that is tested, or the test is refused.

Source: lm-evaluation-harness 0.4.13, ``api/task.py``, ``api/samplers.py``, ``config/task.py``.
"""

import ast
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

from bedstone.errors import ConfigError, DataError, printable
from bedstone.evaluation.suites.descriptions import described, inside
from bedstone.evaluation.suites.naming import key_of, named
from bedstone.evaluation.suites.records import Record, records_of
from bedstone.generation.template import filled
from bedstone.tasks.items import Item, Metric

ROWS_AT_ONCE = 1_000
"""That one process fills a template with."""
EXAMPLES_SEED = 1234
"""The harness's own."""
KINDS: dict[str, dict[str, Metric]] = {
    "multiple_choice": {
        "acc": "acc",
        "acc_norm": "acc_chars",
        "acc_bytes": "acc_bytes",
        "acc_mutual_info": "acc_pmi",
    },
    "generate_until": {"exact_match": "exact_match", "chrf": "chrf"},
    "loglikelihood_rolling": {"bits_per_byte": "bits"},
}
"""What each type of output can be judged by, by the harness's names; the first unless told."""
REFUSED = (
    *("process_docs", "process_results", "custom_dataset", "doc_to_image", "doc_to_audio"),
    *("use_prompt", "gen_prefix", "unsafe_code"),
)
"""Keys of programs, or of what would change a prompt and is not done here."""
READ = frozenset(
    {
        *("task", "dataset_path", "dataset_kwargs", "output_type", "metric_list", "metadata"),
        *("training_split", "validation_split", "test_split", "fewshot_split"),
        *("doc_to_text", "doc_to_target", "doc_to_choice", "description"),
        *("target_delimiter", "fewshot_delimiter", "num_fewshot", "fewshot_config", "include"),
    }
)
HALF = re.compile("[\ud800-\udfff]")
"""Of a surrogate pair: no text of its own."""
CHOICES = "doc_to_choice"
FIELDS = ("description", "doc_to_text", "doc_to_target", CHOICES)
"""Each a column, a template, or a value."""
COLUMNS = ("parallel_id", "passage_id", "domain")
"""What documents may say of their items in columns of these names."""
FORMS = {"json": (".jsonl", ".jsonl.gz", ".ndjson"), "parquet": (".parquet",)}
"""What a test's data may be, and how their files' names end."""

T = TypeVar("T")


class Harness(NamedTuple):
    """What a file of the harness describes."""

    items: list[Item]
    ignored: list[str]
    """Keys that say something which is not done here, such as filters of answers."""


def harness_items(path: Path) -> Harness:
    """The items of a test, in the order of its documents.

    Args:
        path: of the YAML; what it includes and its data lie in the same folder or below.

    Raises:
        ConfigError: the test is a program or needs something from elsewhere, or a template fails.
        DataError: it is no YAML, or the data are not what it says.
    """
    return _Task(path, described(path.parent, path.name)).read()


class _Task:
    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self._path, self._config = path, config
        if refused := [name for name in REFUSED if config.get(name)]:
            raise self._fault(f"{', '.join(refused)} cannot be done here")
        self._name = printable(self._said("task", str, path.stem))
        self._kind = self._said("output_type", str, "generate_until")
        if self._kind not in KINDS:
            raise self._fault(f"output_type {self._kind!r} is none of {', '.join(KINDS)}")
        self._delimiter = self._said("target_delimiter", str, " ")

    def read(self) -> Harness:
        tested = self._config.get("test_split") or self._config.get("validation_split")
        if not isinstance(tested, str):
            raise self._fault("neither test_split nor validation_split is named")
        listed = self._said("metric_list", list, [])
        metrics = [str(it.get("metric")) for it in listed if isinstance(it, dict)]
        known = KINDS[self._kind]
        metric = next((known[it] for it in metrics if it in known), next(iter(known.values())))
        documents, examples = self._documents(tested), self._examples(tested)
        items = [self._item(it, at, metric, examples()) for at, it in enumerate(documents)]
        ignored = sorted({*self._config} - READ)
        return Harness(items, ignored + [f"metric {it}" for it in metrics if it not in known])

    def _item(self, document: "_Document", at: int, metric: Metric, examples: list[str]) -> Item:
        language = self._language(document.record)
        suite = named(self._name).suite or self._name  # the same in each language
        own = {name: document.record.values.get(name) for name in COLUMNS}
        told: dict[str, Any] = {
            name: document.checked(name, str(it)) for name, it in own.items() if it is not None
        }
        if self._kind == "loglikelihood_rolling":
            told["choices"] = document.answers[:1]
        else:
            description = document.checked("description", document.said["description"] or "")
            told["question"] = "".join((description, *examples, document.question))
            told["delimiter"] = self._delimiter
            if self._kind == "generate_until":
                told["answers"] = document.answers
            else:
                told |= {"choices": document.choices, "gold": document.gold}
        return Item(suite, f"{suite}/{language}/{at}", language, metric, **told)

    def _examples(self, tested: str) -> Callable[[], list[str]]:
        """What draws the examples before an item."""
        count = self._said("num_fewshot", int, 0)
        if not count:
            return list
        about = self._said("fewshot_config", dict, {})
        if extra := sorted(set(about) - {"split", "sampler"}):
            raise self._fault(f"fewshot_config: {', '.join(extra)} cannot be done here")
        splits = ("fewshot_split", "training_split", "validation_split")
        listed = (about.get("split"), *map(self._config.get, splits), tested)
        split = next(it for it in listed if it)
        if split == tested:
            told = f"the examples are of the split that is tested, {tested!r}: it gives them away"
            raise self._fault(told, "name another fewshot_split, or num_fewshot: 0")
        between = self._said("fewshot_delimiter", str, "\n\n")
        known = [it.example(self._delimiter, between) for it in self._documents(str(split))]
        if not 0 < count <= len(known):
            raise self._fault(f"num_fewshot is {count}, and {split!r} has {len(known)} documents")
        sampler = about.get("sampler", "default")
        if sampler == "first_n":
            return lambda: known[:count]
        if sampler != "default":
            raise self._fault(f"the sampler {sampler!r} is none of default, first_n")
        draw = Random(EXAMPLES_SEED)
        return lambda: draw.sample(known, count)

    def _documents(self, split: str) -> list["_Document"]:
        records = [record for path in self._files(split) for record in records_of(path)]
        if not records:
            raise DataError(f"{self._path}: {split!r} has no documents")
        said: dict[str, Any] = {name: self._config.get(name) for name in FIELDS}
        columns = {name: it for name, it in said.items() if it in tuple(records[0].values)}
        templates = {it: said[it] for it in said if it not in columns and isinstance(said[it], str)}
        found = []
        for start in range(0, len(records), ROWS_AT_ONCE):
            some = records[start : start + ROWS_AT_ONCE]
            try:
                texts = filled(templates, [record.values for record in some])
            except ConfigError as error:
                raise self._fault(str(error)) from error
            for record, own in zip(some, texts, strict=True):
                theirs = {name: record.values.get(it) for name, it in columns.items()}
                found.append(_Document(record, said | theirs | own, own, said[CHOICES] is not None))
        return found

    def _files(self, split: str) -> list[Path]:
        form = self._said("dataset_path", str, "")
        if form not in FORMS:
            hint = "a test is read with its data beside it: dataset_kwargs.data_files"
            raise self._fault(f"dataset_path {form!r} is none of {', '.join(FORMS)}", hint)
        files = self._said("dataset_kwargs", dict, {}).get("data_files")
        listed = (files if isinstance(files, dict) else {"train": files}).get(split)
        found = []
        for name in listed if isinstance(listed, list) else [listed]:
            if not isinstance(name, str) or not name.endswith(FORMS[form]):
                told = f"{name!r} is no file in {' or '.join(FORMS[form])}"
                raise self._fault(f"data_files of {split!r}: {told}")
            found.append(inside(self._path.parent, name))
            if not found[-1].is_file():
                raise DataError(f"{self._path}: there is no {printable(name)} beside it")
        return found

    def _language(self, record: Record) -> str:
        told = (record.values, self._said("metadata", dict, {}))
        found = [key_of(it["language"]) for it in told if isinstance(it.get("language"), str)]
        found += [named(self._name).language, named(self._path.name).language]
        if language := next(filter(None, found), None):
            return language
        hint = "metadata: {language: tel_Telu}"
        raise self._fault("which language it is in is not said", hint)

    def _said(self, name: str, kind: type[T], default: T) -> T:
        value = self._config.get(name)
        if value is None:
            return default
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self._fault(f"{name} is no {kind.__name__}")
        return value

    def _fault(self, message: str, hint: str | None = None) -> ConfigError:
        return ConfigError(f"{self._path}: {printable(message)}", hint=hint)


class _Document(NamedTuple):
    record: Record
    said: Mapping[str, Any]
    """What each of ``FIELDS`` comes to: a column's value, a template's text, or as in the YAML."""
    written: Collection[str]
    """Those that templates wrote."""
    has_choices: bool

    @property
    def question(self) -> str:
        value = self.said["doc_to_text"]
        if self.has_choices and str(value).isdigit():
            raise self._fault("each choice has a prompt of its own, which is not done here")
        return self.checked("doc_to_text", value)

    @property
    def choices(self) -> tuple[str, ...]:
        value = self.said[CHOICES]
        if CHOICES in self.written:
            value = _literal(value)
        if isinstance(value, dict):
            value = list(value.values())
        if not isinstance(value, list) or not value:
            raise self._fault(f"{CHOICES} is no list")
        return tuple(self.checked(CHOICES, each) for each in value)

    @property
    def gold(self) -> int:
        target, choices = self._target, self.choices
        number = choices.index(target) if target in choices else target
        if type(number) is not int or not 0 <= number < len(choices):
            raise self._fault(f"doc_to_target is {target!r}, which is none of the choices")
        return number

    @property
    def answers(self) -> tuple[str, ...]:
        if self.has_choices:
            return (self.choices[self.gold],)
        told = self._target if isinstance(self._target, list) else [self._target]
        if not told:
            raise self._fault("doc_to_target is empty")
        return tuple(self.checked("doc_to_target", str(each)) for each in told)

    def example(self, delimiter: str, between: str) -> str:
        """It and its answer, before an item."""
        answer = self.answers[0]
        return self.question + (f"{delimiter}{answer}{between}" if answer else "")

    @property
    def _target(self) -> Any:
        value = self.said["doc_to_target"]
        if "doc_to_target" in self.written:
            if value.isdigit() and self.has_choices:
                return int(value)
            if value[:1] + value[-1:] == "[]" and (listed := _literal(value)) is not None:
                return listed
        return value

    def checked(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or HALF.search(value):
            raise self._fault(f"{name} is no text")
        return value

    def _fault(self, message: str) -> DataError:
        return DataError(f"{self.record.where}: {printable(message)}")


def _literal(text: str) -> Any:
    """The value that Python writes so; None of a text that is no value."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
