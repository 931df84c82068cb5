"""The sizes that a config.json gives, whatever its family's form."""

import math

# What Mistral's configuration says where the file does not.
MISTRAL = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8}


def text_config(config):
    """The language model's keys: at the top in the older Qwen families."""
    text = {**config, **config.get("text_config", {})}
    if config["model_type"] == "llava_next":
        text = {**MISTRAL, **config["text_config"]}
    if not text.get("head_dim"):
        text["head_dim"] = text["hidden_size"] // text["num_attention_heads"]
    return text


def tied(config):
    return bool(config.get("tie_word_embeddings") or config.get("text_config", {}).get("tie_word_embeddings"))


def decoder_weights(config):
    """Weights of the products in all decoder layers."""
    text = text_config(config)
    queries, keys = (text[heads] * text["head_dim"] for heads in ("num_attention_heads", "num_key_value_heads"))
    one = text["hidden_size"] * (2 * queries + 2 * keys + 3 * text["intermediate_size"])
    return text["num_hidden_layers"] * one


def vision_tokens(config, settings, width, height):
    """Of the run that stage 2's sequence has for a picture of this size (with a longest side of at most 1024)."""
    if config["model_type"] == "llava_next":
        return tiles(config, width, height)
    side, area = settings["patch_size"] * settings["merge_size"], settings.get("size", {})
    least = settings.get("min_pixels") or area["shortest_edge"]
    most = settings.get("max_pixels") or area["longest_edge"]
    rounded = [max(side, side * round(edge / side)) for edge in (width, height)]
    if not least <= math.prod(rounded) <= most:
        bound, up = (least, math.ceil) if math.prod(rounded) < least else (most, math.floor)
        scale = math.sqrt(bound / (width * height))
        rounded = [max(side, side * up(edge * scale / side)) for edge in (width, height)]
    return math.prod(rounded) // side**2


def tiles(config, width, height):
    """LLaVA-NeXT's: the picture's own tile, and rows of the larger picture, each with a newline."""
    v = config["vision_config"]
    patches = v["image_size"] // v["patch_size"]

    def fit(pinpoint):
        scale = min(pinpoint[1] / width, pinpoint[0] / height)
        shown = min(int(width * scale) * int(height * scale), width * height)
        return shown, shown - math.prod(pinpoint)

    tall, wide = max(config["image_grid_pinpoints"], key=fit)
    rows, columns = tall // v["patch_size"], wide // v["patch_size"]
    if width / height > columns / rows:
        rows -= 2 * ((rows - int(round(height * columns / width, 7))) // 2)
    else:
        columns -= 2 * ((columns - int(round(width * rows / height, 7))) // 2)
    return patches**2 + rows * (columns + 1)
