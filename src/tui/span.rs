//! The range of a stage's steps that zoomed curves show.

use crate::session::Stage;

/// Steps `from..=to` of a stage, as whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub stage: Stage,
    pub from: f64,
    pub to: f64,
}

/// The shortest span.
const LEAST: f64 = 10.0;

impl Span {
    /// All steps of an axis that ends at `end`.
    #[must_use]
    pub const fn whole(stage: Stage, end: f64) -> Self {
        Self {
            stage,
            from: 0.0,
            to: end,
        }
    }

    #[must_use]
    pub const fn length(self) -> f64 {
        self.to - self.from
    }

    /// A span `by` times as long that keeps the step `around` at its place on the screen; `None` if it would be the
    /// whole axis.
    #[must_use]
    pub fn zoomed(self, by: f64, around: f64, end: f64) -> Option<Self> {
        let length = (self.length() * by).max(LEAST);
        if length >= end {
            return None;
        }
        let share = (around - self.from) / self.length();
        Some(self.at(around - share * length, length, end))
    }

    /// The span moved by a share of its length, limited to the axis.
    #[must_use]
    pub fn moved(self, share: f64, end: f64) -> Self {
        self.at(self.from + share * self.length(), self.length(), end)
    }

    /// The span moved just far enough to contain `step`.
    #[must_use]
    pub fn holding(self, step: f64, end: f64) -> Self {
        let from = self.from.min(step).max(step - self.length());
        self.at(from, self.length(), end)
    }

    fn at(self, from: f64, length: f64, end: f64) -> Self {
        let length = length.round();
        let from = from.min(end - length).max(0.0).round();
        Self {
            from,
            to: from + length,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: f64, to: f64) -> Span {
        Span {
            stage: Stage::Prompt,
            from,
            to,
        }
    }

    #[test]
    fn a_zoom_leaves_its_step_where_it_was() {
        let whole = Span::whole(Stage::Prompt, 1000.0);
        let near = whole.zoomed(0.5, 400.0, 1000.0).unwrap();
        assert_eq!(near, span(200.0, 700.0));
        assert_eq!(near.zoomed(0.5, 400.0, 1000.0), Some(span(300.0, 550.0)));
        assert_eq!(near.zoomed(2.0, 400.0, 1000.0), None, "all is shown again");
        let edge = whole.zoomed(0.5, 1000.0, 1000.0).unwrap();
        assert_eq!((edge.from, edge.to), (500.0, 1000.0));
    }

    #[test]
    fn a_zoom_ends_at_a_few_steps_and_at_the_whole_axis() {
        let mut near = Span::whole(Stage::Prompt, 1000.0);
        for _ in 0..40 {
            near = near.zoomed(0.5, 777.0, 1000.0).unwrap();
        }
        assert_eq!(near.length(), LEAST);
        assert!(near.from <= 777.0 && 777.0 <= near.to);
        assert_eq!(Span::whole(Stage::Prompt, 8.0).zoomed(0.5, 4.0, 8.0), None);
    }

    #[test]
    fn a_span_stays_on_the_axis() {
        let near = span(200.0, 400.0);
        assert_eq!(near.moved(0.25, 1000.0), span(250.0, 450.0));
        assert_eq!(near.moved(-9.0, 1000.0), span(0.0, 200.0));
        assert_eq!(near.moved(9.0, 1000.0), span(800.0, 1000.0));
        assert_eq!(near.holding(300.0, 1000.0), near);
        assert_eq!(near.holding(450.0, 1000.0), span(250.0, 450.0));
        assert_eq!(near.holding(100.0, 1000.0), span(100.0, 300.0));
    }
}
