from dataclasses import replace
from functools import partial

import pytest
import torch

from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.errors import BedstoneError
from bedstone.generation import boundary
from bedstone.generation import generate as module
from bedstone.generation.chain import parse
from bedstone.generation.distribution import logprobs
from bedstone.generation.generate import Drawing, LaidOut, draw, fastest_format, generate, uniforms
from bedstone.model import hugging_face, processor
from bedstone.model.transformer import Transformer

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=70, n_layers=2, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=32
)
PROMPTS = [[1, 5, 2], [1, 2], [1, 9, 9, 9, 4, 2], [1, 7, 2], [1, 8, 2, 3, 3]]
DRAWING = Drawing(parse("temperature=1"), samples=3, max_tokens=12, stop_ids=frozenset({0}), seed=7)


@pytest.fixture(scope="module")
def model():
    """Random, with weights large enough that what it writes depends on what it read."""
    model = Transformer(SHAPE)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8 if weight.dim() > 1 else 1)
    return model


def tokens(completions):
    return [[completion.token_ids for completion in each] for each in completions]


def full_forward_greedy(model, prompt, max_tokens, stop_id):
    """Without a cache: the whole text anew for each token."""
    written = []
    while len(written) < max_tokens and stop_id not in written:
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *written]]))
        written.append(logits[0, -1].argmax().item())
    return tuple(written)


def test_greedy_with_a_cache_is_that_of_the_full_forward(model):
    found = generate(model, PROMPTS, replace(DRAWING, chain=parse("greedy"), samples=1))
    for prompt, (completion,) in zip(PROMPTS, found, strict=True):
        assert completion.token_ids == full_forward_greedy(model, prompt, 12, 0)


@pytest.mark.parametrize("rows", [1, 5])
def test_greedy_with_experts_is_that_of_transformers(tmp_path, rows, monkeypatch):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(module, "SMALL_NUMBERS", 0)
    torch.manual_seed(1)
    config = transformers.MixtralConfig(
        vocab_size=70,
        num_hidden_layers=2,
        hidden_size=16,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=16,
        num_local_experts=4,
        initializer_range=0.4,
        eos_token_id=None,
        bos_token_id=None,
    )
    theirs = transformers.MixtralForCausalLM(config).eval()
    theirs.save_pretrained(tmp_path)
    drawing = replace(DRAWING, chain=parse("greedy"), samples=1, stop_ids=frozenset())
    found = generate(hugging_face.load(tmp_path), PROMPTS[:rows], drawing)
    for prompt, (completion,) in zip(PROMPTS, found, strict=False):
        expected = theirs.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)
        assert completion.token_ids == tuple(expected[0, len(prompt) :].tolist())


@pytest.mark.parametrize("small_numbers", [0, 10_000])
@pytest.mark.parametrize("rows", [1, 5])
def test_however_the_matrices_are_laid_out_the_logits_are_those_of_the_model(
    rows, small_numbers, monkeypatch
):
    monkeypatch.setattr(module, "SMALL_NUMBERS", small_numbers)
    torch.manual_seed(1)
    model = Transformer(SHAPE.model_copy(update={"qkv_bias": True, "qk_norm": True, "tied": False}))
    with torch.no_grad():
        for block in model.blocks:
            block.qkv_bias.normal_()
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    found = generate(model, PROMPTS[:rows], replace(DRAWING, samples=1))
    for prompt, (completion,) in zip(PROMPTS, found, strict=False):
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *completion.token_ids]]))[0, len(prompt) - 1 :]
        own = logits.log_softmax(1)[range(len(completion.token_ids)), completion.token_ids]
        torch.testing.assert_close(torch.tensor(completion.logprobs), own, rtol=0, atol=1e-5)
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in weights.items())
    laid_out = module.LaidOut(model, one_row=rows == 1).model.blocks[0].qkv
    assert laid_out.is_mkldnn == (small_numbers == 0 and rows > 1)
    assert laid_out.is_mkldnn or laid_out.is_contiguous() == (small_numbers > 0)


def test_a_row_is_the_same_in_any_batch(model, monkeypatch):
    together = tokens(generate(model, PROMPTS, DRAWING))
    assert tokens(generate(model, PROMPTS[::-1], DRAWING)) == together[::-1]
    assert tokens(generate(model, PROMPTS, DRAWING, threads=2)) == together
    fewer = tokens(generate(model, PROMPTS, replace(DRAWING, samples=2)))
    assert fewer == [each[:2] for each in together]
    shorter = tokens(generate(model, PROMPTS, replace(DRAWING, max_tokens=5)))
    assert shorter == [[completion[:5] for completion in each] for each in together]
    monkeypatch.setattr(module, "BATCH_ROWS", 1)
    assert [tokens(generate(model, [prompt], DRAWING))[0] for prompt in PROMPTS] == together


def test_samples_and_seeds_differ(model):
    found = tokens(generate(model, PROMPTS, DRAWING))
    assert all(len(set(each)) == 3 for each in found)
    assert tokens(generate(model, PROMPTS, replace(DRAWING, seed=8))) != found
    assert tokens(generate(model, PROMPTS, DRAWING)) == found


def test_a_completion_ends_at_the_stop_token_or_at_the_length(model):
    # Of 70 tokens one ends a text: of 150 completions of 40 tokens, some end and some do not.
    many = [[1, number, 2] for number in range(50)]
    found = generate(model, many, replace(DRAWING, max_tokens=40))
    completions = [completion for each in found for completion in each]
    assert {completion.finish_reason for completion in completions} == {"stop", "length"}
    for completion in completions:
        if completion.finish_reason == "stop":
            assert completion.token_ids.index(0) == len(completion.token_ids) - 1
            assert completion.text_ids == completion.token_ids[:-1]
        else:
            assert len(completion.token_ids) == 40
            assert 0 not in completion.text_ids == completion.token_ids


def test_logprobs_are_the_models_and_sampling_logprobs_the_chains(model):
    chain = parse("temperature=0.5,top_k=9")
    found = generate(model, PROMPTS, replace(DRAWING, chain=chain))
    for prompt, each in zip(PROMPTS, found, strict=True):
        for completion in each:
            read = [*prompt, *completion.token_ids]
            with torch.no_grad():
                logits = model(torch.tensor([read]))[0, len(prompt) - 1 : -1]
            at = torch.tensor(completion.token_ids)[:, None]
            own = logits.log_softmax(1).gather(1, at)[:, 0].tolist()
            assert list(completion.logprobs) == pytest.approx(own, abs=1e-4)
            sampling = logprobs(chain, logits).gather(1, at)[:, 0].tolist()
            assert list(completion.sampling_logprobs) == pytest.approx(sampling, abs=1e-4)


def test_a_chain_that_reads_the_text_reads_prompt_and_output_of_its_row(model):
    drawing = replace(DRAWING, chain=parse("no_repeat_ngram=1,top_k=30"), max_tokens=30)
    found = generate(model, PROMPTS, drawing)
    for prompt, each in zip(PROMPTS, found, strict=True):
        for completion in each:
            said = [*prompt, *completion.token_ids]
            assert len(set(said)) == len(set(prompt)) + len(completion.token_ids)
    alone = [generate(model, [prompt], drawing)[0] for prompt in PROMPTS]
    assert tokens(alone) == tokens(found)
    counted = replace(DRAWING, chain=parse("greedy"), samples=1)
    free = tokens(generate(model, PROMPTS, counted))
    banned = replace(counted, chain=parse("presence=1e9,greedy"))
    for (first,), (again,) in zip(free, tokens(generate(model, PROMPTS, banned)), strict=True):
        assert first[0] == again[0]
        assert len(set(again)) == len(again)


def test_tokens_are_drawn_as_often_as_they_are_likely():
    probabilities = torch.tensor([0.5, 0.25, 0.125, 0.0, 0.125] + [0.0] * 95)
    count = 20_000
    numbers = torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    drawn = draw(probabilities.log().expand(count, -1), numbers).places
    counts = torch.bincount(drawn, minlength=100)
    assert counts[3] == 0
    assert counts[5:].sum() == 0
    expected = probabilities[[0, 1, 2, 4]] * count
    statistic = ((counts[[0, 1, 2, 4]] - expected) ** 2 / expected).sum()
    assert statistic < 16.27  # chi-square, 3 degrees of freedom, 0.1 %


def test_the_numbers_of_a_row_depend_on_prompt_sample_and_seed():
    one = uniforms([1, 2], 0, DRAWING)
    assert len(one) == 12
    assert one.min() >= 0
    assert one.max() < 1
    assert (one == uniforms([1, 2], 0, replace(DRAWING, max_tokens=99))[:12]).all()
    others = [
        uniforms([1, 3], 0, DRAWING),
        uniforms([1, 2], 1, DRAWING),
        uniforms([1, 2], 0, replace(DRAWING, seed=8)),
        uniforms([12], 0, DRAWING),
    ]
    assert all((one != other).all() for other in others)


def test_the_advance_counts_the_prompts(model, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 6)
    advanced = []
    generate(model, PROMPTS, DRAWING, advance=advanced.append)
    assert advanced == [2, 2, 1]


def test_a_draw_that_another_batch_turns_is_counted(model, monkeypatch):
    # Differences of another batch, made large enough that some draws do turn.
    nats, exact = 1e-2, module.LaidOut.logits
    monkeypatch.setattr(boundary, "LOGIT_NATS", nats)
    many = replace(DRAWING, chain=parse("temperature=0.8,top_k=20,top_p=0.95"), samples=60)

    def rows(max_tokens):
        found = generate(model, PROMPTS, replace(many, max_tokens=max_tokens))
        return [one for each in found for one in each]

    counted = [[one.boundary_draws for one in rows(length)] for length in range(1, 13)]

    def noisy(writer, tokens, cache):
        logits = exact(writer, tokens, cache)
        return logits + (torch.rand(logits.shape) * 2 - 1) * nats

    torch.manual_seed(0)
    unchanged = rows(12)
    monkeypatch.setattr(module.LaidOut, "logits", noisy)
    turned = 0
    for number, (one, other) in enumerate(zip(unchanged, rows(12), strict=True)):
        beside = enumerate(zip(one.token_ids, other.token_ids, strict=False))
        first = next((place for place, two in beside if len({*two}) == 2), None)
        if first is not None:
            turned += 1
            assert counted[first][number] > (counted[first - 1][number] if first else 0)
    assert turned > 3
    draws = sum(len(one.token_ids) for one in unchanged)
    assert sum(one.boundary_draws for one in unchanged) < 0.5 * draws


class Countdown:
    """Allows one token after the other, from 9 down; done after the last."""

    def __init__(self, last=5):
        self.token, self.last = 9, last

    def allowed(self):
        return torch.arange(SHAPE.vocab_size) == self.token

    def advance(self, token_id):
        assert token_id == self.token
        self.token -= 1
        return token_id == self.last


def test_a_guide_says_what_may_be_written_and_when_it_is_done(model):
    drawing = replace(DRAWING, chain=parse("top_k=1"), guide=Countdown)
    for each in generate(model, PROMPTS, drawing):
        for completion in each:
            assert completion.token_ids == completion.text_ids == (9, 8, 7, 6, 5)
            assert completion.finish_reason == "stop"
            assert completion.sampling_logprobs == (0.0,) * 5
            assert max(completion.logprobs) < 0
            assert completion.boundary_draws == 0
    closing = replace(drawing, stop_ids=frozenset({3, 7}))
    for each in generate(model, PROMPTS, closing):
        assert {completion.text_ids for completion in each} == {(9, 8)}


def test_a_guide_that_allows_nothing_is_an_error(model):
    drawing = replace(DRAWING, stop_ids=frozenset(), guide=partial(Countdown, last=-2))
    with pytest.raises(BedstoneError, match="Countdown allows no token"):
        generate(model, PROMPTS, drawing)


def test_a_window_and_dropped_rows_are_those_of_a_row_alone():
    model = Transformer(SHAPE.model_copy(update={"window_tokens": 4}))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8 if weight.dim() > 1 else 1)
    drawing = replace(DRAWING, chain=parse("greedy"), samples=1, max_tokens=20)
    drawing = replace(drawing, stop_ids=frozenset(range(0, 70, 3)))
    found = generate(model, PROMPTS * 3, drawing)
    for prompt, (completion,) in zip(PROMPTS * 3, found, strict=True):
        whole = full_forward_greedy(model, prompt, 20, -1)
        ends = [place for place, token in enumerate(whole) if token in drawing.stop_ids]
        assert completion.token_ids == (whole[: ends[0] + 1] if ends else whole)


def test_a_half_precision_model_is_sampled_too(model):
    half = Transformer(SHAPE).to(torch.bfloat16)
    half.load_state_dict(model.state_dict())
    found = generate(half, PROMPTS, replace(DRAWING, chain=parse("top_k=5")))
    assert all(one.token_ids for each in found for one in each)


def test_experts_are_sampled_in_half_precision():
    experts = ExpertsConfig(n_experts=4, n_active_experts=2)
    half = Transformer(SHAPE.model_copy(update={"experts": experts})).to(torch.bfloat16)
    found = generate(half, PROMPTS, DRAWING)
    assert all(one.token_ids for each in found for one in each)


def test_half_precision_is_not_laid_out_where_there_are_no_kernels(model, no_bf16_kernels):
    half = Transformer(SHAPE).to(torch.bfloat16)
    half.load_state_dict(model.state_dict())
    laid_out = LaidOut(half, one_row=False)
    assert not any(weight.is_mkldnn for weight in laid_out.model.parameters())
    drawing = replace(DRAWING, chain=parse("top_k=5"))
    found, expected = (
        [one.logprobs[0] for each in generate(of, PROMPTS, drawing) for one in each]
        for of in (laid_out, model)
    )
    assert found == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(
    ("kernels", "bf16", "amx", "large"),
    [
        (True, True, False, "bf16"),
        (True, False, True, "bf16"),
        (True, False, False, "fp32"),
        (False, True, True, "fp32"),  # the processor has it, and torch does not use it
    ],
)
def test_bf16_is_for_large_models_where_the_processor_multiplies_it(
    kernels, bf16, amx, large, monkeypatch
):
    monkeypatch.setattr(processor, "has_bf16_kernels", lambda: kernels)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert (fastest_format(3_000_000), fastest_format(10_000_000)) == ("fp32", large)
