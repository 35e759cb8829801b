"""Plugins for the checks to look at: one that is right, and one for every way of being wrong that a check finds."""

from __future__ import annotations

HEAD = """
import ctypes, os, sys, time
import numpy as np
from harness import Candidate, Card
from harness.errors import CandidateError

KEPT = []

def vector(text):
    return [len(text) % 97, sum(map(ord, text[:50])) % 31, text.count("a") % 7 + 1]

class Right:
    def embed_text(self, texts):
        return np.array([vector(text) for text in texts], np.float32).reshape(1, len(texts), 3)

class Learner:
    def fit(self, texts, labels, classes):
        self.sums = np.zeros((classes, 3)); self.classes = classes
        for text, label in zip(texts, labels):
            self.sums[label] += vector(text)
    def predict(self, texts):
        scores = np.array([vector(text) for text in texts], np.float64) @ (self.sums / 1000).T
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

def candidate(model, name=None, load=None, **card):
    name = (name or model.__name__).lower().replace("_", "-")
    return Candidate(Card(**{"name": name, "license": "MIT"} | card), load or (lambda device, dtype: model()))
"""

RIGHT = (
    HEAD
    + """
from harness.models.capabilities import Weights

class Both(Right, Learner):
    def weights(self):
        return Weights(parameters=9, nbytes=36)

class Loud(Right):
    def embed_text(self, texts):
        print("x" * 100_000); os.write(1, b"y" * 100_000)
        if "SOME_TOKEN" in os.environ:
            raise ValueError("a secret is here")
        return super().embed_text(texts)

class Colors:
    def embed_image(self, images):
        if any(image.mode != "RGB" for image in images):
            raise ValueError("not RGB")
        return np.array([np.asarray(image.resize((2, 2))).ravel() for image in images], np.float32).reshape(1, -1, 12)

class Speaker:
    def log_likelihood(self, prompts, continuations):
        pairs = zip(prompts, continuations)
        return np.array([(-len(c) - vector(p)[0] / 97, len(c)) for p, c in pairs], np.float32).reshape(-1, 2)

class Judge:
    def entails(self, premises, hypotheses):
        return np.array([(vector(p)[0] / (1 + len(h)), 1) for p, h in zip(premises, hypotheses)], np.float32).reshape(-1, 2)

class Scribe:
    def generate(self, prompts, limit, stop):
        texts = [" ".join(map(str, vector(p) * limit)) for p in prompts]
        return [min((t.partition(s)[0] for s in stop), key=len) if stop else t for t in texts]

class Rote:
    def fit_texts(self, prompts, references): self.known = dict(zip(map(len, prompts), references))
    def write_texts(self, prompts): return [self.known.get(len(p), "none") for p in prompts]

candidates = (
    candidate(Both, parameters=9), candidate(Loud), candidate(Colors, modality=("image",)), candidate(Speaker), candidate(Scribe),
    candidate(Rote), candidate(Judge),
)
"""
)

WRONG = (
    HEAD
    + """
from harness.models.capabilities import Weights

class Flat(Right):
    def embed_text(self, texts): return super().embed_text(texts)[0]

class Wide(Right):
    def embed_text(self, texts): return super().embed_text(texts).astype(np.float64)

class Mumbling:
    def log_likelihood(self, prompts, continuations):
        longest = max(map(len, prompts), default=0)
        return np.array([(-len(c) - longest, len(c)) for c in continuations], np.float32).reshape(-1, 2)

class Deaf:
    def log_likelihood(self, prompts, continuations): return np.zeros(len(prompts), np.float32)

class Swayed:
    def entails(self, premises, hypotheses):
        longest = max(map(len, premises), default=0)
        return np.array([(len(p) - len(h), longest) for p, h in zip(premises, hypotheses)], np.float32).reshape(-1, 2)

class Certain:
    def entails(self, premises, hypotheses): return np.ones(len(premises), np.float32)

class Endless:
    def generate(self, prompts, limit, stop): return [f"{p[:9]} and so on" for p in prompts]

class Whispering:
    def generate(self, prompts, limit, stop): return [p[:3] + str(max(map(len, prompts), default=0) % 97) for p in prompts]

class Hoarding:
    known = {}
    def fit_texts(self, prompts, references): self.known.update(zip(map(len, prompts), references))
    def write_texts(self, prompts): return [self.known.get(len(p), "none") for p in prompts]

class Silent:
    def generate(self, prompts, limit, stop): return [None for p in prompts]

class Infinite(Right):
    def embed_text(self, texts): return super().embed_text(texts) * np.float32(np.inf)

class Random(Right):
    def embed_text(self, texts): return super().embed_text(texts) + np.random.rand(1, len(texts), 3).astype(np.float32)

class Centered(Right):
    def embed_text(self, texts):
        found = super().embed_text(texts)
        return found - found.mean(1, keepdims=True)

class Sorted(Right):
    def embed_text(self, texts): return super().embed_text(sorted(texts, key=len))

class Words(Right):
    def embed_text(self, texts):
        found = super().embed_text(texts)
        with np.errstate(all="ignore"):
            return found / np.array([[[sum(map(str.isalnum, text))] for text in texts]], np.float32)

class Short(Right):
    def embed_text(self, texts):
        if any(len(text) > 50_000 for text in texts):
            raise ValueError("too long")
        return super().embed_text(texts)

class Narrow(Right):
    def embed_text(self, texts):
        if any(ord(letter) > 0x1ffff for text in texts for letter in text[:50]):
            raise ValueError("what letter is this")
        return super().embed_text(texts)

class Leaking(Right):
    def __init__(self): KEPT.append(np.ones(6_000_000))

class Held(Right):
    def __init__(self): KEPT.append(self)

class Littering(Right):
    def embed_text(self, texts):
        with open("features.bin", "w") as file: file.write("x")
        return super().embed_text(texts)

class Greedy(Right):
    def embed_text(self, texts):
        with open("/tmp/bench-greedy", "wb") as file:
            os.unlink(file.name); file.seek(2**31); file.write(b"x"); file.flush()
        return super().embed_text(texts)

class Forging(Right):
    def embed_text(self, texts):
        for descriptor in range(3, 64):
            try: os.write(descriptor, b'["finding", {"check": 3}]\\nnonsense\\n["names", 7]\\n')
            except OSError: pass
        return super().embed_text(texts)[0]

class Unable: pass

class Hashing(Right):
    def embed_text(self, texts): return np.array([[[hash(text) % 1000] for text in texts]], np.float32).reshape(1, len(texts), 1)

class Weightless(Right):
    def weights(self): return Weights(parameters=10, nbytes=0)

class Leaving(Right):
    def embed_text(self, texts): sys.exit(0)

class Exiting(Right):
    def embed_text(self, texts): os._exit(3)

class Crashing(Right):
    def embed_text(self, texts): return ctypes.string_at(0)

class Closing(Right):
    def embed_text(self, texts): os.closerange(3, 256); return super().embed_text(texts)

class Doubled(Learner):
    def predict(self, texts): return super().predict(texts) * 2

class Margins(Learner):
    def predict(self, texts): return super().predict(texts) * [3, -1, -1]

class Unseeded(Learner):
    def fit(self, texts, labels, classes):
        super().fit(texts, labels, classes)
        self.sums *= np.random.rand(classes, 3)

class Remembering(Learner):
    sums = None
    def fit(self, texts, labels, classes):
        before = self.sums
        super().fit(texts, labels, classes)
        if before is not None:
            self.sums[: min(classes, len(before))] += before[: min(classes, len(before))]

class Together(Learner):
    def predict(self, texts):
        found = super().predict(texts)
        return 0.5 * found + 0.5 * found.mean(0)

class Unsorted(Learner):
    def predict(self, texts): return super().predict(sorted(texts, key=len))

class Mute(Learner):
    def predict(self, texts):
        if not all(any(map(str.isalnum, text)) for text in texts):
            raise ValueError("no words")
        return super().predict(texts)

class Tired(Learner):
    def predict(self, texts):
        if any(len(text) > 50_000 for text in texts):
            raise ValueError("too long")
        return super().predict(texts)

class Foreign(Learner):
    def predict(self, texts):
        if any(ord(letter) > 0x1ffff for text in texts for letter in text[:50]):
            raise ValueError("what letter is this")
        return super().predict(texts)

class Tiny:
    def embed_image(self, images):
        return np.array([[image.getpixel((1, 1)) for image in images]], np.float32)

def fail(device, dtype):
    raise OSError("no weights here")

candidates = (
    *map(candidate, (Flat, Wide, Infinite, Random, Centered, Sorted, Words, Short, Narrow, Leaking, Held, Littering, Greedy)),
    *map(candidate, (Forging, Unable, Hashing, Weightless, Leaving, Exiting, Crashing, Closing)),
    *map(candidate, (Doubled, Margins, Unseeded, Remembering, Together, Unsorted, Mute, Tired, Foreign)),
    *map(candidate, (Mumbling, Deaf, Swayed, Certain, Endless, Whispering, Hoarding, Silent)),
    candidate(Tiny, modality=("image",)),
    candidate(Right, "blind", modality=("text", "image")),
    candidate(Right, "failing", load=fail),
    candidate(Right, "empty", load=lambda device, dtype: None),
    candidate(Right, "last"),
)
"""
)

# Of each candidate above, the checks that must fail. Some flaws are seen by two: strange letters are no words either, and rows that
# are mixed up are so in any order.
EXPECTED = {
    "flat": {"shape"},
    "wide": {"shape"},
    "infinite": {"shape"},
    "random": {"determinism", "batch size", "row order", "processes"},
    "centered": {"batch size"},
    "sorted": {"batch size", "row order"},
    "words": {"empty input", "unicode"},
    "short": {"huge input"},
    "narrow": {"unicode"},
    "leaking": {"memory"},
    "held": {"memory"},
    "littering": {"files"},
    "greedy": {"shape"},
    "forging": {"shape"},
    "unable": {"capability"},
    "hashing": {"processes"},
    "weightless": {"size"},
    "leaving": {"shape"},
    "exiting": {"shape"},
    "crashing": {"shape"},
    "closing": {"shape"},
    "doubled": {"shape"},
    "margins": {"shape"},
    "unseeded": {"determinism", "refit", "processes"},
    "remembering": {"refit"},
    "together": {"batch size"},
    "unsorted": {"batch size", "row order"},
    "mute": {"empty input", "unicode"},
    "tired": {"huge input"},
    "foreign": {"unicode"},
    "mumbling": {"batch size"},
    "deaf": {"shape"},
    "swayed": {"batch size"},
    "certain": {"shape"},
    "endless": {"shape"},
    "whispering": {"batch size"},
    "hoarding": {"determinism", "batch size", "row order"},
    "silent": {"shape"},
    "tiny": {"huge input"},
    "blind": {"capability"},
    "failing": {"load"},
    "empty": {"load"},
}
DOUBTFUL = (
    HEAD
    + """
class Same(Right):
    def embed_text(self, texts): return np.ones((1, len(texts), 3), np.float32)

class Strict(Right):
    def embed_text(self, texts):
        if not texts: raise ValueError("nothing to do")
        return super().embed_text(texts)

class Seeing(Right):
    def embed_image(self, images): return np.ones((1, len(images), 3), np.float32)

candidates = (candidate(Same), candidate(Strict), candidate(Seeing), candidate(Right, "unlicensed", license="unknown"))
"""
)
HANGING = (
    HEAD
    + """
class Hanging(Right):
    def embed_text(self, texts):
        import subprocess
        subprocess.Popen(["sleep", "4242.4242"])
        while True:
            time.sleep(0.01)

candidates = (candidate(Hanging), candidate(Right, "next"))
"""
)
