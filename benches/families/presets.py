"""Configurations of the model families, in the form that the hub's config.json has; `-s` fits a bench on two cores."""

# Of the Qwen families' real tokenizers; the maker puts a folder's own in their place.
QWEN_IDS = {
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "image_token_id": 151655,
    "video_token_id": 151656,
}


def qwen2(family, rows, width, layers, heads, inner, section, tied, tower):
    """Qwen2-VL's and Qwen2.5-VL's: the text's keys stand at the top."""
    return {
        "architectures": [{"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL"}[family] + "ForConditionalGeneration"],
        "attention_dropout": 0.0,
        **QWEN_IDS,
        "vision_token_id": 151654,
        "hidden_act": "silu",
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": inner,
        "max_position_embeddings": 128000 if family == "qwen2_5_vl" else 32768,
        "max_window_layers": layers,
        "model_type": family,
        "num_attention_heads": heads[0],
        "num_hidden_layers": layers,
        "num_key_value_heads": heads[1],
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 32768,
        "tie_word_embeddings": tied,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.41.2",
        "use_cache": True,
        "use_sliding_window": False,
        "vision_config": {
            **tower,
            "in_chans": 3,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "temporal_patch_size": 2,
        },
        "rope_scaling": {"type": "mrope", "mrope_section": section},
        "vocab_size": rows,
    }


def qwen2_5_tower(depth, width, heads, inner, full, out):
    return {
        "depth": depth,
        "hidden_act": "silu",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_heads": heads,
        "out_hidden_size": out,
        "window_size": 112,
        "fullatt_block_indexes": full,
        "tokens_per_second": 2,
    }


def qwen3(rows, width, layers, heads, head, inner, section, tied, tower):
    ids = dict(QWEN_IDS)
    text = {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": ids.pop("bos_token_id"),
        "dtype": "bfloat16",
        "eos_token_id": ids.pop("eos_token_id"),
        "head_dim": head,
        "hidden_act": "silu",
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": inner,
        "max_position_embeddings": 262144,
        "model_type": "qwen3_vl_text",
        "num_attention_heads": heads[0],
        "num_hidden_layers": layers,
        "num_key_value_heads": heads[1],
        "rms_norm_eps": 1e-06,
        "rope_scaling": {"mrope_interleaved": True, "mrope_section": section, "rope_type": "default"},
        "rope_theta": 5000000,
        "use_cache": True,
        "vocab_size": rows,
    }
    depth, wide, vision_heads, vision_inner, deep = tower
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        **ids,
        "model_type": "qwen3_vl",
        # Tied sizes say it twice, untied ones only outside.
        "text_config": {**text, "tie_word_embeddings": True} if tied else text,
        "tie_word_embeddings": tied,
        "transformers_version": "4.57.0.dev0",
        "vision_config": {
            "deepstack_visual_indexes": deep,
            "depth": depth,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": wide,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": vision_inner,
            "model_type": "qwen3_vl",
            "num_heads": vision_heads,
            "num_position_embeddings": 2304,
            "out_hidden_size": width,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
    }


def llava_next(rows, text, tower):
    side = tower["image_size"]
    pinpoints = [[a * side, b * side] for a, b in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]
    return {
        "architectures": ["LlavaNextForConditionalGeneration"],
        "ignore_index": -100,
        "image_grid_pinpoints": pinpoints,
        "image_token_index": 32000,
        "model_type": "llava_next",
        "projector_hidden_act": "gelu",
        "text_config": {
            "architectures": ["MistralForCausalLM"],
            **text,
            "max_position_embeddings": 32768,
            "model_type": "mistral",
            "rms_norm_eps": 1e-05,
            "rope_theta": 1000000.0,
            "sliding_window": None,
            "torch_dtype": "bfloat16",
            "vocab_size": rows,
        },
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.39.0.dev0",
        "use_image_newline_parameter": True,
        "vision_config": {**tower, "model_type": "clip_vision_model", "patch_size": 14, "vocab_size": 32000},
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "vocab_size": rows,
    }


def clip(depth, width, heads, inner, side, projection):
    return {
        "hidden_size": width,
        "image_size": side,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_hidden_layers": depth,
        "projection_dim": projection,
    }


def presets():
    qwen3_tower = (24, 1024, 16, 4096, [5, 11, 17])
    sizes = [16, 24, 24]
    return {
        "qwen2_vl-s": qwen2(
            "qwen2_vl",
            *(4096, 256, 8, (8, 2), 704, [4, 6, 6], False),
            {"depth": 4, "embed_dim": 128, "num_heads": 4, "mlp_ratio": 4, "hidden_size": 256},
        ),
        "qwen2_5_vl-s": qwen2(
            "qwen2_5_vl",
            *(4096, 256, 8, (8, 2), 704, [4, 6, 6], False),
            qwen2_5_tower(4, 128, 4, 342, [1, 3], 256),
        ),
        "qwen2_5_vl-3b": qwen2(
            "qwen2_5_vl",
            *(151936, 2048, 36, (16, 2), 11008, sizes, True),
            qwen2_5_tower(32, 1280, 16, 3420, [7, 15, 23, 31], 2048),
        ),
        "qwen3_vl-s": qwen3(4096, 256, 8, (8, 2), 32, 704, [6, 5, 5], False, (4, 128, 4, 512, [0, 1, 2])),
        "qwen3_vl-2b": qwen3(151936, 2048, 28, (16, 8), 128, 6144, [24, 20, 20], True, qwen3_tower),
        "qwen3_vl-4b": qwen3(151936, 2560, 36, (32, 8), 128, 9728, [24, 20, 20], True, qwen3_tower),
        # Of five blocks four are used; a tile has 8 x 8 tokens.
        "llava_next-s": llava_next(
            4096,
            {
                "hidden_size": 256,
                "intermediate_size": 704,
                "num_attention_heads": 8,
                "num_hidden_layers": 8,
                "num_key_value_heads": 2,
            },
            clip(5, 128, 4, 512, 112, 64),
        ),
        # What the hub's file leaves out is as Mistral's defaults say.
        "llava_next-7b": llava_next(
            32064, {"intermediate_size": 14336, "num_key_value_heads": 8}, clip(24, 1024, 16, 4096, 336, 768)
        ),
    }
