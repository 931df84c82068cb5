//! A byte-level BPE trained on the questions and answers, with Qwen2-VL's special tokens in Qwen2-VL's order.

use anyhow::{Result, anyhow};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer, TokenizerBuilder};

/// Qwen2-VL's special tokens; their ids follow the BPE's.
pub const SPECIAL: [&str; 14] = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
];

/// How Qwen2 cuts text before merging bytes.
const PATTERN: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Trains on `corpus` to at most `size` tokens, then adds [`SPECIAL`].
///
/// # Errors
/// Where the library fails.
pub fn train(corpus: &[String], size: usize) -> Result<Tokenizer> {
    let split = Split::new(
        SplitPattern::Regex(PATTERN.to_owned()),
        SplitDelimiterBehavior::Isolated,
        false,
    )
    .map_err(|e| anyhow!("the pre-tokenizer's pattern: {e}"))?;
    let bytes = ByteLevel::new(false, true, false);
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(Some(NFC))
        .with_pre_tokenizer(Some(Sequence::new(vec![split.into(), bytes.into()])))
        .with_post_processor(Some(bytes))
        .with_decoder(Some(bytes))
        .build()
        .map_err(|e| anyhow!("the tokenizer's parts do not fit: {e}"))?;
    let trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(size)
        .min_frequency(2)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    tokenizer
        .train(&mut trainer.clone(), corpus.iter())
        .map_err(|e| anyhow!("training the tokenizer: {e}"))?;
    let mut tokenizer: Tokenizer = Tokenizer::from(tokenizer);
    tokenizer
        .add_special_tokens(SPECIAL.map(|token| AddedToken::from(token, true).normalized(false)))
        .map_err(|e| anyhow!("adding the special tokens: {e}"))?;
    Ok(tokenizer)
}
