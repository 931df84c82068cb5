"""The sizes that a config.json gives, whatever its family's form."""

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
