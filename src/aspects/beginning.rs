//! The prefix that all sequences of a batch share and that contains no trained rows: the chat's header, and in
//! evaluation the soft prompt after it. The language model processes it once, not once per sample and step.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::prompt_rows::PromptRows;
use super::sequence::{Row, Sequence};
use crate::nn::Mask;
use crate::vlm::decoder::{LanguageModel, Positions, Prefix};

/// The shared prefix of `sequences`, if they have one. `prompt` fills their `Prompt` rows.
///
/// # Errors
/// Where the device fails.
pub(super) fn beginning(
    language: &LanguageModel,
    sequences: &[Sequence],
    prompt: Option<&PromptRows>,
) -> Result<Option<Arc<Prefix>>> {
    let prompt = prompt.and_then(|prompt| Some((prompt.rows(), prompt.bits()?)));
    let rows = shared_rows(sequences, prompt.is_some());
    let Some(first) = sequences.first().filter(|_| rows > 0 && language.is_frozen()) else {
        return Ok(None);
    };
    let (rows, positions) = (&first.rows[..rows], &first.positions[..rows]);
    let prompt = prompt.filter(|_| rows.iter().any(|row| matches!(row, Row::Prompt(_))));
    let key = key(rows, positions, prompt.map(|(_, bits)| bits));
    let begin = || {
        let embedded = rows.iter().map(|row| match (row, prompt) {
            (Row::Token(id), _) => language.embed(&[*id]),
            (Row::Prompt(i), Some((prompt, _))) => prompt.narrow(0, *i, 1)?.to_dtype(language.embeddings().dtype()),
            (row, _) => candle_core::bail!("a beginning has no embedding for its {row:?}"),
        });
        let x = Tensor::cat(&embedded.collect::<Result<Vec<_>>>()?, 0)?;
        Ok((x.unsqueeze(0)?, Positions(vec![positions.to_vec()])))
    };
    language.prefix(key, begin).map(Some)
}

/// The number of leading rows that all sequences share. Each sequence keeps at least one row after them, and none of
/// them is an output position.
fn shared_rows(sequences: &[Sequence], constant_prompt: bool) -> usize {
    let Some(first) = sequences.first() else { return 0 };
    let begins = |sequence: &Sequence| {
        let shared = sequence.rows.iter().zip(&sequence.positions).zip(&sequence.segments);
        let of_first = first.rows.iter().zip(&first.positions);
        let same = shared.zip(of_first).take_while(|((at, segment), of_first)| {
            let constant = match at.0 {
                Row::Token(_) => true,
                Row::Prompt(_) => constant_prompt,
                Row::Visual(_) => false,
            };
            constant && at == of_first && **segment == Mask::SHARED
        });
        let first_output = sequence.targets.iter().map(|target| target.place).min();
        let most = first_output
            .unwrap_or(usize::MAX)
            .min(sequence.rows.len().saturating_sub(1));
        same.count().min(most)
    };
    sequences.iter().map(begins).min().unwrap_or(0)
}

/// The cache key of this prefix: its rows and positions, and the bits of the prompt if it contains prompt rows.
fn key(rows: &[Row], positions: &[[u32; 3]], prompt: Option<&[u32]>) -> Vec<u32> {
    let mut key: Vec<u32> = rows
        .iter()
        .flat_map(|row| match row {
            Row::Token(id) => [0, *id],
            Row::Prompt(i) => [1, *i as u32],
            Row::Visual(i) => [2, *i as u32],
        })
        .collect();
    key.extend(positions.iter().flatten());
    key.extend(prompt.into_iter().flatten());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aspects::sequence::PositionRule;

    #[test]
    fn a_shared_beginning_ends_before_rows_that_differ_are_trained_or_supervised() {
        let text = |ids: &[u32]| {
            let mut sequence = Sequence::default();
            sequence
                .text(ids)
                .prompt(2)
                .visual(1, None, PositionRule::Paper)
                .text(&[9]);
            sequence
        };
        let both = [text(&[1, 2, 3]), text(&[1, 2, 3])];
        assert_eq!([shared_rows(&both, false), shared_rows(&both, true)], [3, 5]);
        assert_eq!(shared_rows(&[text(&[1, 2, 3]), text(&[1, 4, 3])], true), 1);
        let mut asked = Sequence::default();
        asked.text(&[1]).asked(&[2, 3], 0);
        assert_eq!(shared_rows(&[asked], true), 0);
        let mut short = Sequence::default();
        short.text(&[1, 2]);
        assert_eq!([shared_rows(&[short], true), shared_rows(&[], true)], [1, 0]);
    }
}
