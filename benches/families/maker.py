"""A model folder of random weights."""

import json
import math

from . import companions, tensors, weights


def make(config, folder, tokenizer=None, dtype="bf16", seed=0, shard_gib=4.0, pictures=16, side=224, files=True):
    """Writes the folder; a sentence about it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = {"bf16": "bfloat16", "f32": "float32"}[dtype]
    for keys in (config, config.get("text_config", {})):
        keys.update({key: name for key in ("torch_dtype", "dtype") if key in keys})
    if tokenizer:
        companions.take_tokenizer(tokenizer, folder, config)
    beside = {
        "config.json": config,
        "preprocessor_config.json": companions.image_settings(config),
        "generation_config.json": companions.generation_settings(config),
    }
    if config["model_type"] == "llava_next":
        beside["processor_config.json"] = {
            "image_token": "<image>",
            "num_additional_image_tokens": 1,
            "patch_size": config["vision_config"]["patch_size"],
            "processor_class": "LlavaNextProcessor",
            "vision_feature_select_strategy": config["vision_feature_select_strategy"],
        }
    for file, keys in beside.items():
        (folder / file).write_text(json.dumps(keys, indent=1) + "\n")
    if pictures:
        companions.draw_pictures(folder / "images", pictures, side, seed)
    all_ = tensors.of(config)
    count = sum(math.prod(shape) for shape, _ in all_.values()) / 1e6
    if not files:
        return f"{folder}: {config['model_type']}, {count:,.1f} M parameters, none of them written"
    written, size = weights.write(folder, all_, dtype, seed, int(shard_gib * 2**30))
    return f"{folder}: {config['model_type']}, {count:,.1f} M parameters, {size / 2**20:,.1f} MiB in {written} file(s)"
