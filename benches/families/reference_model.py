"""A family's model in PyTorch, taken apart for MASP: pictures to features, embeddings to hidden states, logits."""

from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import nn
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from .chat import CHATS
from .sizes import tied

PROMPT_ROWS = 32


@dataclass
class Features:
    # What the aspects look at, [tokens, width].
    looked_at: torch.Tensor
    # What the language model is given in stage 2.
    run: torch.Tensor
    # Added to the run's rows after the first layers.
    deep: list


@dataclass
class Row:
    # [length, width]
    x: torch.Tensor
    # [length]; -100: not asked.
    labels: torch.Tensor
    deep: list = field(default_factory=list)
    # Where the run that `deep` belongs to begins and ends.
    span: tuple = (0, 0)


def padded(rows, left=False):
    """Embeddings, labels and mask of a batch, and what a deepstack needs: the places of all runs, and their levels."""
    longest = max(len(row.x) for row in rows)
    ends = [(longest - len(row.x), 0) if left else (0, longest - len(row.x)) for row in rows]
    x = torch.stack([nn.functional.pad(row.x, (0, 0, *end)) for row, end in zip(rows, ends)])
    labels = torch.stack([nn.functional.pad(row.labels, end, value=-100) for row, end in zip(rows, ends)])
    ones = [torch.ones(len(row.x), dtype=torch.long, device=x.device) for row in rows]
    mask = torch.stack([nn.functional.pad(one, end) for one, end in zip(ones, ends)])
    if not rows[0].deep:
        return x, labels, mask, {}
    places = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    for place, row, end in zip(places, rows, ends):
        place[end[0] + row.span[0] : end[0] + row.span[1]] = True
    levels = [torch.cat(level) for level in zip(*(row.deep for row in rows))]
    return x, labels, mask, {"visual_pos_masks": places, "deepstack_visual_embeds": levels}


class Model:
    def __init__(self, folder, device, weights, random=False):
        self.device, self.weights = device, weights
        config = AutoConfig.from_pretrained(folder)
        self.family = config.model_type
        if self.family not in CHATS:
            raise SystemExit(f"{folder} has the model_type {self.family}; known are {', '.join(CHATS)}")
        if random:
            torch.set_default_dtype(weights)
            with torch.device(device):
                self.model = AutoModelForImageTextToText.from_config(config)
            torch.set_default_dtype(torch.float32)
        else:
            self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=weights)
        self.model.to(device).requires_grad_(False)
        self.text = self.model.model.language_model
        self.embed = self.model.get_input_embeddings()
        self.width = self.embed.weight.shape[1]
        self.head, self.tied = self.model.lm_head.weight, tied(config.to_dict())
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.processor = AutoImageProcessor.from_pretrained(folder, use_fast=True)
        self.chat, self.tokens = CHATS[self.family], len(self.tokenizer)

    def ids(self, text):
        ids = self.tokenizer.encode(text, add_special_tokens=False) if text else []
        return torch.tensor(ids, dtype=torch.long, device=self.device)

    # Pictures.

    def prepared(self, path):
        image = Image.open(path).convert("RGB")
        image.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
        batch = self.processor(images=[image], return_tensors="pt").to(self.device)
        batch["pixel_values"] = batch["pixel_values"].to(self.weights)
        return batch

    @torch.no_grad()
    def features(self, path, whole=True):
        """A picture's features; without `whole` only as much as the aspects need."""
        batch, inner = self.prepared(path), self.model.model
        if self.family == "llava_next":
            return self.tiles(batch, whole)
        out = inner.visual(batch["pixel_values"], grid_thw=batch["image_grid_thw"])
        run, deep = out if isinstance(out, tuple) else (out, [])
        return Features(run, run, deep)

    def tiles(self, batch, whole):
        inner, pixels = self.model.model, batch["pixel_values"]
        own = (self.model.config.vision_config.image_size // self.model.config.vision_config.patch_size) ** 2
        if whole:
            run = inner.get_image_features(pixels, batch["image_sizes"])[0]
            return Features(run[:own], run, [])
        seen = inner.vision_tower(pixels[0, :1], output_hidden_states=True).hidden_states
        run = inner.multi_modal_projector(seen[self.model.config.vision_feature_layer][0, 1:])
        return Features(run, run, [])

    # Sequences.

    def row(self, visual, question, answer, prompt=None, deep=()):
        """A chat with `visual` in the picture's place and the answer's tokens asked, its lead among them.

        The last rows of `visual` are those that `deep` belongs to.
        """
        chat, soft = self.chat, [] if prompt is None else [prompt.to(self.weights)]
        texts = lambda text: self.embed(self.ids(text))
        before = [texts(chat.begin), *soft, texts(chat.before), visual.to(self.weights)]
        if soft:
            after = [texts(chat.after), *soft, texts(question + chat.end)]
        else:
            after = [texts(chat.after + question + chat.end)]
        gold = self.ids(chat.lead + answer)
        x = torch.cat([*before, *after, self.embed(gold)])
        labels = torch.full(x.shape[:1], -100, device=self.device)
        if answer:
            labels[len(x) - len(gold) :] = gold
        end = sum(map(len, before))
        return Row(x, labels, list(deep), (end - len(deep[0]), end) if deep else (0, 0))

    # The language model.

    def hidden(self, x, mask, places, deep=None, **more):
        """`places`: [rows, length], the same on all axes."""
        if self.family != "llava_next":
            places = places.expand(3, *places.shape)
        return self.text(inputs_embeds=x, attention_mask=mask, position_ids=places, **(deep or {}), **more)

    def logits(self, hidden, prompt=None):
        """Over all rows; with `prompt`, over the tokenizer's and the prompt's."""
        if prompt is None:
            return nn.functional.linear(hidden, self.head)
        if not self.tied:
            return nn.functional.linear(hidden, self.head[: self.tokens + PROMPT_ROWS])
        of_prompt = nn.functional.linear(hidden, prompt.to(hidden.dtype))
        return torch.cat([nn.functional.linear(hidden, self.head[: self.tokens]), of_prompt], -1)

    def loss(self, rows, prompt=None, everywhere=False):
        """The mean over all tokens that are asked; `everywhere`: through logits at every position, as the reference."""
        x, labels, mask, deep = padded(rows)
        places = torch.arange(x.shape[1], device=self.device).expand(x.shape[0], -1)
        hidden = self.hidden(x, mask, places, deep, use_cache=False).last_hidden_state
        if everywhere:
            logits = self.logits(hidden, prompt)
            return self.model.loss_function(logits=logits, labels=labels, vocab_size=logits.shape[-1])
        at = labels[:, 1:] != -100
        logits = self.logits(hidden[:, :-1][at], prompt)
        return nn.functional.cross_entropy(logits.float(), labels[:, 1:][at])

    # Evaluation.

    def begun(self, rows):
        """The rows passed with a cache, padded on the left; hidden state of each one's last place, mask, cache."""
        x, _, mask, deep = padded(rows, left=True)
        places = (mask.cumsum(1) - 1).clamp(min=0)
        out = self.hidden(x, mask, places, deep, use_cache=True)
        return out.last_hidden_state[:, -1], mask, out.past_key_values

    @torch.no_grad()
    def greedy(self, rows, prompt, count):
        """Exactly `count` tokens of each row, [rows, count]."""
        last, mask, cache = self.begun(rows)
        # The prompt's rows are no tokens that the embedding has; a random model may all the same give one.
        table = torch.cat([self.embed.weight[: self.tokens], prompt.to(self.embed.weight.dtype)])
        made = []
        while True:
            made.append(self.logits(last, prompt).argmax(-1))
            if len(made) == count:
                return torch.stack(made, 1)
            place = mask.sum(1, keepdim=True)
            mask = nn.functional.pad(mask, (0, 1), value=1)
            x = nn.functional.embedding(made[-1], table)[:, None]
            out = self.hidden(x, mask, place, use_cache=True, past_key_values=cache)
            last, cache = out.last_hidden_state[:, -1], out.past_key_values

    @torch.no_grad()
    def score(self, rows, prompt, labels):
        """Log-likelihood of each label behind each row, [rows, labels]: the chat passes once for all labels."""
        last, mask, cache = self.begun(rows)
        first = self.logits(last, prompt).float().log_softmax(-1)
        ids = [self.ids(label) for label in labels]
        sums = first[:, torch.stack([own[0] for own in ids])]
        longest = max(map(len, ids))
        if longest == 1:
            return sums
        after = torch.stack([nn.functional.pad(own, (0, longest - len(own)), value=-1) for own in ids])
        cache.batch_repeat_interleave(len(ids))
        whole = mask.repeat_interleave(len(ids), 0)
        given, asked = (side.repeat(len(rows), 1) for side in (after[:, :-1], after[:, 1:]))
        places = whole.sum(1, keepdim=True) + torch.arange(longest - 1, device=self.device)
        seen = torch.cat([whole, (given >= 0).long()], 1)
        x = self.embed(given.clamp(min=0))
        hidden = self.hidden(x, seen, places, use_cache=True, past_key_values=cache).last_hidden_state
        chances = self.logits(hidden, prompt).float().log_softmax(-1)
        own = chances.gather(-1, asked.clamp(min=0)[..., None])[..., 0] * (asked >= 0)
        return sums + own.sum(1).view(len(rows), len(ids))
