//! How the screens end, or why they cannot begin.

/// Why the screen was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person left, and no run of this process was at work.
    Quit,
    /// The run was told to stop after its step, by the person or by SIGTERM, and has not ended yet.
    StopRequested,
    /// The run that the person told to stop has ended.
    Stopped,
    /// The run goes on without a screen.
    Detach,
    /// The process is to stop until the shell continues it. [`run`](super::run) does that and shows the screens again,
    /// so it never returns this.
    Suspend,
    /// The requested session cannot be shown: [`run`](super::run) returns the reason as an error, and never this.
    NotOpened,
    /// The terminal is gone; standard input, output and error are /dev/null now. A run goes on.
    TerminalGone,
}

/// Why the screens cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// No terminal, or one that cannot be set up.
    #[error("the terminal cannot be used ({0}); run with --headless where there is none")]
    Terminal(#[source] std::io::Error),
    /// A thread, pipe or signal handler could not be made.
    #[error("the screens cannot be started: {0}")]
    Start(#[source] std::io::Error),
    /// The session that was to be shown cannot be read.
    #[error("{0}")]
    Session(String),
}
