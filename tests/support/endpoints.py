"""Endpoints on the loopback, honest and not."""

import itertools
import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np

from bedstone.sampling.endpoints.findings import Finding, Findings
from bedstone.sampling.endpoints.openai_api import (
    PARAMETERS,
    RemoteDrawing,
)
from bedstone.sampling.endpoints.probing import TOKENS

DONE = {
    "choices": [{"index": 0, "text": " done", "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}
VOCAB_SIZE = 400
EXTRA = ("top_k", "min_p", "repetition_penalty")
"""What OpenAI has not."""
NO_MODEL = "the model 'nothing' does not exist"
FEATURES = (
    *dict.fromkeys(PARAMETERS.values()),
    *("seed", "redraw", "n", "max_tokens", "stop", "logprobs", "untruncated", "order", "echo"),
)
SYLLABLES = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu")
WORDS = [f" {''.join(parts)}" for parts in itertools.product(SYLLABLES, repeat=3)][:VOCAB_SIZE]


class Toy:
    """A model of pairs of words behind the API, honest but for its lies."""

    def __init__(self, lies=(), number=0):
        self.lies, self.calls = frozenset(lies), itertools.count()
        dice = np.random.default_rng(number)
        self.logits_VV = dice.normal(0, 1.8, (VOCAB_SIZE, VOCAB_SIZE)) + dice.normal(
            0, 1.5, VOCAB_SIZE
        )
        self.bodies = []

    def answer(self, body, chat):
        """The status and what is answered."""
        self.bodies.append(body)
        if body["model"] == "nothing":
            return 404, {"error": {"message": NO_MODEL}}
        for name in (*EXTRA, "seed", "temperature"):
            if f"refuses {name}" in self.lies and name in body:
                return 400, {"error": {"message": f"unrecognized argument: {name}"}}
        if body.get("echo") and "no echo" not in self.lies:
            return 200, self.echo(body["prompt"])
        count = 1 if "one choice" in self.lies else body.get("n", 1)
        call = next(self.calls)
        seed = {"fixed seed": 0, "no seed": call}
        base = next((seed[lie] for lie in self.lies if lie in seed), body.get("seed", call))
        drawn = [
            self.draw(body, [base, 0 if "equal choices" in self.lies else choice])
            for choice in range(count)
        ]
        choices = [self.choice(body, number, *each, chat) for number, each in enumerate(drawn)]
        counted = drawn[:1] if "counts one" in self.lies else drawn
        usage = {"prompt_tokens": 7, "completion_tokens": sum(len(ids) for ids, _, _ in counted)}
        return 200, {"choices": choices, "usage": usage}

    def draw(self, body, seed):
        """Ids, the log-probabilities of all words in each place, how it ended."""
        dice, ids, rows = np.random.default_rng(seed), [], []
        limit = TOKENS if "long" in self.lies else body["max_tokens"]
        for _ in range(limit):
            model_V = self.logits_VV[ids[-1] if ids else 0]
            chain_V = self.chain(body, model_V, ids)
            rows.append(log_softmax(chain_V if "of the chain" in self.lies else model_V))
            ids.append(int((log_softmax(chain_V) + dice.gumbel(size=VOCAB_SIZE)).argmax()))
            text = self.text(ids)
            if "no stop" not in self.lies and any(end in text for end in body.get("stop", ())):
                return ids, rows, "stop"
        return ids, rows, "length"

    def echo(self, text):
        """A given text, its words and other characters, with one more word behind it."""
        pieces = [*re.findall(f"{'|'.join(WORDS)}|.", text, re.DOTALL), WORDS[0]]
        ids = [WORDS.index(each) if each in WORDS else 0 for each in pieces]
        shift = "echoes another" in self.lies
        logprobs = [None] + [
            float(log_softmax(self.logits_VV[before])[each - shift])
            for before, each in itertools.pairwise(ids)
        ]
        told = {"tokens": pieces, "token_logprobs": logprobs}
        choice = {"index": 0, "text": "".join(pieces), "finish_reason": "length", "logprobs": told}
        usage = {"prompt_tokens": len(pieces) - 1, "completion_tokens": 1}
        return {"choices": [choice], "usage": usage}

    def chain(self, body, logits_V, ids):
        counts_V = np.bincount(ids, minlength=VOCAB_SIZE)
        logits_V = logits_V - counts_V * body.get("frequency_penalty", 0)
        logits_V = logits_V - (counts_V > 0) * body.get("presence_penalty", 0)
        factor = 1 if "no penalty" in self.lies else body.get("repetition_penalty", 1)
        scaled_V = np.where(logits_V > 0, logits_V / factor, logits_V * factor)
        logits_V = np.where(counts_V > 0, scaled_V, logits_V)
        cut = {name: body[name] for name in ("top_k", "min_p", "top_p") if name in body}
        cut = {name: value for name, value in cut.items() if f"no {name}" not in self.lies}
        if "truncates" in self.lies:
            cut["min_p"] = 0.05
        temperature = body.get("temperature", 0.8)
        temperature = 1 if "no temperature" in self.lies else temperature
        if temperature == 0 or "always greedy" in self.lies:
            return np.where(logits_V == logits_V.max(), 0, -np.inf)
        if "temperature last" in self.lies:
            return truncated(logits_V, **cut) / temperature
        return truncated(logits_V / temperature, **cut)

    def choice(self, body, index, ids, rows, ended, chat):
        text = self.text(ids)
        if "no stop" not in self.lies and "keeps stop" not in self.lies:
            text = min((text.split(end)[0] for end in body.get("stop", ())), key=len, default=text)
        found = {"index": index, "finish_reason": ended}
        found |= {"message": {"content": text}} if chat else {"text": text}
        if body.get("logprobs") not in (None, False) and "no logprobs" not in self.lies:
            count = body["top_logprobs"] if chat else body["logprobs"]
            places = [self.told(*each, count) for each in zip(ids, rows, strict=True)]
            found["logprobs"] = as_chat(places) if chat else as_text(places)
        return found

    def told(self, drawn, logprobs_V, count):
        """A word's log-probability and those listed, as the lies have them."""
        if "constant" in self.lies:
            logprobs_V = np.full(VOCAB_SIZE, -1.0 - np.log(count))
        if "random" in self.lies:
            logprobs_V = np.sort(np.random.default_rng().normal(-9, 2, VOCAB_SIZE))[
                logprobs_V.argsort().argsort()
            ]
        if "sharpened" in self.lies:
            logprobs_V = log_softmax(logprobs_V * 3)
        if "positive" in self.lies:
            logprobs_V = -logprobs_V
        if "too heavy" in self.lies:
            logprobs_V = logprobs_V * 0.3
        if "of another" in self.lies:
            logprobs_V = np.roll(logprobs_V, 1)
        # A few values too small for JSON stand for those ruled out, as servers do it.
        logprobs_V = np.maximum(logprobs_V, -9999.0)
        best = np.argsort(-logprobs_V, kind="stable")[:count]
        listed = {WORDS[each]: float(logprobs_V[each]) for each in best}
        return WORDS[drawn], float(logprobs_V[drawn]), listed

    def text(self, ids):
        return "".join(WORDS[each] for each in ids)


@contextmanager
def serving(answer):
    """The address of a server that answers by ``answer(handler, body)``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            answer(self, json.loads(self.rfile.read(length)))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler, status, content, headers=()):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    for name, value in (*headers, ("Content-Length", str(len(data)))):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def toy_answer(toy):
    lock = threading.Lock()

    def answer(handler, body):
        with lock:
            status, content = toy.answer(body, handler.path == "/v1/chat/completions")
        reply(handler, status, content)

    return answer


def found(logprobs_of="model", **verdicts):
    """Findings of an endpoint that honours all but some."""
    features = {
        name: Finding(verdicts.get(name, "honoured"), f"{name} was seen", 1, 1) for name in FEATURES
    }
    return Findings(features, logprobs_of)


def asked(*steps, samples=1, **options):
    return RemoteDrawing(chain(*steps), samples, max_tokens=8, seed=3, **options)


class Scripted:
    """A server that answers by a list, one after another: a status with headers, or a deed."""

    def __init__(self, *script):
        self.script, self.asked, self.times = list(script), [], []

    def __call__(self, handler, body):
        self.asked.append((handler.headers, body))
        self.times.append(time.monotonic())
        status, content, *headers = self.script.pop(0)
        if status is None:
            handler.connection.close()
        elif status == "cut":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(content)
        elif status == "slow":
            time.sleep(content)
        else:
            reply(handler, status, content, headers)


def error(message):
    return {"error": {"message": message}}


def log_softmax(logits_V):
    shifted_V = logits_V - logits_V.max()
    return shifted_V - np.log(np.exp(shifted_V).sum())


def truncated(logits_V, top_k=-1, min_p=0.0, top_p=1.0):
    order = np.argsort(-logits_V, kind="stable")
    if top_k > 0:
        logits_V = logits_V.copy()
        logits_V[order[top_k:]] = -np.inf
    logprobs_V = log_softmax(logits_V)
    keeps_V = logprobs_V >= logprobs_V.max() + np.log(max(min_p, 1e-30))
    before = np.cumsum(np.exp(logprobs_V[order])) - np.exp(logprobs_V[order])
    keeps_V[order[before >= top_p]] = False
    return np.where(keeps_V, logits_V, -np.inf)


def as_chat(places):
    return {
        "content": [
            {
                "token": word,
                "logprob": logprob,
                "top_logprobs": [{"token": key, "logprob": value} for key, value in listed.items()],
            }
            for word, logprob, listed in places
        ]
    }


def as_text(places):
    # The word that was drawn is listed too, as OpenAI does it.
    words, logprobs, listed = zip(*places, strict=True)
    tops = [
        each | {word: logprob} for word, logprob, each in zip(words, logprobs, listed, strict=True)
    ]
    return {"tokens": words, "token_logprobs": logprobs, "top_logprobs": tops}


def chain(*steps):
    return SimpleNamespace(steps=steps)
