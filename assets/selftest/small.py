"""The small random models of `families.py`: settings, weights, and the shape of the chats in ids.

Sizes are chosen so that slips show: no two that could be taken for each other are equal, sections of the rotary axes differ, and
rotary bases are small, so that every frequency turns far enough on a short sequence.
"""
import math
from dataclasses import dataclass
from typing import Callable
import numpy as np

WIDTH, ROWS, TOKENS, PROMPT = 24, 384, 360, 8  # of the language model; ROWS of the embedding, TOKENS of them the tokenizer's
TOWER = 16  # width of every tower, in two heads
VIEWS = ["object", "scene", "brightness"]
START, END, IMAGE, IM_START, IM_END = 350, 351, 352, 354, 355
NEWLINE, SYSTEM, USER, ASSISTANT = 198, 301, 302, 303
BOS, EOS, INST, INST_END, MARK = 1, 2, 302, 303, 301  # LLaVA: <s>, </s>, [INST], [/INST], the space mark

def chat(kind, rng, visual, question, answer=None, prompt=()):
    """A family's chat: the soft prompt stands before the picture and again before the question."""
    text = lambda n: [int(t) for t in rng.integers(200, 300, n)]
    if kind == "llava_next":  # the newline is two tokens; the answer follows at once
        ids = [BOS, INST, MARK, *prompt, *[IMAGE] * visual, MARK, NEWLINE, *prompt, *text(question), INST_END]
        return ids if answer is None else ids + answer + [EOS]
    system = [IM_START, SYSTEM, NEWLINE, *text(4), IM_END, NEWLINE] if kind == "qwen2_5_vl" else []  # Qwen3-VL has none
    ids = [*system, IM_START, USER, NEWLINE, *prompt, START, *[IMAGE] * visual, END, *prompt, *text(question), IM_END, NEWLINE,
           IM_START, ASSISTANT, NEWLINE]
    return ids if answer is None else ids + answer[1:] + [IM_END, NEWLINE]

class Draw:
    """Random weights, large enough that attention, gradients and choices are far from even."""

    def __init__(self, rng):
        self.rng, self.w = rng, {}

    def layer(self, name, shape, gain=1.5, bias=True):
        self.w[name + ".weight"] = self.rng.normal(0, gain / math.sqrt(math.prod(shape[1:])), shape)
        if bias:
            self.w[name + ".bias"] = self.rng.normal(0, 0.2, shape[0])

    def norm(self, name, width, bias=False):
        self.w[name + ".weight"] = self.rng.normal(1, 0.2, width)
        if bias:
            self.w[name + ".bias"] = self.rng.normal(0, 0.2, width)

    def rows(self, name, *shape, std=0.4):
        self.w[name] = self.rng.normal(0, std, shape)

    def language(self, prefix, layers, heads, groups, d, inner, bias, head_norms=False):
        for b in (f"{prefix}layers.{i}." for i in range(layers)):
            for n, rows in (("q", heads * d), ("k", groups * d), ("v", groups * d)):
                self.layer(f"{b}self_attn.{n}_proj", (rows, WIDTH), bias=bias)
            self.layer(b + "self_attn.o_proj", (WIDTH, heads * d), 2, bias=False)
            self.layer(b + "mlp.gate_proj", (inner, WIDTH), bias=False)
            self.layer(b + "mlp.up_proj", (inner, WIDTH), bias=False)
            self.layer(b + "mlp.down_proj", (WIDTH, inner), 2, bias=False)
            for n in ("input_layernorm", "post_attention_layernorm"):
                self.norm(b + n, WIDTH)
            for n in ("q_norm", "k_norm") if head_norms else ():
                self.norm(f"{b}self_attn.{n}", d)
        self.norm(prefix + "norm", WIDTH)
        self.rows(prefix + "embed_tokens.weight", ROWS, WIDTH)

def qwen2_5(rng):
    v, t, draw = QWEN2_5["vision_config"], QWEN2_5, Draw(rng)
    inner, wide = v["intermediate_size"], 4 * TOWER
    draw.layer("visual.patch_embed.proj", (TOWER, 3, 2, 14, 14), bias=False)
    for b in (f"visual.blocks.{i}." for i in range(v["depth"])):
        draw.layer(b + "attn.qkv", (3 * TOWER, TOWER)), draw.layer(b + "attn.proj", (TOWER, TOWER), 1)
        draw.layer(b + "mlp.gate_proj", (inner, TOWER)), draw.layer(b + "mlp.up_proj", (inner, TOWER))
        draw.layer(b + "mlp.down_proj", (TOWER, inner), 1)
        draw.norm(b + "norm1", TOWER), draw.norm(b + "norm2", TOWER)
    draw.norm("visual.merger.ln_q", TOWER)
    draw.layer("visual.merger.mlp.0", (wide, wide)), draw.layer("visual.merger.mlp.2", (WIDTH, wide))
    draw.language("model.", t["num_hidden_layers"], 2, 1, 12, t["intermediate_size"], True)
    draw.rows("lm_head.weight", ROWS, WIDTH)
    return draw.w

def qwen3(rng):
    v, t, draw, p = QWEN3["vision_config"], QWEN3["text_config"], Draw(rng), "model.visual."
    inner, wide, size = v["intermediate_size"], 4 * TOWER, v["patch_size"]
    draw.layer(p + "patch_embed.proj", (TOWER, 3, 2, size, size))
    draw.rows(p + "pos_embed.weight", v["num_position_embeddings"], TOWER, std=1)
    for b in (f"{p}blocks.{i}." for i in range(v["depth"])):
        draw.layer(b + "attn.qkv", (3 * TOWER, TOWER)), draw.layer(b + "attn.proj", (TOWER, TOWER), 1)
        draw.layer(b + "mlp.linear_fc1", (inner, TOWER), 2), draw.layer(b + "mlp.linear_fc2", (TOWER, inner), 1)
        draw.norm(b + "norm1", TOWER, True), draw.norm(b + "norm2", TOWER, True)
    mergers = [f"deepstack_merger_list.{k}" for k in range(len(v["deepstack_visual_indexes"]))]
    for m in ["merger", *mergers]:
        draw.norm(f"{p}{m}.norm", TOWER if m == "merger" else wide, True)
        draw.layer(f"{p}{m}.linear_fc1", (wide, wide)), draw.layer(f"{p}{m}.linear_fc2", (WIDTH, wide))
    heads, groups = t["num_attention_heads"], t["num_key_value_heads"]
    draw.language("model.language_model.", t["num_hidden_layers"], heads, groups, t["head_dim"], t["intermediate_size"], False, True)
    return draw.w

def llava(rng):
    v, t, draw, p = LLAVA["vision_config"], LLAVA["text_config"], Draw(rng), "vision_tower.vision_model."
    inner, size = v["intermediate_size"], v["patch_size"]
    draw.rows(p + "embeddings.class_embedding", TOWER, std=1)
    draw.layer(p + "embeddings.patch_embedding", (TOWER, 3, size, size), bias=False)
    draw.rows(p + "embeddings.position_embedding.weight", (v["image_size"] // size) ** 2 + 1, TOWER, std=0.5)
    for b in (f"{p}encoder.layers.{i}." for i in range(v["num_hidden_layers"])):
        for n in "qkv":
            draw.layer(f"{b}self_attn.{n}_proj", (TOWER, TOWER))
        draw.layer(b + "self_attn.out_proj", (TOWER, TOWER), 1)
        draw.layer(b + "mlp.fc1", (inner, TOWER)), draw.layer(b + "mlp.fc2", (TOWER, inner), 1)
        draw.norm(b + "layer_norm1", TOWER, True), draw.norm(b + "layer_norm2", TOWER, True)
    draw.norm(p + "pre_layrnorm", TOWER, True), draw.norm(p + "post_layernorm", TOWER, True)
    draw.layer("multi_modal_projector.linear_1", (WIDTH, TOWER), 0.7), draw.layer("multi_modal_projector.linear_2", (WIDTH, WIDTH))
    draw.rows("image_newline", WIDTH)
    draw.language("language_model.model.", t["num_hidden_layers"], 2, 1, 12, t["intermediate_size"], False)
    draw.rows("language_model.lm_head.weight", ROWS, WIDTH)
    return draw.w

def draw_aspects(rng):
    q = {f"q_view.{v}": rng.normal(0, 1, (5, WIDTH)) for v in VIEWS}
    parts = (("in_proj_weight", (3 * WIDTH, WIDTH), 0.2), ("in_proj_bias", 3 * WIDTH, 0.1),
             ("out_proj.weight", (WIDTH, WIDTH), 0.2), ("out_proj.bias", WIDTH, 0.1))
    return q | {f"cross_attn.{v}.{n}": rng.normal(0, std, shape) for v in VIEWS for n, shape, std in parts}

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]

# The limits bring the picture of 93 x 61 to 5 x 3 merged tokens: windows of 2 x 2 leave smaller ones at the right and the bottom.
QWEN2_5 = {
    "architectures": ["Qwen2_5_VLForConditionalGeneration"], "attention_dropout": 0.0, "bos_token_id": IM_END,
    "eos_token_id": IM_END, "vision_start_token_id": START, "vision_end_token_id": END, "vision_token_id": 356,
    "image_token_id": IMAGE, "video_token_id": 353, "hidden_act": "silu", "hidden_size": WIDTH, "initializer_range": 0.02,
    "intermediate_size": 46, "max_position_embeddings": 128000, "max_window_layers": 2, "model_type": "qwen2_5_vl",
    "num_attention_heads": 2, "num_hidden_layers": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_theta": 500.0,
    "sliding_window": 32768, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.41.2",
    "use_cache": True, "use_sliding_window": False,
    "vision_config": {"depth": 3, "hidden_act": "silu", "hidden_size": TOWER, "intermediate_size": 22, "num_heads": 2,
                      "in_chans": 3, "out_hidden_size": WIDTH, "patch_size": 14, "spatial_merge_size": 2,
                      "spatial_patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2,
                      "temporal_patch_size": 2},
    "rope_scaling": {"type": "mrope", "mrope_section": [1, 3, 2]}, "vocab_size": ROWS}
QWEN2_5_PICTURES = {
    "min_pixels": 10300, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
    "image_mean": CLIP_MEAN, "image_std": CLIP_STD, "image_processor_type": "Qwen2VLImageProcessor",
    "processor_class": "Qwen2_5_VLProcessor"}

# A picture of 10 x 6 patches on a table of 5 x 5 positions.
QWEN3 = {
    "architectures": ["Qwen3VLForConditionalGeneration"], "image_token_id": IMAGE, "model_type": "qwen3_vl",
    "text_config": {"attention_bias": False, "attention_dropout": 0.0, "bos_token_id": IM_END, "dtype": "bfloat16",
                    "eos_token_id": IM_END, "head_dim": 12, "hidden_act": "silu", "hidden_size": WIDTH,
                    "initializer_range": 0.02, "intermediate_size": 46, "max_position_embeddings": 262144,
                    "model_type": "qwen3_vl_text", "num_attention_heads": 4, "num_hidden_layers": 3,
                    "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
                    "rope_scaling": {"mrope_interleaved": True, "mrope_section": [3, 2, 1], "rope_type": "default"},
                    "rope_theta": 200, "tie_word_embeddings": True, "use_cache": True, "vocab_size": ROWS},
    "tie_word_embeddings": True, "transformers_version": "4.57.0.dev0", "video_token_id": 353,
    "vision_config": {"deepstack_visual_indexes": [0, 2], "depth": 4, "hidden_act": "gelu_pytorch_tanh",
                      "hidden_size": TOWER, "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 22,
                      "model_type": "qwen3_vl", "num_heads": 2, "num_position_embeddings": 25, "out_hidden_size": WIDTH,
                      "patch_size": 12, "spatial_merge_size": 2, "temporal_patch_size": 2},
    "vision_end_token_id": END, "vision_start_token_id": START}
QWEN3_PICTURES = {
    "size": {"longest_edge": 16777216, "shortest_edge": 7000}, "patch_size": 12, "temporal_patch_size": 2, "merge_size": 2,
    "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "processor_class": "Qwen3VLProcessor",
    "image_processor_type": "Qwen2VLImageProcessorFast"}

# Two tiles of 5 x 5 patches hold the larger picture: 7 columns of 10, of which 8 stay (half-black ones left and right).
PINPOINTS = [[40, 120], [80, 40], [40, 80], [120, 40]]
LLAVA = {
    "architectures": ["LlavaNextForConditionalGeneration"], "ignore_index": -100, "image_grid_pinpoints": PINPOINTS,
    "image_token_index": IMAGE, "model_type": "llava_next", "projector_hidden_act": "gelu",
    "text_config": {"architectures": ["MistralForCausalLM"], "hidden_size": WIDTH, "intermediate_size": 46,
                    "max_position_embeddings": 32768, "model_type": "mistral", "num_attention_heads": 2,
                    "num_hidden_layers": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-05, "rope_theta": 300.0,
                    "sliding_window": None, "torch_dtype": "bfloat16", "vocab_size": ROWS},
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.39.0.dev0",
    "use_image_newline_parameter": True,
    "vision_config": {"hidden_size": TOWER, "image_size": 40, "intermediate_size": 22, "model_type": "clip_vision_model",
                      "num_attention_heads": 2, "num_hidden_layers": 3, "patch_size": 8, "projection_dim": 12,
                      "vocab_size": 32000},
    "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": ROWS}
LLAVA_PICTURES = {
    "aspect_ratio_setting": "anyres", "crop_size": {"height": 40, "width": 40}, "do_center_crop": True,
    "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True,
    "image_grid_pinpoints": PINPOINTS, "image_mean": CLIP_MEAN, "image_processor_type": "LlavaNextImageProcessor",
    "image_std": CLIP_STD, "processor_class": "LlavaNextProcessor", "resample": 3, "rescale_factor": 1 / 255,
    "size": {"shortest_edge": 40}}

@dataclass
class Family:
    seed: int
    config: dict
    preprocessor: dict
    weights: Callable
    pixel_rows: int  # how many rows of the tower's input are stored
    ids: dict

QWEN_IDS = dict(newline=NEWLINE, assistant=ASSISTANT, im_start=IM_START, im_end=IM_END, vision_start=START, vision_end=END, image=IMAGE)
LLAVA_IDS = dict(newline=NEWLINE, bos=BOS, eos=EOS, inst=INST, inst_end=INST_END, mark=MARK, image=IMAGE)
FAMILIES = {
    "qwen2_5_vl": Family(20261, QWEN2_5, QWEN2_5_PICTURES, qwen2_5, 7, QWEN_IDS),
    "qwen3_vl": Family(20262, QWEN3, QWEN3_PICTURES, qwen3, 5, QWEN_IDS),
    "llava_next": Family(20263, LLAVA, LLAVA_PICTURES, llava, 61, LLAVA_IDS)}
