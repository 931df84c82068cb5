"""The files beside the weights: the image processor's settings, the tokenizer, and pictures."""

import json
import shutil

import numpy as np

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
# Of a tokenizer. The chat template is the family's, but it comes with the tokenizer.
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"),
    *("vocab.json", "merges.txt", "tokenizer.model", "chat_template.json", "chat_template.jinja"),
)
# The key of a configuration, and the token whose id it says.
QWEN_TOKENS = {
    "bos_token_id": "<|endoftext|>",
    "eos_token_id": "<|im_end|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
    "vision_token_id": "<|vision_pad|>",
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
}
LLAVA_TOKENS = {"image_token_index": "<image>"}
PROMPT_ROWS = 32


def image_settings(config):
    """preprocessor_config.json as the hub has it for the family."""
    family, v = config["model_type"], config["vision_config"]
    if family == "llava_next":
        side = v["image_size"]
        return {
            "aspect_ratio_setting": "anyres",
            "crop_size": {"height": side, "width": side},
            **{f"do_{step}": True for step in ("center_crop", "convert_rgb", "normalize", "pad", "rescale", "resize")},
            "image_grid_pinpoints": config["image_grid_pinpoints"],
            "image_mean": CLIP_MEAN,
            "image_processor_type": "LlavaNextImageProcessor",
            "image_std": CLIP_STD,
            "processor_class": "LlavaNextProcessor",
            "resample": 3,
            "rescale_factor": 1 / 255,
            "size": {"shortest_edge": side},
        }
    sizes = {
        "patch_size": v["patch_size"],
        "temporal_patch_size": v["temporal_patch_size"],
        "merge_size": v["spatial_merge_size"],
    }
    if family == "qwen3_vl":
        # Areas in pixels, in spite of their names.
        return {
            "size": {"longest_edge": 16777216, "shortest_edge": 65536},
            **sizes,
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
            "processor_class": "Qwen3VLProcessor",
            "image_processor_type": "Qwen2VLImageProcessorFast",
        }
    return {
        "min_pixels": 3136,
        "max_pixels": 12845056,
        **sizes,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": {"qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor"}[family],
    }


def generation_settings(config):
    if config["model_type"] == "llava_next":
        return {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2}
    text = config.get("text_config", config)
    begin, end = text["bos_token_id"], text["eos_token_id"]
    return {"bos_token_id": begin, "pad_token_id": begin, "do_sample": False, "eos_token_id": [end, begin]}


def vocabulary(folder):
    """Ids of a tokenizer's special tokens, and how many tokens it has."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    return added, 1 + max([*tokenizer["model"]["vocab"].values(), *added.values()])


def take_tokenizer(source, folder, config):
    """Copies a tokenizer's files, and puts its ids into the configuration."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            # Permissions of the source are left behind: it may be read-only.
            shutil.copyfile(source / name, folder / name)
    added, tokens = vocabulary(source)
    text = config.get("text_config", config)
    if tokens + PROMPT_ROWS > text["vocab_size"]:
        raise SystemExit(
            f"{source} has {tokens} tokens; with {PROMPT_ROWS} for the soft prompt they need more than the "
            f"{text['vocab_size']} rows of the configuration"
        )
    for key, token in (LLAVA_TOKENS if config["model_type"] == "llava_next" else QWEN_TOKENS).items():
        for keys in (config, config.get("text_config", {})):
            if key in keys:
                if token not in added:
                    raise SystemExit(f"{source} has no token {token}: is it the tokenizer of another family?")
                keys[key] = added[token]


def draw_pictures(folder, count, side, seed):
    from PIL import Image

    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    for i in range(count):
        waves = 6.28 * rng.random((3, 3))
        picture = np.stack([np.sin(a + (1 + b) * x + (1 + c) * y) for a, b, c in waves], -1)
        noisy = (picture + 1) * 110 + 30 * rng.random((side, side, 3))
        Image.fromarray(noisy.astype(np.uint8)).save(folder / f"{i:03d}.png")
