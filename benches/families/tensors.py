"""Names and shapes of a family's tensors as the hub's files have them."""

from .sizes import text_config, tied


class Tensors:
    """By name: the shape, and the standard deviation of its values (`None`: ones)."""

    def __init__(self):
        self.all = {}

    def linear(self, name, rows, *columns, bias=True):
        inputs = 1
        for size in columns:
            inputs *= size
        self.all[f"{name}.weight"] = ([rows, *columns], inputs**-0.5)
        if bias:
            self.all[f"{name}.bias"] = ([rows], 0.02)

    def norm(self, name, width, bias=True):
        self.all[f"{name}.weight"] = ([width], None)
        if bias:
            self.all[f"{name}.bias"] = ([width], 0.02)

    def table(self, name, *shape):
        self.all[name] = (list(shape), 0.02)


def decoder(tensors, prefix, head, config):
    text = text_config(config)
    width, inner, size = text["hidden_size"], text["intermediate_size"], text["head_dim"]
    queries, keys = text["num_attention_heads"] * size, text["num_key_value_heads"] * size
    biased = config["model_type"] in ("qwen2_vl", "qwen2_5_vl")
    tensors.table(f"{prefix}.embed_tokens.weight", text["vocab_size"], width)
    for i in range(text["num_hidden_layers"]):
        layer = f"{prefix}.layers.{i}"
        tensors.norm(f"{layer}.input_layernorm", width, bias=False)
        tensors.norm(f"{layer}.post_attention_layernorm", width, bias=False)
        tensors.linear(f"{layer}.self_attn.q_proj", queries, width, bias=biased)
        tensors.linear(f"{layer}.self_attn.k_proj", keys, width, bias=biased)
        tensors.linear(f"{layer}.self_attn.v_proj", keys, width, bias=biased)
        tensors.linear(f"{layer}.self_attn.o_proj", width, queries, bias=False)
        if config["model_type"] == "qwen3_vl":
            tensors.norm(f"{layer}.self_attn.q_norm", size, bias=False)
            tensors.norm(f"{layer}.self_attn.k_norm", size, bias=False)
        for name, rows, columns in (
            ("gate_proj", inner, width),
            ("up_proj", inner, width),
            ("down_proj", width, inner),
        ):
            tensors.linear(f"{layer}.mlp.{name}", rows, columns, bias=False)
    tensors.norm(f"{prefix}.norm", width, bias=False)
    if not tied(config):
        tensors.linear(head, text["vocab_size"], width, bias=False)


def attention(tensors, block, width):
    """Of a Qwen tower's block."""
    tensors.linear(f"{block}.attn.qkv", 3 * width, width)
    tensors.linear(f"{block}.attn.proj", width, width)


def patches(tensors, name, v, width, bias):
    channels = v.get("in_channels", v.get("in_chans", 3))
    tensors.linear(name, width, channels, v["temporal_patch_size"], v["patch_size"], v["patch_size"], bias=bias)


def qwen2_tower(tensors, v):
    width, inner = v["embed_dim"], int(v["embed_dim"] * v["mlp_ratio"])
    wide = width * v["spatial_merge_size"] ** 2
    patches(tensors, "visual.patch_embed.proj", v, width, bias=False)
    for i in range(v["depth"]):
        block = f"visual.blocks.{i}"
        tensors.norm(f"{block}.norm1", width)
        tensors.norm(f"{block}.norm2", width)
        attention(tensors, block, width)
        tensors.linear(f"{block}.mlp.fc1", inner, width)
        tensors.linear(f"{block}.mlp.fc2", width, inner)
    tensors.norm("visual.merger.ln_q", width)
    tensors.linear("visual.merger.mlp.0", wide, wide)
    tensors.linear("visual.merger.mlp.2", v["hidden_size"], wide)


def qwen2_5_tower(tensors, v):
    width, inner = v["hidden_size"], v["intermediate_size"]
    wide = width * v["spatial_merge_size"] ** 2
    patches(tensors, "visual.patch_embed.proj", v, width, bias=False)
    for i in range(v["depth"]):
        block = f"visual.blocks.{i}"
        tensors.norm(f"{block}.norm1", width, bias=False)
        tensors.norm(f"{block}.norm2", width, bias=False)
        attention(tensors, block, width)
        for name, rows, columns in (
            ("gate_proj", inner, width),
            ("up_proj", inner, width),
            ("down_proj", width, inner),
        ):
            tensors.linear(f"{block}.mlp.{name}", rows, columns)
    tensors.norm("visual.merger.ln_q", width, bias=False)
    tensors.linear("visual.merger.mlp.0", wide, wide)
    tensors.linear("visual.merger.mlp.2", v["out_hidden_size"], wide)


def qwen3_tower(tensors, v):
    width, inner = v["hidden_size"], v["intermediate_size"]
    wide = width * v["spatial_merge_size"] ** 2
    patches(tensors, "model.visual.patch_embed.proj", v, width, bias=True)
    tensors.table("model.visual.pos_embed.weight", v["num_position_embeddings"], width)
    for i in range(v["depth"]):
        block = f"model.visual.blocks.{i}"
        tensors.norm(f"{block}.norm1", width)
        tensors.norm(f"{block}.norm2", width)
        attention(tensors, block, width)
        tensors.linear(f"{block}.mlp.linear_fc1", inner, width)
        tensors.linear(f"{block}.mlp.linear_fc2", width, inner)
    levels = range(len(v["deepstack_visual_indexes"]))
    # The last merger normalises before four cells are put together, the others after it.
    mergers = [("merger", width), *((f"deepstack_merger_list.{k}", wide) for k in levels)]
    for name, normed in mergers:
        tensors.norm(f"model.visual.{name}.norm", normed)
        tensors.linear(f"model.visual.{name}.linear_fc1", wide, wide)
        tensors.linear(f"model.visual.{name}.linear_fc2", v["out_hidden_size"], wide)


def clip_tower(tensors, v, text_width):
    width, inner, tower = v["hidden_size"], v["intermediate_size"], "vision_tower.vision_model"
    places = (v["image_size"] // v["patch_size"]) ** 2 + 1
    tensors.table(f"{tower}.embeddings.class_embedding", width)
    tensors.linear(f"{tower}.embeddings.patch_embedding", width, 3, v["patch_size"], v["patch_size"], bias=False)
    tensors.table(f"{tower}.embeddings.position_embedding.weight", places, width)
    # So misspelt in the files.
    tensors.norm(f"{tower}.pre_layrnorm", width)
    for i in range(v["num_hidden_layers"]):
        block = f"{tower}.encoder.layers.{i}"
        tensors.norm(f"{block}.layer_norm1", width)
        tensors.norm(f"{block}.layer_norm2", width)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            tensors.linear(f"{block}.self_attn.{name}", width, width)
        tensors.linear(f"{block}.mlp.fc1", inner, width)
        tensors.linear(f"{block}.mlp.fc2", width, inner)
    tensors.norm(f"{tower}.post_layernorm", width)
    tensors.linear("multi_modal_projector.linear_1", text_width, width)
    tensors.linear("multi_modal_projector.linear_2", text_width, text_width)
    tensors.table("image_newline", text_width)


def of(config):
    """All tensors of a configuration: name -> (shape, standard deviation or `None`)."""
    tensors, family, v = Tensors(), config["model_type"], config["vision_config"]
    if family == "qwen2_vl":
        qwen2_tower(tensors, v)
        decoder(tensors, "model", "lm_head", config)
    elif family == "qwen2_5_vl":
        qwen2_5_tower(tensors, v)
        decoder(tensors, "model", "lm_head", config)
    elif family == "qwen3_vl":
        qwen3_tower(tensors, v)
        decoder(tensors, "model.language_model", "lm_head", config)
    elif family == "llava_next":
        clip_tower(tensors, v, text_config(config)["hidden_size"])
        decoder(tensors, "language_model.model", "language_model.lm_head", config)
    else:
        raise SystemExit(f"no family has the model_type {family}")
    return tensors.all
