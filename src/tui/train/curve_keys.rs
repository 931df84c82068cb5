//! Keys and mouse on the curves: metrics, range of steps, crosshair, overlaid sessions.

use std::path::Path;

use ratatui::layout::Position;

use super::curves::end;
use crate::{
    keymap::Action,
    session::Stage,
    tui::{app::App, overlays::MOST, series::nearest, span::Span, ui::Entry},
};

/// The largest number of metrics with curves below one another.
const METRICS: usize = 4;
/// A key shows half or twice as many steps; a notch of the wheel changes it less.
const KEY: f64 = 0.5;
const NOTCH: f64 = 0.7;
/// A zoomed curve moves by this share of its length.
const PAN: f64 = 0.25;

impl App {
    pub(in crate::tui) fn act_curves(&mut self, action: Action) {
        match action {
            Action::Smoothing => self.ui.smoothing = self.ui.smoothing.next(),
            Action::Metric => self.ui.metric = self.ui.metric.next(),
            Action::MoreMetrics => self.ui.more_metrics = (self.ui.more_metrics + 1) % METRICS,
            Action::LogAxis => self.ui.log_axis = !self.ui.log_axis,
            Action::ZoomIn => self.zoom(KEY, None),
            Action::ZoomOut => self.zoom(1.0 / KEY, None),
            Action::Whole => self.shown.zoom = None,
            Action::EarlierStep => self.step_crosshair(-1),
            Action::LaterStep => self.step_crosshair(1),
            Action::Overlay => {
                self.list_sessions();
                self.ui.choice = 0;
                self.ui.ask(Entry::Overlay, "");
            }
            Action::ClearOverlays => self.overlays.clear(),
            _ => {}
        }
    }

    /// Moves the range of steps of a zoomed curve; returns whether it is zoomed.
    pub(in crate::tui) fn pan(&mut self, later: bool) -> bool {
        let Some(stage) = self
            .shown
            .cursor
            .stage(&self.shown.state)
            .filter(|&stage| self.shown.span(stage).is_some())
        else {
            return false;
        };
        let (span, end) = self.steps_shown(stage);
        self.shown.zoom = Some(span.moved(if later { PAN } else { -PAN }, end));
        true
    }

    /// Removes the crosshair; if there is none, the zoom.
    pub(in crate::tui) fn leave_curves(&mut self) {
        if self.shown.cursor.step.is_some() {
            self.shown.cursor.follow_run(&self.shown.state);
        } else {
            self.shown.zoom = None;
        }
    }

    /// The wheel over the curves: more or fewer steps around the one under the mouse.
    pub(in crate::tui) fn wheel_on_curves(&mut self, closer: bool, at: Position) {
        let share = self.shown.curves.share_at(at);
        self.zoom(if closer { NOTCH } else { 1.0 / NOTCH }, share);
    }

    /// A click on the curves: moves the crosshair there.
    pub(in crate::tui) fn click_on_curves(&mut self, at: Position) {
        let Some((stage, share)) = self
            .shown
            .cursor
            .stage(&self.shown.state)
            .zip(self.shown.curves.share_at(at))
        else {
            return;
        };
        let (span, _) = self.steps_shown(stage);
        let step = (span.from + share * span.length()).round() as u64;
        if let Some(step) = self.logged(stage, step, 0) {
            self.stand_at(stage, step);
        }
    }

    /// Overlays a session on the curves, or removes it if it is there; returns the word for what was done.
    ///
    /// # Errors
    /// A message if there are as many overlays as there are colours, or if it is the run itself.
    pub(in crate::tui) fn overlay(&mut self, session: &Path) -> Result<&'static str, String> {
        if session == self.shown.folder {
            return Err("these curves are its own; choose another session".to_owned());
        }
        if self.overlays.take_away(session) {
            return Ok("its curves are removed from Train");
        }
        if self.overlays.shown().len() == MOST {
            return Err(format!(
                "{MOST} sessions are overlaid already; choose one of them to remove it"
            ));
        }
        self.reader.overlay(session.to_owned());
        Ok("its curves are overlaid on Train")
    }

    /// The range of steps that a stage's curves show, and the end of the axis.
    pub(in crate::tui) fn steps_shown(&self, stage: Stage) -> (Span, f64) {
        let end = end(&self.shown.state, stage, &self.overlays);
        let span = self.shown.span(stage).unwrap_or_else(|| Span::whole(stage, end));
        (span, end)
    }

    /// Shows `by` times as many steps. The fixed point is `share` of the axis; without it the crosshair, or else the
    /// middle.
    fn zoom(&mut self, by: f64, share: Option<f64>) {
        let Some(stage) = self.shown.cursor.stage(&self.shown.state) else {
            return;
        };
        let (span, end) = self.steps_shown(stage);
        let crosshair = self.shown.cursor.step.map(|step| step as f64);
        let around = match (share, crosshair.filter(|step| (span.from..=span.to).contains(step))) {
            (Some(share), _) => span.from + share * span.length(),
            (None, Some(step)) => step,
            (None, None) => span.from + span.length() / 2.0,
        };
        self.shown.zoom = span.zoomed(by, around, end);
    }

    /// Moves the crosshair by columns of the plot, but at least to the next logged step. The first time it goes to the
    /// newest step shown.
    fn step_crosshair(&mut self, by: i32) {
        let Some(stage) = self.shown.cursor.stage(&self.shown.state) else {
            return;
        };
        let (span, _) = self.steps_shown(stage);
        let step = match self.shown.cursor.step {
            None => self.logged(stage, span.to as u64, 0),
            Some(step) => {
                let columns = f64::from(by) * (span.length() * self.shown.curves.column()).max(1.0);
                let target = (step as f64 + columns).round().max(0.0) as u64;
                let found = self.logged(stage, target, 0);
                if found == Some(step) {
                    self.logged(stage, step, by as isize)
                } else {
                    found
                }
            }
        };
        if let Some(step) = step {
            self.stand_at(stage, step);
        }
    }

    /// The logged step that is `further` places after the one nearest to `step`.
    fn logged(&self, stage: Stage, step: u64, further: isize) -> Option<u64> {
        let steps = &self.shown.state.history(stage)?.steps;
        let place = nearest(steps, step, |point| point.step)?;
        let place = place.saturating_add_signed(further).min(steps.len().saturating_sub(1));
        steps.get(place).map(|point| point.step)
    }
}
