"""The texts of a chat around the picture, the soft prompt and the answer, by family."""

from dataclasses import dataclass

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"


@dataclass
class Chat:
    # Before the first soft prompt; between it and the picture; between the picture and the second one.
    begin: str
    before: str
    after: str
    # Behind the question, up to where a trained answer begins; and what of it stands before the answer's own text.
    end: str
    lead: str


QWEN_END = "<|im_end|>\n<|im_start|>assistant"
CHATS = {
    "qwen2_vl": Chat(SYSTEM + "<|im_start|>user\n", "<|vision_start|>", "<|vision_end|>", QWEN_END, "\n"),
    "qwen2_5_vl": Chat(SYSTEM + "<|im_start|>user\n", "<|vision_start|>", "<|vision_end|>", QWEN_END, "\n"),
    "qwen3_vl": Chat("<|im_start|>user\n", "<|vision_start|>", "<|vision_end|>", QWEN_END, "\n"),
    "llava_next": Chat("<s>[INST] ", "", "\n", " [/INST]", ""),
}
