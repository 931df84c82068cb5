"""Holds the computation of `families.py` against golden data made by each family's original code (f32).

`python families.py --check FOLDER`, where FOLDER has a folder for each family with `model/`, `manifest.json` and
`*.safetensors`. Every result is computed in f64 from the pictures and the weights on; nothing in between is read. Printed is the
largest error by the largest value, the worst of all cases; the tokens of greedy decoding are counted.
"""
import json, pickle, zipfile
import jax.numpy as jnp, numpy as np
from PIL import Image
from make import aspect, greedy, limit_size, plain_positions
from safetensors.numpy import load_file
from towers import best_size, own_size, table_rows, tiles_of, windows, without_borders

def read_checkpoint(path):
    """Tensors of a PyTorch checkpoint (a zip of a pickle and storages), as nested dicts of f64 arrays."""
    with zipfile.ZipFile(path) as z:
        inner = next(n for n in z.namelist() if n.endswith("/data.pkl"))
        root = inner[:-len("data.pkl")] + "data/"

        class Reader(pickle.Unpickler):
            def find_class(self, module, name):
                known = {"_rebuild_tensor_v2": rebuild, "FloatStorage": None, "OrderedDict": dict}
                return known[name]

            def persistent_load(self, what):
                return np.frombuffer(z.read(root + what[2]), np.float32)

        def rebuild(storage, offset, shape, strides, *_):
            view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [4 * s for s in strides])
            return jnp.asarray(view, jnp.float64)

        return Reader(z.open(inner)).load()

def aspects_of(path):
    """The reference's checkpoint under this project's names: q_view.<view>, cross_attn.<view>.<name>."""
    flat = {}

    def walk(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else key, inner)
        elif value is not None:  # an empty `fuser`
            flat[name] = value

    walk("", read_checkpoint(path))
    return flat

class Errors(dict):
    def note(self, name, got, want):
        got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
        got = got.reshape(want.shape)  # or stop
        self[name] = max(self.get(name, 0.0), float(np.abs(got - want).max() / np.abs(want).max()))

def picture_of(folder, case):
    return Image.open(folder / case)

def pixels(m, folder, cases, errors):
    stored = load_file(folder / "processor.safetensors")
    for name, case in cases["images"].items():
        image = picture_of(folder, case["file"])
        values, where = m.prepare(image)
        if f"{name}.pixel_values_rows" in stored:
            errors.note("pixel values", values[stored[f"{name}.pixel_values_rows"]], stored[f"{name}.pixel_values_sample"])
            assert where == stored[f"{name}.grid_thw"].tolist()
        else:
            at = tuple(stored[f"{name}.pixel_values_at"].T)
            errors.note("pixel values", values[at], stored[f"{name}.pixel_values_sample"])
            assert list(where) == stored[f"{name}.image_sizes"][0].tolist()
        if f"{name}.canvas_u8" in stored:
            _, whole, canvas = tiles_of(limit_size(image.convert("RGB")), m.pre)
            errors.note("resized bytes", whole, stored[f"{name}.whole_u8"])
            errors.note("resized bytes", canvas, stored[f"{name}.canvas_u8"])
        errors.note("sum of |pixel values|", np.abs(values).sum(), case["pixel_values_abs_sum"])
    sizes(cases)

def sizes(cases):
    """Tables of sizes: where Qwen's resize leads, what LLaVA chooses and cuts at its real tile size."""
    resize = cases.get("smart_resize", {"table": []})
    for row in resize["table"]:
        got = own_size(row["h"], row["w"], resize["factor"], resize["min_pixels"], resize["max_pixels"])
        assert got == row["size"], row
    tiles = cases.get("anyres_real_sizes", {"table": []})
    for row in tiles["table"]:
        size = row["h"], row["w"]
        best = best_size(size, tiles["pinpoints"])
        rows, columns = (side // tiles["patch"] for side in best)
        top, left = without_borders(rows, columns, size)
        assert best == row["best"] and [top, rows - 2 * top] == row["rows_kept"], row
        assert [left, columns - 2 * left] == row["columns_kept"], row

def vision(m, folder, cases, errors):
    stored = load_file(folder / "vision.safetensors")
    for name in cases["vision"]["cases"]:
        of = lambda part: stored[f"{name}.{part}"]
        if name.startswith("random"):
            values = np.float64(of("pixel_values"))
            values = values[0] if m.kind == "llava_next" else values
            where = tuple(of("image_sizes")[0]) if m.kind == "llava_next" else [int(x) for x in of("grid_thw")[0]]
        else:
            values, where = m.prepare(picture_of(folder, cases["images"][name]["file"]))
        got, run, deep = m.see(values, where)
        first = {"qwen2_5_vl": "patch_embed", "qwen3_vl": "embedded", "llava_next": "pre_layrnorm"}[m.kind]
        errors.note("vision", got["patch_embed"], of(first))
        order = slice(None)
        if m.kind == "qwen2_5_vl":  # its blocks are stored in the order of the windows
            v = m.cfg["vision_config"]
            order = np.concatenate(windows(where, 2, v["window_size"] // v["patch_size"] // 2))
            assert np.array_equal(order[::4] // 4, of("window_index"))
        if m.kind == "qwen3_vl":
            errors.note("position table", table_rows(m.w["model.visual.pos_embed.weight"], where, 2), of("position_embedding"))
        for part in (p for p in got if p.startswith("block.")):
            errors.note("vision", got[part][order], of(part.replace(".", "")))
        errors.note("vision", run, of("packed" if m.kind == "llava_next" else "merger"))
        for k, rows in enumerate(deep):
            errors.note("deepstack", rows, of(f"deepstack{k}"))

def plain(m, folder, cases, errors):
    case = cases["vanilla"]
    values, where = m.prepare(picture_of(folder, case["image"]))
    _, run, deep = m.see(values, where)
    for name in (n for n in ("vanilla", "llm") if (folder / f"{n}.safetensors").exists()):
        stored = load_file(folder / f"{name}.safetensors")
        ids = stored["input_ids"][0].tolist()
        at = (lambda ids: m.positions(ids, where)) if name == "vanilla" else lambda ids: plain_positions(len(ids))
        want = stored["position_ids"].reshape(-1, len(ids))
        assert np.array_equal(at(ids)[:len(want)], want), "positions"
        states = m.states(ids, run, deep, positions=at(ids))
        for i, state in enumerate(states):
            errors.note(f"{name}: hidden", state, stored[f"hidden{i}"])
        logits = states[-1] @ m.head.T
        errors.note(f"{name}: logits", logits[-8:], stored["logits"])
        assert np.array_equal(np.argmax(logits, axis=-1), stored["argmax"][0]), "argmax"
        if "greedy" in stored:
            tokens = greedy(lambda ids: m.states(ids, run, deep, positions=at(ids))[-1] @ m.head.T, ids, 8)[0]
            equal = sum(a == b for a, b in zip(tokens, stored["greedy"].ravel().tolist()))
            errors["greedy tokens that differ"] = 8 - equal

def stage1(m, folder, prefix, cases, errors):
    stored, params = load_file(folder / f"{prefix}stage1.safetensors"), aspects_of(folder / cases["checkpoint"])
    for name, case in cases["cases"].items():
        features = m.see(*m.prepare(picture_of(folder, case["image"])))[0]["features"]
        z, weights = aspect(params, case["task"], features)
        errors.note("stage 1: z", z, stored[f"{name}.z"])
        errors.note("stage 1: attention", weights, stored[f"{name}.attn"])
        loss, grads = m.stage1_gradient(params, features, case["task"], case["input_ids"], case["supervised_ids"])
        errors.note("stage 1: loss", loss, case["loss"])
        errors.note("stage 1: loss, f64", loss, case["loss_f64"])
        for part, grad in grads.items():
            part = "q_view" if part.startswith("q_view") else part.split(".", 2)[2]
            errors.note("stage 1: gradients", grad, stored[f"{name}.grad.{part}"])

def stage2(m, folder, prefix, cases, errors):
    stored, params = load_file(folder / f"{prefix}stage2.safetensors"), aspects_of(folder / cases["checkpoint"])
    prompt = jnp.asarray(stored["prefix_init"], jnp.float64)
    tokens = cases["vocabulary"] - len(prompt)
    views = [name.split(".")[1] for name in params if name.startswith("q_view.")]
    for name, case in cases["cases"].items():
        ids = case["input_ids"]
        ids = cases["cases"][name.removesuffix("_mrope")]["input_ids"] if isinstance(ids, str) else ids
        values, where = m.prepare(picture_of(folder, case["image"]))
        seen, run, deep = m.see(values, where)
        looked = [aspect(params, v, seen["features"]) for v in views]
        z = jnp.concatenate([one for one, _ in looked])
        if f"{name}.z_all" in stored:
            errors.note("stage 2: z", z, stored[f"{name}.z_all"])
            errors.note("stage 2: attention", jnp.concatenate([a for _, a in looked]), stored[f"{name}.attn_all"])
        rows = jnp.concatenate([z, run])
        at = np.asarray(stored[f"{name}.position_ids"]).reshape(3, -1)  # an `mrope` case: its positions are data here
        if case["positions"] == "paper":
            assert np.array_equal(at, plain_positions(len(ids))), "positions"
        loss, grad, places = m.stage2_gradient(prompt, tokens, rows, deep, ids, case["supervised_ids"], at)
        errors.note("stage 2: loss", loss, case["loss"])
        errors.note("stage 2: loss, f64", loss, case["loss_f64"])
        errors.note("stage 2: gradient", grad, stored[f"{name}.grad.prefix"])
        errors.note("stage 2: gradient, input side", places, stored[f"{name}.grad.prefix_input_side"])
        context, scores = m.before_label(ids, case["supervised_ids"]), []
        for label in case["label_loglik"]:
            length = len(context) + len(label["ids"])
            more = at[:, -1:] + 1 + np.arange(max(0, length - at.shape[1]))  # a longer label goes on counting
            places = np.concatenate([at, more], axis=1)[:, :length]
            scores.append(m.label_log_likelihood(prompt, tokens, rows, deep, context, label["ids"], places))
        errors.note("stage 2: log-likelihoods", scores, stored[f"{name}.label_sum_logprob"])

def check(root, open_model):
    for folder in sorted(f.parent for f in root.glob("*/manifest.json")):
        cases = json.loads((folder / "manifest.json").read_text())["cases"]
        for tied in (False, True)[:1 + ("tied" in cases)]:
            m = open_model(folder / "model", folder / "tied/config.json" if tied else None)
            of, prefix, errors = (cases["tied"], "tied_", Errors()) if tied else (cases, "", Errors())
            if not tied:
                for part in (pixels, vision, plain):
                    part(m, folder, cases, errors)
            stage1(m, folder, prefix, of["stage1"], errors)
            stage2(m, folder, prefix, of["stage2"], errors)
            print(folder.name + (", tied" if tied else ""))
            for name, error in errors.items():
                print(f"  {name:34} {error:.1e}")
