"""Makes the self-test slice: a tiny random Qwen2-VL model and what MASP gives on it, in 64-bit floats.

    pip install "jax[cpu]" numpy safetensors pillow==11.3.0   (Pillow 13 resizes to other bytes than 10 and 11 do)
    python make.py OUT

It is written from the description of the method alone and shares no code with the program it checks. Weights are rounded to
bf16 first and everything after that is f64, so a program that computes in f32 should agree to about 1e-5.
"""
import json, math, sys
from pathlib import Path
import jax, jax.numpy as jnp, numpy as np
from PIL import Image
from safetensors.flax import load_file
from safetensors.numpy import save_file

jax.config.update("jax_enable_x64", True)
VIEWS = ["facial_expression", "object", "scene", "human_action", "brightness", "colorfulness"]
MODULE_HEADS = 1  # the reference's aspect modules have one attention head, whatever the width

# ---- picture -> patches
def limit_size(image, longest=1024):
    """Shrink with Lanczos so that the longest side is `longest`; sizes are cut to integers, not rounded."""
    w, h = image.size
    size = (longest, int(h * longest / w)) if w > h else (int(w * longest / h), longest)
    return image if max(w, h) <= longest else image.resize(size, Image.LANCZOS)

def smart_size(h, w, factor, low, high):
    """Nearest multiples of `factor` (ties to even) whose area lies between `low` and `high` pixels."""
    size = [max(factor, round(x / factor) * factor) for x in (h, w)]
    if size[0] * size[1] > high:
        size = [math.floor(x / math.sqrt(h * w / high) / factor) * factor for x in (h, w)]
    elif size[0] * size[1] < low:
        size = [math.ceil(x * math.sqrt(low / (h * w)) / factor) * factor for x in (h, w)]
    return size

def process(image, pre, sizes=smart_size):
    """A picture as the vision tower's rows. Returns (rows, [t, h, w] in patches, the resized picture)."""
    p, m, t = pre["patch_size"], pre["merge_size"], pre["temporal_patch_size"]
    image = limit_size(image.convert("RGB"))
    h, w = sizes(image.height, image.width, p * m, pre["min_pixels"], pre["max_pixels"])
    resized = np.asarray(image.resize((w, h), Image.BICUBIC))
    x = (resized / 255.0 - np.array(pre["image_mean"])) / np.array(pre["image_std"])
    gh, gw = h // p, w // p  # a still picture is shown `t` times
    x = np.stack([x.transpose(2, 0, 1)] * t).reshape(t, 3, gh // m, m, p, gw // m, m, p)
    x = x.transpose(2, 5, 3, 6, 1, 0, 4, 7)  # what will be merged stands together; in a row: channel, time, y, x
    return x.reshape(gh * gw, 3 * t * p * p), [1, gh, gw], resized

# ---- shared pieces
def linear(w, name, x):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0.0)

def layer_norm(w, name, x, eps=1e-6):
    d = x - x.mean(-1, keepdims=True)
    return d / jnp.sqrt((d * d).mean(-1, keepdims=True) + eps) * w[name + ".weight"] + w[name + ".bias"]

def rms_norm(w, name, x, eps):
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + eps) * w[name + ".weight"]

def rotate(x, angle):
    """Rotary embedding: x [len, heads, d], angle [len, d / 2]; the two halves of a head form the pairs."""
    c, s = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([a * c - b * s, b * c + a * s], axis=-1)

def attend(q, k, v, causal=False):
    """Scaled dot-product attention over [len, heads, d]; returns the mixed values and the weights."""
    score = jnp.einsum("ihd,jhd->hij", q, k) / math.sqrt(q.shape[-1])
    score = jnp.where(jnp.tril(jnp.ones(score.shape[1:], bool)), score, -jnp.inf) if causal else score
    p = jax.nn.softmax(score, axis=-1)
    return jnp.einsum("hij,jhd->ihd", p, v), p

# ---- vision tower
def vision_angles(grid, head_dim, merge):
    """Row and column angles of each patch, in the order in which the patches stand (merge groups together)."""
    gh, gw = grid[1:]
    y, x = np.mgrid[0:gh, 0:gw]
    order = lambda a: a.reshape(gh // merge, merge, gw // merge, merge).transpose(0, 2, 1, 3).reshape(-1)
    freq = 10000.0 ** -(np.arange(0, head_dim // 2, 2) / (head_dim // 2))
    return jnp.concatenate([jnp.outer(order(y), freq), jnp.outer(order(x), freq)], axis=1)

def vision(w, cfg, rows, grid):
    """Patches to merged features. Returns every stage by name: patch_embed, block.<i>, features."""
    v = cfg["vision_config"]
    heads, merge, dim = v["num_heads"], v["spatial_merge_size"], v["embed_dim"]
    x = jnp.asarray(rows) @ w["visual.patch_embed.proj.weight"].reshape(dim, -1).T
    out = {"patch_embed": x}
    angle = vision_angles(grid, dim // heads, merge)
    for i in range(v["depth"]):
        b = f"visual.blocks.{i}."
        q, k, val = jnp.moveaxis(linear(w, b + "attn.qkv", layer_norm(w, b + "norm1", x)).reshape(-1, 3, heads, dim // heads), 1, 0)
        x = x + linear(w, b + "attn.proj", attend(rotate(q, angle), rotate(k, angle), val)[0].reshape(x.shape))
        h = linear(w, b + "mlp.fc1", layer_norm(w, b + "norm2", x))
        x = x + linear(w, b + "mlp.fc2", h * jax.nn.sigmoid(1.702 * h))  # quick GELU
        out[f"block.{i}"] = x
    x = layer_norm(w, "visual.merger.ln_q", x).reshape(-1, dim * merge * merge)
    out["features"] = linear(w, "visual.merger.mlp.2", jax.nn.gelu(linear(w, "visual.merger.mlp.0", x), approximate=False))
    return out

# ---- language model
def plain_positions(length):
    """MASP hands over embeddings only, so all three axes simply count: cumsum(mask) - 1."""
    return np.tile(np.arange(length), (3, 1))

def mrope_positions(ids, image_id, grid, merge):
    """True positions for one picture: text counts on all axes, visual rows stand on their grid (time, row, column)."""
    pos, nxt, k, gh, gw = [], 0, 0, grid[1] // merge, grid[2] // merge
    for token in ids:
        if token == image_id:
            start = nxt if k == 0 else start
            pos.append((start, start + k // gw, start + k % gw))
            k, nxt = k + 1, start + max(gh, gw)  # text goes on after the largest position used
        else:
            pos.append((nxt,) * 3)
            nxt += 1
    return np.array(pos).T

def language(w, cfg, x, positions):
    """Embeddings [len, d] to hidden states after the final norm."""
    heads, groups, eps = cfg["num_attention_heads"], cfg["num_key_value_heads"], cfg["rms_norm_eps"]
    d = cfg["hidden_size"] // heads
    freq = cfg["rope_theta"] ** -(np.arange(0, d, 2) / d)
    axis = np.repeat([0, 1, 2], cfg["rope_scaling"]["mrope_section"])  # which position axis turns which frequency
    angle = jnp.asarray(np.asarray(positions)[axis].T * freq)
    for i in range(cfg["num_hidden_layers"]):
        b = f"model.layers.{i}."
        h = rms_norm(w, b + "input_layernorm", x, eps)
        q, k, v = (linear(w, b + f"self_attn.{n}_proj", h).reshape(len(x), -1, d) for n in "qkv")
        k, v = (jnp.repeat(t, heads // groups, axis=1) for t in (rotate(k, angle), v))
        x = x + linear(w, b + "self_attn.o_proj", attend(rotate(q, angle), k, v, causal=True)[0].reshape(len(x), -1))
        h = rms_norm(w, b + "post_attention_layernorm", x, eps)
        x = x + linear(w, b + "mlp.down_proj", jax.nn.silu(linear(w, b + "mlp.gate_proj", h)) * linear(w, b + "mlp.up_proj", h))
    return rms_norm(w, "model.norm", x, eps)

def head_of(w):
    return w["lm_head.weight"] if "lm_head.weight" in w else w["model.embed_tokens.weight"]

def splice(table, ids, image_id, visual):
    """Rows of the table, with the visual rows in the places of the image id, in order."""
    places = np.flatnonzero(np.asarray(ids) == image_id)
    assert len(places) == len(visual)
    return table[jnp.asarray(ids)].at[places].set(visual)

# ---- MASP
def aspect(params, view, features):
    """z [5, d] and attention [5, n] of one view: queries look at the features; no residual, no norm."""
    q, c = params[f"q_view.{view}"], f"cross_attn.{view}."
    wq, wk, wv = jnp.split(params[c + "in_proj_weight"], 3)
    bq, bk, bv = jnp.split(params[c + "in_proj_bias"], 3)
    cut = lambda x: x.reshape(len(x), MODULE_HEADS, -1)
    mixed, weights = attend(cut(q @ wq.T + bq), cut(features @ wk.T + bk), cut(features @ wv.T + bv))
    return linear(params, c + "out_proj", mixed.reshape(q.shape)), weights.mean(0)

def answer_loss(hidden, head, ids, answer):
    """Mean next-token cross-entropy over `answer` (newline and label), which the turn's end and a newline follow."""
    first = len(ids) - 2 - len(answer)
    assert list(ids[first:-2]) == list(answer)
    logp = jax.nn.log_softmax(hidden[first - 1:len(ids) - 3] @ head.T, axis=-1)
    return -logp[jnp.arange(len(answer)), jnp.asarray(answer)].mean()

def stage1_loss(params, w, cfg, features, view, ids, answer):
    """Stage 1: the picture is the view's five rows; the softmax has every row of the head."""
    x = splice(w["model.embed_tokens.weight"], ids, cfg["image_token_id"], aspect(params, view, features)[0])
    return answer_loss(language(w, cfg, x, plain_positions(len(ids))), head_of(w), ids, answer)

def stage2_tables(w, prompt_in, prompt_head, tokens):
    """Stage 2's embedding and head: the tokenizer's rows, then the prompt's. With a tied head the prompt stands in both;
    untied, the head keeps the rows that it has there."""
    head = head_of(w)
    last = head[tokens:tokens + len(prompt_in)] if "lm_head.weight" in w else prompt_head
    return jnp.concatenate([w["model.embed_tokens.weight"][:tokens], prompt_in]), jnp.concatenate([head[:tokens], last])

def stage2_hidden(w, cfg, table, ids, visual):
    return language(w, cfg, splice(table, ids, cfg["image_token_id"], visual), plain_positions(len(ids)))

def stage2_loss(prompt_in, prompt_head, w, cfg, tokens, visual, ids, answer):
    table, head = stage2_tables(w, prompt_in, prompt_head, tokens)
    return answer_loss(stage2_hidden(w, cfg, table, ids, visual), head, ids, answer)

def label_log_likelihood(w, cfg, tokens, prompt, visual, context, label):
    """Sum of the label's own tokens' log-probabilities after `context`, which ends with the template's newline."""
    table, head = stage2_tables(w, prompt, prompt, tokens)
    hidden = stage2_hidden(w, cfg, table, list(context) + list(label), visual)
    logp = jax.nn.log_softmax(hidden[len(context) - 1:-1] @ head.T, axis=-1)
    return float(logp[jnp.arange(len(label)), jnp.asarray(label)].sum())

def greedy(logits, ids, count):
    """`logits(ids)` has a row for each position. Returns the tokens and how far each was ahead of the second. What stands
    later changes nothing (the model is causal), so the sequence is filled up to one length: JAX compiles once."""
    ids, margins = list(ids), []
    for left in range(count, 0, -1):
        last = np.asarray(logits(ids + [NEWLINE] * left)[len(ids) - 1])
        top = np.argsort(last)[::-1]
        ids.append(int(top[0]))
        margins.append(float(last[top[0]] - last[top[1]]))
    return ids[-count:], margins

def schedule(step, total, warm):
    """Linear warm-up from 0, then linear to 0, as the Hugging Face trainer has it."""
    return step / max(1, warm) if step < warm else max(0.0, (total - step) / max(1, total - warm))

def train(params, gradient, steps, peak, warm=1, decay=0.01, clip=1.0, decays=lambda name: "bias" not in name):
    """AdamW. `gradient(params, k)` gives (loss, gradients of the parameters that step k touches): the others are skipped
    whole, so each parameter has its own step count. Returns the parameters, losses and gradient norms before clipping."""
    params, state, losses, norms = dict(params), {}, [], []
    for k in range(steps):
        loss, grads = gradient(params, k)
        norm = math.sqrt(sum(float((g * g).sum()) for g in grads.values()))
        scale, lr = min(1.0, clip / (norm + 1e-6)) if clip else 1.0, peak * schedule(k, steps, warm)
        for name, g in grads.items():
            n, m, v = state.get(name, (0, 0.0, 0.0))
            n, m, v = state[name] = n + 1, 0.9 * m + 0.1 * g * scale, 0.999 * v + 0.001 * (g * scale) ** 2
            p = params[name] * (1 - lr * decay if decays(name) else 1)
            params[name] = p - lr * (m / (1 - 0.9**n)) / (jnp.sqrt(v / (1 - 0.999**n)) + 1e-8)
        losses, norms = losses + [float(loss)], norms + [norm]
    return params, losses, norms

def stage1_gradient(params, w, cfg, features, view, ids, answer):
    mine = {n: v for n, v in params.items() if n.split(".")[1] == view}
    return jax.value_and_grad(stage1_loss)(mine, w, cfg, features, view, ids, answer)

def load(path):
    """A safetensors file as f64 arrays."""
    return {k: jnp.asarray(v, jnp.float64) for k, v in load_file(path).items()}

# ---- the slice
CONFIG = {
    "architectures": ["Qwen2VLForConditionalGeneration"], "model_type": "qwen2_vl", "attention_dropout": 0.0, "bos_token_id": 355,
    "eos_token_id": 355, "vision_start_token_id": 350, "vision_end_token_id": 351, "image_token_id": 352, "video_token_id": 353,
    "vision_token_id": 356, "hidden_act": "silu", "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 64,
    "max_position_embeddings": 32768, "max_window_layers": 2, "num_attention_heads": 2, "num_hidden_layers": 2,
    "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 32768, "use_sliding_window": False,
    "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 384,
    "vision_config": {"depth": 2, "embed_dim": 32, "num_heads": 2, "mlp_ratio": 4, "in_chans": 3, "hidden_size": 32,
                      "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2},
    "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}}
PREPROCESSOR = {
    "min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
    "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor"}
TOKENS, PROMPT = 360, 8
START, END, IMAGE, IM_START, IM_END = 350, 351, 352, 354, 355
NEWLINE, SYSTEM, USER, ASSISTANT = 198, 301, 302, 303

def draw_weights(rng):
    """Random weights under the hub's names, large enough that attention, gradients and choices are far from even."""
    layers, w = [("visual.patch_embed.proj", (32, 3, 2, 14, 14), 1.5, 0)], {}  # (name, shape, gain, has a bias)
    norms, plain = ["visual.merger.ln_q"], ["model.norm"]  # layer norms; RMS norms
    for b in (f"visual.blocks.{i}." for i in range(2)):
        layers += [(b + "attn.qkv", (96, 32), 1.5, 1), (b + "attn.proj", (32, 32), 1, 1)]
        layers += [(b + "mlp.fc1", (128, 32), 1.5, 1), (b + "mlp.fc2", (32, 128), 1.5, 1)]
        norms += [b + "norm1", b + "norm2"]
    layers += [("visual.merger.mlp.0", (128, 128), 1.5, 1), ("visual.merger.mlp.2", (32, 128), 1.5, 1)]
    for b in (f"model.layers.{i}." for i in range(2)):
        layers += [(b + f"self_attn.{n}_proj", (rows, 32), 1.5, 1) for n, rows in (("q", 32), ("k", 16), ("v", 16))]
        layers += [(b + "self_attn.o_proj", (32, 32), 2, 0), (b + "mlp.down_proj", (32, 64), 2, 0)]
        layers += [(b + f"mlp.{n}_proj", (64, 32), 1.5, 0) for n in ("gate", "up")]
        plain += [b + "input_layernorm", b + "post_attention_layernorm"]
    for name, shape, gain, biased in layers:
        w[name + ".weight"] = rng.normal(0, gain / math.sqrt(math.prod(shape[1:])), shape)
        w |= {name + ".bias": rng.normal(0, 0.2, shape[0])} if biased else {}
    w |= {n + ".weight": rng.normal(1, 0.2, 32) for n in norms + plain} | {n + ".bias": rng.normal(0, 0.2, 32) for n in norms}
    return w | {"model.embed_tokens.weight": rng.normal(0, 0.4, (384, 32))}

def draw_aspects(rng):
    q = {f"q_view.{v}": rng.normal(0, 1, (5, 32)) for v in VIEWS}
    parts = (("in_proj_weight", (96, 32), 0.2), ("in_proj_bias", 96, 0.1), ("out_proj.weight", (32, 32), 0.2), ("out_proj.bias", 32, 0.1))
    return q | {f"cross_attn.{v}.{n}": rng.normal(0, std, shape) for v in VIEWS for n, shape, std in parts}

def picture():
    """A smooth 93 x 61 picture: slow waves, another in each channel."""
    y, x = np.mgrid[0:61, 0:93]
    waves = [np.sin(x / 9 + y / 23), np.cos(y / 7 - x / 31) * np.sin(x / 40), np.sin((x - 50) * (y - 25) / 500)]
    return Image.fromarray(np.stack([127.5 + 115 * c for c in waves], -1).round().astype(np.uint8))

def chat(rng, visual, question, answer=None, prompt=()):
    """The chat template's shape in ids; the soft prompt stands before the picture and again before the question."""
    text = lambda n: [int(t) for t in rng.integers(200, 300, n)]
    ids = [IM_START, SYSTEM, NEWLINE, *text(4), IM_END, NEWLINE, IM_START, USER, NEWLINE, *prompt, START, *[IMAGE] * visual, END,
           *prompt, *text(question), IM_END, NEWLINE, IM_START, ASSISTANT, NEWLINE]
    return ids if answer is None else ids + answer[1:] + [IM_END, NEWLINE]

def main(out):
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20260)
    write = lambda name, value: (out / name).write_text(json.dumps(value, indent=1) + "\n")
    write("config.json", CONFIG), write("preprocessor_config.json", PREPROCESSOR)
    bf16 = lambda tensors: {k: v.astype(jnp.bfloat16) for k, v in tensors.items()}
    f32 = lambda tensors: {k: np.ascontiguousarray(v, np.float32) for k, v in tensors.items()}
    save_file(bf16(draw_weights(rng)), out / "model.safetensors", {"format": "pt"})
    save_file(f32(bf16(draw_aspects(rng))), out / "aspects.safetensors", {"format": "pt"})
    prompt = jnp.asarray(rng.normal(0, 0.4, (PROMPT, 32)).astype(jnp.bfloat16), jnp.float64)
    picture().save(out / "picture.png")
    # From here on only what was written is read.
    w, params = load(out / "model.safetensors"), load(out / "aspects.safetensors")
    rows, grid, resized = process(Image.open(out / "picture.png"), PREPROCESSOR)
    seen = vision(w, CONFIG, rows, grid)
    features, t = seen["features"], {"pixel_values": rows, "prompt_init": prompt}
    t |= {f"vision.{k}": v for k, v in seen.items()}
    for v in VIEWS:
        t[f"z.{v}"], t[f"attention.{v}"] = aspect(params, v, features)
    visual = jnp.concatenate([t[f"z.{v}"] for v in VIEWS] + [features])
    names = list(range(TOKENS, TOKENS + PROMPT))
    answers = lambda n: [NEWLINE] + [int(a) for a in rng.integers(0, 190, n)]
    # Plain Qwen2-VL, with true positions.
    ids = chat(rng, len(features), 7)
    at = lambda ids: mrope_positions(ids, IMAGE, grid, 2)
    hidden = lambda ids: language(w, CONFIG, splice(head_of(w), ids, IMAGE, features), at(ids))
    t["vanilla.hidden"] = hidden(ids)
    t["vanilla.logits"] = t["vanilla.hidden"] @ head_of(w).T
    tokens, margins = greedy(lambda ids: hidden(ids) @ head_of(w).T, ids, 8)
    vanilla = {"ids": ids, "positions": at(ids).tolist(), "greedy": tokens, "margins": margins}
    stage1 = []
    for i, (view, question, n) in enumerate((("scene", 6, 3), ("brightness", 11, 1))):
        answer = answers(n)
        case = {"name": f"aspect {view}", "view": view, "ids": chat(rng, 5, question, answer), "answer": answer}
        loss, grads = stage1_gradient(params, w, CONFIG, features, view, case["ids"], answer)
        stage1.append(case | {"loss": float(loss)})
        t |= {f"stage1.{i}.grad.{k}": g for k, g in grads.items()}
    stage2 = []
    for i, (question, gold) in enumerate(((9, 1), (14, 2))):
        labels = [answers(n) for n in (1, 2, 3, 4)]
        ids = chat(rng, len(visual), question, labels[gold], names)
        value = lambda a, b: stage2_loss(a, b, w, CONFIG, TOKENS, visual, ids, labels[gold])
        score = lambda label: label_log_likelihood(w, CONFIG, TOKENS, prompt, visual, ids[:-1 - len(labels[gold])], label)
        loss, (g_in, g_head) = jax.value_and_grad(value, argnums=(0, 1))(prompt, prompt)
        t |= {f"stage2.{i}.grad.prompt": g_in + g_head, f"stage2.{i}.grad.prompt_input_side": g_in}
        stage2.append({"name": f"emotion {i}", "ids": ids, "answer": labels[gold], "loss": float(loss),
                       "labels": [{"ids": a[1:], "log_likelihood": score(a[1:])} for a in labels]})
    ids = chat(rng, len(visual), 5, None, names)
    table, head = stage2_tables(w, prompt, prompt, TOKENS)
    tokens, margins = greedy(lambda ids: stage2_hidden(w, CONFIG, table, ids, visual) @ head.T, ids, 8)
    one = lambda p, k: stage1_gradient(p, w, CONFIG, features, *(stage1[k % 2][n] for n in ("view", "ids", "answer")))  # in turn
    both = lambda p, c: stage2_loss(p["prompt"], p["prompt"], w, CONFIG, TOKENS, visual, c["ids"], c["answer"])
    two = lambda p, k: jax.value_and_grad(both)(p, stage2[k % 2])
    after1, losses1, norms1 = train(params, one, 6, 1e-3)
    after2, losses2, norms2 = train({"prompt": prompt}, two, 6, 1e-2)
    t |= {f"trajectory_stage1.{n}": v for n, v in after1.items() if v is not params[n]} | {"trajectory_stage2.prompt": after2["prompt"]}
    save_file(f32(t) | {"resized": resized}, out / "expected.safetensors")
    optimiser = {"name": "adamw", "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "decay_biases": False, "steps": 6,
                 "max_grad_norm": 1.0, "schedule": "linear", "warmup_steps": 1, "factors": [schedule(k, 6, 1) for k in range(6)],
                 "peak_lr": {"stage1": 1e-3, "stage2": 1e-2}}
    special = dict(newline=NEWLINE, assistant=ASSISTANT, im_start=IM_START, im_end=IM_END, vision_start=START, vision_end=END, image=IMAGE)
    write("expected.json", {
        "views": VIEWS, "heads": MODULE_HEADS, "queries": 5, "prompt_tokens": PROMPT, "tokenizer_tokens": TOKENS, "grid": grid,
        "ids": special, "optimiser": optimiser, "vanilla": vanilla, "greedy": {"prompt_ids": ids, "tokens": tokens, "margins": margins},
        "stage1": stage1, "stage2": stage2, "trajectory_stage1": {"losses": losses1, "grad_norms": norms1},
        "trajectory_stage2": {"losses": losses2, "grad_norms": norms2}})

if __name__ == "__main__":
    main(Path(sys.argv[1]))
