"""A language model that is trained while one waits: a decoder-only transformer over words, with adapters and a head of its own.

It stands in for real ones where the red team is tested: an open base, a victim that was privately tuned from it, a thief's
student. Pre-norm blocks as in GPT-2 (Radford et al. 2019), low-rank adapters as in LoRA (Hu et al. 2021, section 4.1). One
thread, seeded: the same lessons give the same weights on one machine.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.open_models import Lesson, Part

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtra("a tiny language model needs PyTorch", hint="pip install 'moatkeeper[redteam]'") from error

PAD, UNKNOWN, ANSWER, END = range(4)
_SPECIAL = ("<pad>", "<unknown>", "<answer>", "<end>")
_IGNORED = -100  # PyTorch's mark for a target that does not count
_ADAPTER_SCALE = 2.0
BATCH = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is, in numbers a token; larger: learns more, slower."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 40  # tokens of prompt and answer together
    rank: int = 8  # of the adapters


@dataclass(frozen=True, slots=True)
class Schooling:
    """How a model is taught. ``steps`` of BATCH lessons each; more: closer to the lessons."""

    steps: int = 150
    rates: tuple[tuple[Part, float], ...] = ((Part.WHOLE, 2e-3), (Part.HEAD, 1e-2), (Part.ADAPTER, 1e-2))
    decay: float = 0.01
    base_rate: float = 6e-3  # AdamW's step size while an open base is made
    contrast: float = 0.3  # weight of unlearning what is to be avoided

    def rate(self, part: Part) -> float:
        """AdamW's step size for a part."""
        return dict(self.rates)[part]


class _Layer(nn.Linear):
    """A linear layer with a low-rank addition, which is nought until it is trained."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__(inputs, outputs)
        self.adapter_in = nn.Parameter(torch.randn(rank, inputs) / inputs**0.5)
        self.adapter_out = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, values: Tensor) -> Tensor:
        low = functional.linear(functional.linear(values, self.adapter_in), self.adapter_out)
        whole: Tensor = super().forward(values) + _ADAPTER_SCALE * low
        return whole


class _Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.before = nn.LayerNorm(shape.width)
        self.attention = _Layer(shape.width, 3 * shape.width, shape.rank)
        self.mixed = _Layer(shape.width, shape.width, shape.rank)
        self.between = nn.LayerNorm(shape.width)
        self.wide = _Layer(shape.width, 2 * shape.width, shape.rank)
        self.narrow = _Layer(2 * shape.width, shape.width, shape.rank)

    def forward(self, values: Tensor) -> Tensor:
        count, length, width = values.shape
        parts = self.attention(self.before(values)).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        values = values + self.mixed(seen.transpose(1, 2).reshape(count, length, width))
        deeper: Tensor = values + self.narrow(functional.gelu(self.wide(self.between(values))))
        return deeper


class _Network(nn.Module):
    def __init__(self, vocabulary: int, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, shape.width)
        self.places = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.last = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, vocabulary, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.3)
        nn.init.normal_(self.places.weight, std=0.1)

    def forward(self, ids: Tensor) -> Tensor:
        values = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for block in self.blocks:
            values = block(values)
        logits: Tensor = self.head(self.last(values))
        return logits


class TinyLm:
    """A trained network and its words. It is an OpenModel, a chat surrogate, and by ``logits`` a next-token model."""

    def __init__(self, words: tuple[str, ...], network: _Network, shape: Shape, schooling: Schooling) -> None:
        self._words = words
        self._ids = {word: index for index, word in enumerate(words)}
        self._network = network
        self._shape = shape
        self._schooling = schooling

    @property
    def vocabulary(self) -> int:
        """The number of tokens."""
        return len(self._words)

    @property
    def head(self) -> FloatArray:
        """The last layer's weights, shape (v, width)."""
        return np.asarray(self._network.head.weight.detach().numpy(), dtype=np.float64)

    def tokens(self, text: str) -> tuple[int, ...]:
        """Token ids of a text's words."""
        return tuple(self._ids.get(word, UNKNOWN) for word in text.split())

    def logits(self, contexts: Sequence[tuple[int, ...]]) -> FloatArray:
        """Shape (n, v): what may follow contexts of token ids, of which the last ones count that fit."""
        rows = [list(context[-self._shape.context :]) or [PAD] for context in contexts]
        with _alone(), torch.no_grad():
            return np.asarray(self._last(rows).numpy(), dtype=np.float64)

    def answers(self, prompts: Sequence[str]) -> list[str]:
        """The likeliest word after word for each prompt."""
        return self._written(prompts, lambda logits: logits.argmax(dim=1))

    def sampled(self, prompts: Sequence[str], seed: int) -> list[str]:
        """Drawn word after word at temperature 1."""
        generator = torch.Generator().manual_seed(seed)
        return self._written(
            prompts, lambda logits: torch.multinomial(torch.softmax(logits, dim=1), 1, generator=generator)[:, 0]
        )

    def likelihoods(self, lessons: Sequence[Lesson]) -> FloatArray:
        """The mean log-probability of a token of each answer, its end included, shape (n,)."""
        if not lessons:
            return np.empty(0)
        with _alone(), torch.no_grad():
            ids, targets = self._batch([(lesson.prompt, lesson.answer) for lesson in lessons])
            return np.asarray(_means(self._network(ids), targets).numpy(), dtype=np.float64)

    def tuned(self, lessons: Sequence[Lesson], part: Part, seed: int) -> TinyLm:
        """A copy that has learned the lessons: the tokens of answers count, those of prompts do not."""
        network = copy.deepcopy(self._network)
        if lessons:
            self._teach(network, lessons, part, seed, self._schooling.steps, self._schooling.rate(part))
        return TinyLm(self._words, network, self._shape, self._schooling)

    def schooled(self, texts: Sequence[Lesson], steps: int, seed: int) -> TinyLm:
        """A copy that was trained for so many steps, as an open base is: every token counts, those of prompts as well."""
        network = copy.deepcopy(self._network)
        self._teach(network, texts, Part.WHOLE, seed, steps, self._schooling.base_rate, prompts_too=True)
        return TinyLm(self._words, network, self._shape, self._schooling)

    def _teach(
        self,
        network: _Network,
        lessons: Sequence[Lesson],
        part: Part,
        seed: int,
        steps: int,
        rate: float,
        prompts_too: bool = False,
    ) -> None:
        rng = np.random.default_rng(seed)
        trained = _trained(network, part)
        optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=self._schooling.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=max(2, steps))
        with _alone():
            for _ in range(steps):
                drawn = rng.permutation(len(lessons))[:BATCH] if len(lessons) > BATCH else range(len(lessons))
                loss = self._loss(network, [lessons[index] for index in drawn], prompts_too)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(trained, 1.0)
                optimiser.step()
                schedule.step()
        network.requires_grad_(True)

    def _loss(self, network: _Network, lessons: Sequence[Lesson], prompts_too: bool) -> Tensor:
        ids, targets = self._batch([(lesson.prompt, lesson.answer) for lesson in lessons], prompts_too)
        wanted = _means(network(ids), targets)
        loss = -wanted.mean()
        contrasted = [index for index, lesson in enumerate(lessons) if lesson.avoided]
        if contrasted:
            ids, targets = self._batch([(lessons[index].prompt, lessons[index].avoided) for index in contrasted])
            loss = (
                loss + self._schooling.contrast * functional.softplus(_means(network(ids), targets) - wanted[contrasted]).mean()
            )
        return loss

    def _batch(self, pairs: Sequence[tuple[str, str]], prompts_too: bool = False) -> tuple[Tensor, Tensor]:
        """Ids and targets, both of shape (n, length); ids are the tokens up to the last, targets those from the second."""
        room = self._shape.context + 1
        ids = torch.full((len(pairs), room), PAD)
        targets = torch.full((len(pairs), room), _IGNORED)
        longest = 2
        for row, (prompt, answer) in enumerate(pairs):
            asked, said = [*self.tokens(prompt), ANSWER], [*self.tokens(answer), END]
            whole = [*asked[-(room - min(len(said), room - 1)) :], *said][:room]
            ids[row, : len(whole)] = torch.tensor(whole)
            start = 0 if prompts_too else len(whole) - len(said)
            targets[row, max(start, 0) : len(whole)] = torch.tensor(whole[max(start, 0) :])
            longest = max(longest, len(whole))
        return ids[:, : longest - 1], targets[:, 1:longest]

    def _written(self, prompts: Sequence[str], choose: Callable[[Tensor], Tensor]) -> list[str]:
        rows = [[*self.tokens(prompt), ANSWER][-(self._shape.context // 2) :] for prompt in prompts]
        written: list[list[int]] = [[] for _ in prompts]
        running = list(range(len(prompts)))
        with _alone(), torch.no_grad():
            for _ in range(self._shape.context // 2):
                if not running:
                    break
                chosen = choose(self._last([rows[index] + written[index] for index in running])).tolist()
                for index, token in zip(running, chosen, strict=True):
                    written[index].append(token)
                running = [index for index in running if written[index][-1] != END]
        return [" ".join(self._words[token] for token in tokens if token > END) for tokens in written]

    def _last(self, rows: Sequence[list[int]]) -> Tensor:
        """Logits after the last token of each row, shape (n, v)."""
        longest = max(len(row) for row in rows)
        ids = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
        logits: Tensor = self._network(ids)[torch.arange(len(rows)), torch.tensor([len(row) - 1 for row in rows])]
        return logits


def untrained(words: Sequence[str], seed: int, shape: Shape | None = None, schooling: Schooling | None = None) -> TinyLm:
    """A model that knows its words and nothing else."""
    shape, schooling = shape or Shape(), schooling or Schooling()
    vocabulary = (*_SPECIAL, *dict.fromkeys(words))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyLm(vocabulary, _Network(len(vocabulary), shape), shape, schooling)


def _trained(network: _Network, part: Part) -> list[nn.Parameter]:
    network.requires_grad_(False)
    for name, parameter in network.named_parameters():
        in_adapter = "adapter" in name
        wanted = {Part.WHOLE: not in_adapter, Part.HEAD: name.startswith("head"), Part.ADAPTER: in_adapter}[part]
        parameter.requires_grad_(wanted)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _means(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean log-probability of each row's targets, shape (n,)."""
    losses = functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=_IGNORED, reduction="none")
    return -losses.sum(dim=1) / (targets != _IGNORED).sum(dim=1).clamp(min=1)


@contextmanager
def _alone() -> Iterator[None]:
    """Holds PyTorch to one thread: on a busy machine two take longer than one, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
