//! One sample's input to the language model: text tokens with visual and soft-prompt rows among them.

use crate::nn::Mask;

/// What stands at a place of the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Token(u32),
    /// A row of the sample's visual rows: z tokens, then vision tokens.
    Visual(usize),
    /// A row of the soft prompt.
    Prompt(usize),
}

/// Which positions vision tokens get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PositionRule {
    /// 0, 1, 2, ...: what the reference's language model sees.
    #[default]
    Paper,
    /// Vision tokens lie on a grid of time, height and width, as in a plain pass of models with M-RoPE.
    Mrope,
}

/// The vision tokens that stand in an image's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionRun {
    pub rows: usize,
    /// Height and width of their grid. If the run is not a grid, only the paper's rule gives positions.
    pub grid: (usize, usize),
}

/// A token whose probability the model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The place whose logits predict the token.
    pub place: usize,
    pub token: u32,
    /// The index of the answer that the token belongs to.
    pub answer: usize,
}

/// A sample's rows with their positions and targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sequence {
    pub rows: Vec<Row>,
    /// Time, height, width.
    pub positions: Vec<[u32; 3]>,
    /// Answers that are scored side by side must not attend to one another, so each has its own segment.
    pub segments: Vec<u32>,
    pub targets: Vec<Target>,
    next: u32,
}

impl Sequence {
    /// Appends text.
    pub fn text(&mut self, ids: &[u32]) -> &mut Self {
        ids.iter().for_each(|&id| self.push(Row::Token(id)));
        self
    }

    /// Appends the whole soft prompt.
    pub fn prompt(&mut self, tokens: usize) -> &mut Self {
        (0..tokens).for_each(|i| self.push(Row::Prompt(i)));
        self
    }

    /// Appends `z` aspect rows, then the vision rows of `run`, if there is one.
    pub fn visual(&mut self, z: usize, run: Option<VisionRun>, rule: PositionRule) -> &mut Self {
        (0..z).for_each(|i| self.push(Row::Visual(i)));
        let Some(VisionRun {
            rows,
            grid: (height, width),
        }) = run
        else {
            return self;
        };
        if rule == PositionRule::Paper || rows != height * width {
            (0..rows).for_each(|i| self.push(Row::Visual(z + i)));
            return self;
        }
        let first = self.next;
        for i in 0..height * width {
            self.rows.push(Row::Visual(z + i));
            self.positions
                .push([first, first + (i / width) as u32, first + (i % width) as u32]);
            self.segments.push(Mask::SHARED);
        }
        self.next = first + height.max(width) as u32;
        self
    }

    /// Appends a supervised answer: each of its tokens is a target. The last token is not fed, because nothing follows
    /// it.
    pub fn answer(&mut self, ids: &[u32]) -> &mut Self {
        for (i, &token) in ids.iter().enumerate() {
            self.targets.push(Target {
                place: self.rows.len() - 1,
                token,
                answer: 0,
            });
            if i + 1 < ids.len() {
                self.push(Row::Token(token));
            }
        }
        self
    }

    /// Appends text whose tokens are both fed and targets, as a part of `answer`.
    pub fn asked(&mut self, ids: &[u32], answer: usize) -> &mut Self {
        for &token in ids {
            self.targets.push(Target {
                place: self.rows.len() - 1,
                token,
                answer,
            });
            self.push(Row::Token(token));
        }
        self
    }

    /// Appends several answers that are scored in one pass: each is a continuation of the current last row.
    pub fn alternatives<'a>(&mut self, answers: impl IntoIterator<Item = &'a [u32]>) -> &mut Self {
        let (last, next) = (self.rows.len() - 1, self.next);
        for (answer, ids) in answers.into_iter().enumerate() {
            for (i, &token) in ids.iter().enumerate() {
                let place = if i == 0 { last } else { self.rows.len() - 1 };
                self.targets.push(Target { place, token, answer });
                if i + 1 < ids.len() {
                    self.rows.push(Row::Token(token));
                    self.positions.push([next + i as u32; 3]);
                    self.segments.push(answer as u32 + 1);
                }
            }
        }
        self
    }

    /// The position after the last one.
    #[must_use]
    pub fn next_position(&self) -> u32 {
        self.next
    }

    fn push(&mut self, row: Row) {
        self.rows.push(row);
        self.positions.push([self.next; 3]);
        self.segments.push(Mask::SHARED);
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_token_of_an_answer_is_predicted_but_not_an_input() {
        let mut sequence = Sequence::default();
        sequence
            .text(&[7, 8])
            .visual(1, None, PositionRule::Paper)
            .answer(&[4, 5]);
        assert_eq!(
            sequence.rows,
            [Row::Token(7), Row::Token(8), Row::Visual(0), Row::Token(4)]
        );
        let targets: Vec<_> = sequence.targets.iter().map(|t| (t.place, t.token)).collect();
        assert_eq!(targets, [(2, 4), (3, 5)]);
    }

    #[test]
    fn alternatives_share_the_prefix_and_nothing_else() {
        let mut sequence = Sequence::default();
        sequence.text(&[7]).alternatives([&[1, 2, 3][..], &[4], &[5, 6]]);
        assert_eq!(sequence.rows, [7, 1, 2, 5].map(Row::Token));
        assert_eq!(sequence.segments, [0, 1, 1, 3]);
        assert_eq!(
            sequence.positions.iter().map(|p| p[0]).collect::<Vec<_>>(),
            [0, 1, 2, 1]
        );
        let targets: Vec<_> = sequence.targets.iter().map(|t| (t.place, t.token, t.answer)).collect();
        assert_eq!(
            targets,
            [(0, 1, 0), (1, 2, 0), (2, 3, 0), (0, 4, 1), (0, 5, 2), (3, 6, 2)]
        );
    }

    #[test]
    fn mrope_spreads_vision_tokens_over_the_grid() {
        let mut sequence = Sequence::default();
        sequence
            .text(&[7])
            .visual(1, Some(VisionRun { rows: 6, grid: (2, 3) }), PositionRule::Mrope)
            .text(&[8]);
        assert_eq!(sequence.positions[1..4], [[1; 3], [2, 2, 2], [2, 2, 3]]);
        assert_eq!(sequence.positions[7], [2, 3, 4]);
        assert_eq!(sequence.positions[8], [5; 3]);
    }
}
