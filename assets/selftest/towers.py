"""Pictures and vision towers of Qwen2.5-VL, Qwen3-VL and LLaVA-NeXT, in 64-bit floats, written from tensor names alone.

What differs from Qwen2-VL is here and in `families.py`; what is the same is taken from `make.py`. Each tower returns its stages
by name: `patch_embed` (what enters the first block), `block.<i>`, `features` (what the aspects look at), and where the family
has them `run` (what the language model is given, if that is more) and `deep.<k>` (deepstack features). Rows of a Qwen tower
stand as the image processor orders them, the four patches of a merged token together.
"""
import math
import jax, jax.numpy as jnp, numpy as np
from PIL import Image
from make import attend, layer_norm, limit_size, linear, process, rms_norm, rotate, vision_angles

def quick_gelu(x):
    return x * jax.nn.sigmoid(1.702 * x)

def gelu(x):
    return jax.nn.gelu(x, approximate=False)

def tanh_gelu(x):
    return jax.nn.gelu(x, approximate=True)

def heads_of(x, heads):
    """Queries, keys and values that stand in one row, as three arrays [rows, heads, d]."""
    return jnp.moveaxis(x.reshape(len(x), 3, heads, -1), 1, 0)

# ---- Qwen2.5-VL
def windows(grid, merge, side):
    """Numbers of the patches of each window: `side` merged tokens a side, cut from the top left, smaller at the edges."""
    gh, gw = grid[1] // merge, grid[2] // merge
    token = np.arange(gh * gw).reshape(gh, gw)
    cut = [token[y:y + side, x:x + side].ravel() for y in range(0, gh, side) for x in range(0, gw, side)]
    return [(t[:, None] * merge**2 + np.arange(merge**2)).ravel() for t in cut]

def attend_within(groups, q, k, v):
    """Attention inside each group of rows."""
    out = jnp.zeros_like(v)
    for rows in groups:
        out = out.at[rows].set(attend(q[rows], k[rows], v[rows])[0])
    return out

def qwen2_5(w, cfg, rows, grid):
    v = cfg["vision_config"]
    heads, merge, dim = v["num_heads"], v["spatial_merge_size"], v["hidden_size"]
    norm = lambda name, x: rms_norm(w, "visual." + name, x, 1e-6)
    x = jnp.asarray(rows) @ w["visual.patch_embed.proj.weight"].reshape(dim, -1).T
    out, angle = {"patch_embed": x}, vision_angles(grid, dim // heads, merge)
    small = windows(grid, merge, v["window_size"] // v["patch_size"] // merge)
    for i in range(v["depth"]):
        b = f"blocks.{i}."
        q, k, val = heads_of(linear(w, f"visual.{b}attn.qkv", norm(b + "norm1", x)), heads)
        groups = [np.arange(len(x))] if i in v["fullatt_block_indexes"] else small
        mixed = attend_within(groups, rotate(q, angle), rotate(k, angle), val)
        x = x + linear(w, f"visual.{b}attn.proj", mixed.reshape(x.shape))
        gate, up = (linear(w, f"visual.{b}mlp.{n}_proj", norm(b + "norm2", x)) for n in ("gate", "up"))
        x = x + linear(w, f"visual.{b}mlp.down_proj", jax.nn.silu(gate) * up)
        out[f"block.{i}"] = x
    x = norm("merger.ln_q", x).reshape(-1, dim * merge * merge)
    return out | {"features": linear(w, "visual.merger.mlp.2", gelu(linear(w, "visual.merger.mlp.0", x)))}

# ---- Qwen3-VL
def table_rows(table, grid, merge):
    """The square table of positions read bilinearly, its corners on the picture's corners, in the order of the patches."""
    n, gh, gw = math.isqrt(len(table)), grid[1], grid[2]

    def weights(size):  # [size, n]: how much of each row (or column) of the table
        at = np.arange(size) * (n - 1) / max(size - 1, 1)
        return np.maximum(0, 1 - abs(at[:, None] - np.arange(n)))

    full = jnp.einsum("yi,xj,ijd->yxd", weights(gh), weights(gw), table.reshape(n, n, -1))
    return full.reshape(gh // merge, merge, gw // merge, merge, -1).transpose(0, 2, 1, 3, 4).reshape(gh * gw, -1)

def qwen3(w, cfg, rows, grid):
    v, p = cfg["vision_config"], "model.visual."
    heads, merge, dim = v["num_heads"], v["spatial_merge_size"], v["hidden_size"]
    patches = jnp.asarray(rows) @ w[p + "patch_embed.proj.weight"].reshape(dim, -1).T + w[p + "patch_embed.proj.bias"]
    x = patches + table_rows(w[p + "pos_embed.weight"], grid, merge)
    out, angle = {"patch_embed": x}, vision_angles(grid, dim // heads, merge)

    def merged(name, x, first):
        """The last merger normalises patches, the deepstack's normalise what is merged already."""
        wide = lambda t: t.reshape(-1, dim * merge * merge)
        x = wide(layer_norm(w, name + ".norm", x)) if first else layer_norm(w, name + ".norm", wide(x))
        return linear(w, name + ".linear_fc2", gelu(linear(w, name + ".linear_fc1", x)))

    for i in range(v["depth"]):
        b = f"{p}blocks.{i}."
        q, k, val = heads_of(linear(w, b + "attn.qkv", layer_norm(w, b + "norm1", x)), heads)
        x = x + linear(w, b + "attn.proj", attend(rotate(q, angle), rotate(k, angle), val)[0].reshape(x.shape))
        h = tanh_gelu(linear(w, b + "mlp.linear_fc1", layer_norm(w, b + "norm2", x)))
        x = x + linear(w, b + "mlp.linear_fc2", h)
        out[f"block.{i}"] = x
        if i in v["deepstack_visual_indexes"]:
            level = v["deepstack_visual_indexes"].index(i)
            out[f"deep.{level}"] = merged(f"{p}deepstack_merger_list.{level}", x, False)
    return out | {"features": merged(p + "merger", x, True)}

# ---- LLaVA-NeXT
def best_size(size, choices):
    """Of the sizes (height, width) the one that shows most of the picture's pixels, of equals the one that wastes least."""
    h, w = size

    def worth(choice):
        scale = min(choice[1] / w, choice[0] / h)
        shown = min(int(w * scale) * int(h * scale), w * h)
        return shown, shown - choice[0] * choice[1]

    return max(choices, key=worth)  # the first of those that are equal in both

def tiles_of(image, pre):
    """The picture squeezed to a square, then a larger picture with black borders in tiles. [tiles, 3, side, side]."""
    side, (w, h) = pre["crop_size"]["height"], image.size
    th, tw = best_size((h, w), pre["image_grid_pinpoints"])
    scale = min(tw / w, th / h)
    nw, nh = (tw, min(math.ceil(h * scale), th)) if tw / w < th / h else (min(math.ceil(w * scale), tw), th)
    canvas = Image.new("RGB", (tw, th))
    canvas.paste(image.resize((nw, nh), Image.BICUBIC), ((tw - nw) // 2, (th - nh) // 2))
    cut = np.asarray(canvas).reshape(th // side, side, tw // side, side, 3).transpose(0, 2, 1, 3, 4).reshape(-1, side, side, 3)
    whole = np.asarray(image.resize((side, side), Image.BICUBIC))
    values = (np.concatenate([whole[None], cut]) / 255.0 - np.array(pre["image_mean"])) / np.array(pre["image_std"])
    return values.transpose(0, 3, 1, 2), whole, np.asarray(canvas)

def without_borders(rows, columns, size):
    """First row and column of the larger picture's patches that show the picture; as many are cut at the other end."""
    h, w = size
    if w / h > columns / rows:
        return (rows - int(round(h * (columns / w), 7))) // 2, 0
    return 0, (columns - int(round(w * (rows / h), 7))) // 2

def clip(w, cfg, tiles):
    """CLIP's states of each tile: what enters the first block, then what each block gives up to the chosen one."""
    v, p = cfg["vision_config"], "vision_tower.vision_model."
    dim, heads, size, eps = v["hidden_size"], v["num_attention_heads"], v["patch_size"], v.get("layer_norm_eps", 1e-5)
    g, states = v["image_size"] // size, []
    for tile in tiles:
        cut = tile.reshape(3, g, size, g, size).transpose(1, 3, 0, 2, 4).reshape(g * g, -1)
        x = cut @ w[p + "embeddings.patch_embedding.weight"].reshape(dim, -1).T
        x = jnp.concatenate([w[p + "embeddings.class_embedding"][None], x]) + w[p + "embeddings.position_embedding.weight"]
        x = layer_norm(w, p + "pre_layrnorm", x, eps)
        mine, last = [x], cfg["vision_feature_layer"] % (v["num_hidden_layers"] + 1)
        for i in range(last):
            b = f"{p}encoder.layers.{i}."
            h = layer_norm(w, b + "layer_norm1", x, eps)
            q, k, val = (linear(w, f"{b}self_attn.{n}_proj", h).reshape(len(x), heads, -1) for n in "qkv")
            x = x + linear(w, b + "self_attn.out_proj", attend(q, k, val)[0].reshape(x.shape))
            h = quick_gelu(linear(w, b + "mlp.fc1", layer_norm(w, b + "layer_norm2", x, eps)))
            x = x + linear(w, b + "mlp.fc2", h)
            mine.append(x)
        states.append(mine)
    return [jnp.stack(s) for s in zip(*states)]

def llava(w, cfg, tiles, size):
    """`size` is the picture's (height, width) after the cut to 1024: the larger picture's size and borders follow from it."""
    v, p = cfg["vision_config"], "multi_modal_projector."
    states = clip(w, cfg, tiles)
    out = {"patch_embed": states[0]} | {f"block.{i}": s for i, s in enumerate(states[1:])}
    seen = linear(w, p + "linear_2", gelu(linear(w, p + "linear_1", states[-1][:, 1:])))  # the class token is dropped
    side, g = v["image_size"], v["image_size"] // v["patch_size"]
    th, tw = best_size(size, cfg["image_grid_pinpoints"])
    rows, columns = th // side, tw // side
    larger = seen[1:].reshape(rows, columns, g, g, -1).transpose(0, 2, 1, 3, 4).reshape(rows * g, columns * g, -1)
    top, left = without_borders(rows * g, columns * g, size)
    larger = larger[top:rows * g - top, left:columns * g - left]
    end = jnp.broadcast_to(w["image_newline"], (len(larger), 1, larger.shape[-1]))
    larger = jnp.concatenate([larger, end], axis=1).reshape(-1, larger.shape[-1])
    return out | {"features": seen[0], "run": jnp.concatenate([seen[0], larger])}

# ---- by family
def own_size(h, w, factor, low, high):
    """As `make.smart_size`, but a slim side may round to nothing, so that the whole picture is enlarged: the reference resizes
    for Qwen2-VL with a helper that does not, the processors of these families do."""
    size = [round(x / factor) * factor for x in (h, w)]
    if size[0] * size[1] > high:
        size = [max(factor, math.floor(x / math.sqrt(h * w / high) / factor) * factor) for x in (h, w)]
    elif size[0] * size[1] < low:
        size = [math.ceil(x * math.sqrt(low / (h * w)) / factor) * factor for x in (h, w)]
    return size

def prepare(kind, pre, image):
    """A picture as the tower's input. Returns (values, its grid in patches [t, h, w] or for LLaVA its (height, width))."""
    if kind == "llava_next":
        image = limit_size(image.convert("RGB"))
        return tiles_of(image, pre)[0], (image.height, image.width)
    size = pre.get("size", {})
    limits = {"min_pixels": size.get("shortest_edge"), "max_pixels": size.get("longest_edge")} if size else {}
    return process(image, pre | limits, own_size)[:2]

def see(kind, w, cfg, values, where):
    return {"qwen2_5_vl": qwen2_5, "qwen3_vl": qwen3, "llava_next": llava}[kind](w, cfg, values, where)
