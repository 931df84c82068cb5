"""Makes the self-test slices of the further families, Qwen2.5-VL, Qwen3-VL and LLaVA-NeXT-Mistral, in 64-bit floats.

    pip install "jax[cpu]" numpy safetensors pillow==11.3.0
    python families.py OUT [FAMILY..]   writes OUT/qwen2_5_vl, OUT/qwen3_vl and OUT/llava_next, or the ones named
    python families.py --check FOLDER   computes the golden data in FOLDER again and prints the errors (see check.py)

As `make.py`, from which the parts that all families share are taken, it is written from the description of the method and
the tensors' names alone. Pictures and towers are in `towers.py`, sizes and random weights in `small.py`.
"""
import json, re, sys
from pathlib import Path
import jax, jax.numpy as jnp, numpy as np
from PIL import Image
from safetensors.numpy import save_file
import small
from make import (MODULE_HEADS, aspect, attend, greedy, linear, load, mrope_positions, picture, plain_positions, rms_norm, rotate,
                  schedule, train)
from towers import prepare, see

# What stands before the names of the language model, and the name of its head.
NAMES = {"qwen2_5_vl": ("model.", "lm_head.weight"), "qwen3_vl": ("model.language_model.", "lm_head.weight"),
         "llava_next": ("language_model.model.", "language_model.lm_head.weight")}

class Model:
    """A family's model: settings, weights, and the passes that MASP needs."""

    def __init__(self, cfg, pre, w):
        self.cfg, self.pre, self.w, self.kind = cfg, pre, w, cfg["model_type"]
        self.text = cfg.get("text_config", cfg)  # Qwen2.5-VL's hub form has the language model's keys at the top
        self.prefix, head = NAMES[self.kind]
        self.image = cfg.get("image_token_id", cfg.get("image_token_index"))
        self.table = w[self.prefix + "embed_tokens.weight"]
        self.tied = cfg["tie_word_embeddings"]
        self.head = self.table if self.tied else w[head]
        self.tail = 1 if self.kind == "llava_next" else 2  # what follows an answer: </s>, or <|im_end|> and a newline
        self.lead = 0 if self.kind == "llava_next" else 1  # what is supervised before an answer: the template's newline
        self.compiled = {}

    def once(self, key, function):
        """`function` compiled, kept under `key`: a case is computed many times in training."""
        return self.compiled.setdefault(key, jax.jit(function))

    def prepare(self, image):
        return prepare(self.kind, self.pre, image)

    def see(self, values, where):
        """The tower's stages; `run` is what the language model is given, `deep` what its first layers are given more."""
        tower = lambda values: see(self.kind, self.w, self.cfg, values, where)
        out = self.once(("tower", *where), tower)(jnp.asarray(values))
        deep = [out[f"deep.{k}"] for k in range(sum(name.startswith("deep.") for name in out))]
        return out, out.get("run", out["features"]), deep

    def positions(self, ids, where):
        """The family's own positions in a plain pass, [3, len]; LLaVA's are 1-D."""
        if self.kind == "llava_next":
            return plain_positions(len(ids))
        return mrope_positions(ids, self.image, where, self.cfg["vision_config"]["spatial_merge_size"])

    def frequencies(self, d):
        """Rotary frequencies of a head, and for each the axis of the positions (time, height, width) that turns it."""
        freq, pairs = self.text["rope_theta"] ** -(np.arange(0, d, 2) / d), np.arange(d // 2)
        if self.kind == "llava_next":
            return freq, 0 * pairs
        section = self.text["rope_scaling"]["mrope_section"]
        if self.kind == "qwen2_5_vl":  # in blocks
            return freq, np.repeat([0, 1, 2], section)
        inside = [pairs < 3 * section[k] for k in range(3)]  # interleaved
        return freq, np.where((pairs % 3 == 1) & inside[1], 1, np.where((pairs % 3 == 2) & inside[2], 2, 0))

    def language(self, x, positions, deep, places):
        """Embeddings [len, d] to the input of each layer and, last, the states after the final norm. `deep[k]` is added at
        `places` after layer k."""
        t, w = self.text, self.w
        heads, groups, eps = t["num_attention_heads"], t["num_key_value_heads"], t["rms_norm_eps"]
        d = t.get("head_dim") or t["hidden_size"] // heads
        freq, axis = self.frequencies(d)
        angle, states = positions[axis].T * freq, []
        for i in range(t["num_hidden_layers"]):
            states.append(x)
            b = f"{self.prefix}layers.{i}."
            h = rms_norm(w, b + "input_layernorm", x, eps)
            q, k, v = (linear(w, f"{b}self_attn.{n}_proj", h).reshape(len(x), -1, d) for n in "qkv")
            if self.kind == "qwen3_vl":
                q, k = rms_norm(w, b + "self_attn.q_norm", q, eps), rms_norm(w, b + "self_attn.k_norm", k, eps)
            k, v = (jnp.repeat(s, heads // groups, axis=1) for s in (rotate(k, angle), v))
            mixed = attend(rotate(q, angle), k, v, causal=True)[0]
            x = x + linear(w, b + "self_attn.o_proj", mixed.reshape(len(x), -1))
            h = rms_norm(w, b + "post_attention_layernorm", x, eps)
            gated = jax.nn.silu(linear(w, b + "mlp.gate_proj", h)) * linear(w, b + "mlp.up_proj", h)
            x = x + linear(w, b + "mlp.down_proj", gated)
            if i < len(deep):
                x = x.at[places].add(deep[i])
        return states + [rms_norm(w, self.prefix + "norm", x, eps)]

    def states(self, ids, rows, deep=(), table=None, positions=None):
        """The language model's states where `rows` stand in the image token's places, in order. Deepstack rows belong to the
        last of them, the vision tokens: z, which stands before, gets none."""
        table = self.table if table is None else table
        places = np.flatnonzero(np.asarray(ids) == self.image)
        assert len(places) == len(rows)
        x = table[jnp.asarray(ids)].at[places].set(rows)
        last = places[len(places) - len(deep[0]):] if len(deep) else None
        positions = jnp.asarray(plain_positions(len(ids)) if positions is None else positions)
        return self.once("language", self.language)(x, positions, tuple(deep), last)

    def tables(self, prompt_in, prompt_head, tokens):
        """Stage 2's embedding and head: the tokenizer's rows, then the prompt's; untied, the head keeps its own rows."""
        last = prompt_head if self.tied else self.head[tokens:tokens + len(prompt_in)]
        return jnp.concatenate([self.table[:tokens], prompt_in]), jnp.concatenate([self.head[:tokens], last])

    def answer_loss(self, hidden, head, ids, answer):
        """Mean cross-entropy over `answer`, which the template's end follows."""
        first = len(ids) - self.tail - len(answer)
        assert list(ids[first:first + len(answer)]) == list(answer)
        logp = jax.nn.log_softmax(hidden[first - 1:first - 1 + len(answer)] @ head.T, axis=-1)
        return -logp[jnp.arange(len(answer)), jnp.asarray(answer)].mean()

    def stage1_loss(self, params, features, view, ids, answer):
        hidden = self.states(ids, aspect(params, view, features)[0])[-1]
        return self.answer_loss(hidden, self.head, ids, answer)

    def stage1_gradient(self, params, features, view, ids, answer):
        mine = {n: v for n, v in params.items() if n.split(".")[1] == view}
        loss = lambda params, features: self.stage1_loss(params, features, view, ids, answer)
        return self.once((view, *ids), jax.value_and_grad(loss))(mine, features)

    def stage2_loss(self, prompt_in, prompt_head, tokens, rows, deep, ids, answer, positions=None):
        table, head = self.tables(prompt_in, prompt_head, tokens)
        return self.answer_loss(self.states(ids, rows, deep, table, positions)[-1], head, ids, answer)

    def stage2_gradient(self, prompt, tokens, rows, deep, ids, answer, positions=None):
        """The loss, the prompt's whole gradient, and that of its places in the sequence alone."""
        value = lambda a, b, rows, deep: self.stage2_loss(a, b, tokens, rows, deep, ids, answer, positions)
        key = (*ids, *np.ravel(positions if positions is not None else ()).tolist())
        loss, (places, head) = self.once(key, jax.value_and_grad(value, argnums=(0, 1)))(prompt, prompt, rows, deep)
        return loss, places + head, places

    def label_log_likelihood(self, prompt, tokens, rows, deep, context, label, positions=None):
        """Sum of the label's own tokens' log-probabilities after `context`."""
        table, head = self.tables(prompt, prompt, tokens)
        hidden = self.states(list(context) + list(label), rows, deep, table, positions)[-1]
        logp = jax.nn.log_softmax(hidden[len(context) - 1:-1] @ head.T, axis=-1)
        return float(logp[jnp.arange(len(label)), jnp.asarray(label)].sum())

    def before_label(self, ids, answer):
        """A case's ids up to the label's own tokens."""
        return list(ids[:len(ids) - self.tail - len(answer) + self.lead])

def open_model(folder, config=None):
    read = lambda path: json.loads(path.read_text())
    cfg = read(config or folder / "config.json")
    return Model(cfg, read(folder / "preprocessor_config.json"), load(folder / "model.safetensors"))

# ---- the slices
def some_rows(values, count):
    """Rows of the tower's input, the last axis' length each: `count` of them from the first to the last."""
    rows = np.asarray(values).reshape(-1, np.shape(values)[-1])
    chosen = np.linspace(0, len(rows) - 1, count).astype(np.int64)
    return {"pixel_values_rows": chosen.astype(np.int32), "pixel_values": rows[chosen]}

def write_json(path, value):
    """Indented, but with lists of numbers in one line."""
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda m: "[" + " ".join(m[0][1:-1].split()) + "]", json.dumps(value, indent=1))
    path.write_text(text + "\n")

def rounded(value):
    """Numbers with 12 digits: what is behind them is round-off of the machine."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value

def make_slice(kind, out, image):
    out.mkdir(parents=True, exist_ok=True)
    family = small.FAMILIES[kind]
    rng = np.random.default_rng(family.seed)
    write_json(out / "config.json", family.config), write_json(out / "preprocessor_config.json", family.preprocessor)
    bf16 = lambda tensors: {k: v.astype(jnp.bfloat16) for k, v in tensors.items()}
    f32 = lambda tensors: {k: np.ascontiguousarray(v, np.int32 if k.endswith("_rows") else np.float32) for k, v in tensors.items()}
    save_file(bf16(family.weights(rng)), out / "model.safetensors", {"format": "pt"})
    save_file(f32(bf16(small.draw_aspects(rng))), out / "aspects.safetensors", {"format": "pt"})
    prompt = jnp.asarray(rng.normal(0, 0.4, (small.PROMPT, small.WIDTH)).astype(jnp.bfloat16), jnp.float64)
    # From here on only what was written is read.
    m, params = open_model(out), load(out / "aspects.safetensors")
    values, where = m.prepare(image)
    stages, run, deep = m.see(values, where)
    features, t = stages["features"], some_rows(values, family.pixel_rows) | {"prompt_init": prompt}
    t |= {f"vision.{k}": v for k, v in stages.items()}
    for v in small.VIEWS:
        t[f"z.{v}"], t[f"attention.{v}"] = aspect(params, v, features)
    rows = jnp.concatenate([t[f"z.{v}"] for v in small.VIEWS] + [run])
    chat = lambda *case: small.chat(kind, rng, *case)
    answers = lambda n: [small.NEWLINE] * m.lead + [int(a) for a in rng.integers(3, 190, n)]
    # The plain family, with its true positions.
    ids = chat(len(run), 7)
    hidden = lambda ids: m.states(ids, run, deep, positions=m.positions(ids, where))[-1]
    t["vanilla.hidden"] = hidden(ids)
    t["vanilla.logits"] = t["vanilla.hidden"][-8:] @ m.head.T
    tokens, margins = greedy(lambda ids: hidden(ids) @ m.head.T, ids, 8)
    vanilla = {"ids": ids, "positions": m.positions(ids, where).tolist(), "greedy": tokens, "margins": margins}
    stage1 = []
    for i, (view, question, n) in enumerate((("scene", 6, 3), ("brightness", 11, 1))):
        answer = answers(n)
        case = {"name": f"aspect {view}", "view": view, "ids": chat(5, question, answer), "answer": answer}
        loss, grads = m.stage1_gradient(params, features, view, case["ids"], answer)
        stage1.append(case | {"loss": float(loss)})
        t |= {f"stage1.{i}.grad.{k}": g for k, g in grads.items()}
    stage2, names = [], list(range(small.TOKENS, small.TOKENS + small.PROMPT))
    for i, (question, gold) in enumerate(((9, 1), (14, 2))):
        labels = [answers(n) for n in (1, 2, 3, 4)]
        ids = chat(len(rows), question, labels[gold], names)
        loss, g, g_in = m.stage2_gradient(prompt, small.TOKENS, rows, deep, ids, labels[gold])
        t |= {f"stage2.{i}.grad.prompt": g, f"stage2.{i}.grad.prompt_input_side": g_in}
        context = m.before_label(ids, labels[gold])
        score = lambda label: m.label_log_likelihood(prompt, small.TOKENS, rows, deep, context, label)
        stage2.append({"name": f"emotion {i}", "ids": ids, "answer": labels[gold], "loss": float(loss),
                       "labels": [{"ids": a[m.lead:], "log_likelihood": score(a[m.lead:])} for a in labels]})
    ids = chat(len(rows), 5, None, names)
    table, head = m.tables(prompt, prompt, small.TOKENS)
    tokens, margins = greedy(lambda ids: m.states(ids, rows, deep, table)[-1] @ head.T, ids, 8)
    one = lambda p, k: m.stage1_gradient(p, features, *(stage1[k % 2][n] for n in ("view", "ids", "answer")))  # in turn

    def two(p, k):
        loss, grad, _ = m.stage2_gradient(p["prompt"], small.TOKENS, rows, deep, *(stage2[k % 2][n] for n in ("ids", "answer")))
        return loss, {"prompt": grad}

    after1, losses1, norms1 = train(params, one, 6, 1e-3)
    after2, losses2, norms2 = train({"prompt": prompt}, two, 6, 1e-2)
    t |= {f"trajectory_stage1.{n}": v for n, v in after1.items() if v is not params[n]} | {"trajectory_stage2.prompt": after2["prompt"]}
    save_file(f32(t), out / "expected.safetensors")
    optimiser = {"name": "adamw", "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "decay_biases": False, "steps": 6,
                 "max_grad_norm": 1.0, "schedule": "linear", "warmup_steps": 1, "factors": [schedule(k, 6, 1) for k in range(6)],
                 "peak_lr": {"stage1": 1e-3, "stage2": 1e-2}}
    pixels = {"shape": list(np.shape(values)), "sum": float(np.sum(values)), "abs_sum": float(np.abs(values).sum())}
    place = {"image_size": list(where)} if kind == "llava_next" else {"grid": where}
    write_json(out / "expected.json", rounded({
        "family": kind, "views": small.VIEWS, "heads": MODULE_HEADS, "queries": 5, "prompt_tokens": small.PROMPT,
        "tokenizer_tokens": small.TOKENS, **place, "pixels": pixels, "run": len(run), "lead": m.lead, "tail": m.tail,
        "ids": family.ids, "optimiser": optimiser, "vanilla": vanilla,
        "greedy": {"prompt_ids": ids, "tokens": tokens, "margins": margins}, "stage1": stage1, "stage2": stage2,
        "trajectory_stage1": {"losses": losses1, "grad_norms": norms1},
        "trajectory_stage2": {"losses": losses2, "grad_norms": norms2}}))
    print(kind, sum(f.stat().st_size for f in out.iterdir()), "bytes; smallest margin", min(margins + vanilla["margins"]))

def main(arguments):
    if arguments[:1] == ["--check"]:
        import check
        return check.check(Path(arguments[1]), open_model)
    image = Image.open(Path(__file__).parent / "picture.png")
    assert np.array_equal(np.asarray(image), np.asarray(picture()))
    for kind in arguments[1:] or small.FAMILIES:
        make_slice(kind, Path(arguments[0]) / kind, image)

if __name__ == "__main__":
    main(sys.argv[1:])
