//! The session that is shown, with everything that is replaced when another one is opened.

use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    beside::Beside,
    browse::Browse,
    connected::Connected,
    cursor::Cursor,
    follow::{Followed, Link},
    inbox::{Inbox, Message},
    model::Model,
    opening::{Opened, Rejoining},
    pictures::{self, Pictures},
    player::{Player, USUAL_SPEED},
    post::{Post, Subscription},
    seeking::Seeking,
    span::Span,
    surface::Painter,
    train::curves::Curves,
};
use crate::session::{Metrics, RunState, SessionFolder, Stage};

/// The session's state, the connection to its run, and the person's position in it. Opening another session replaces
/// all of it.
#[derive(Debug)]
pub struct ShownSession {
    /// Files that events name lie under it.
    pub folder: PathBuf,
    /// Its name, for the header.
    pub title: String,
    pub state: RunState,
    pub link: Connected,
    /// Whether this process runs the run.
    pub owns_run: bool,
    /// Whether the run's process has disappeared without a final record.
    pub lost: bool,
    /// The frozen model's figures, if the session has them.
    pub frozen: Option<Metrics>,
    /// The folder of the dataset's images, once it was looked for.
    pub found_images: Option<PathBuf>,
    pub browse: Browse,
    /// The model of a run that has ended.
    pub model: Model,
    pub pictures: Pictures,
    pub curves: Curves,
    pub cursor: Cursor,
    /// The steps that the curves show; `None`: all.
    pub zoom: Option<Span>,
    /// Plays a journal, if one is being played.
    pub player: Option<Player>,
    /// A seek in the journal that is being played.
    pub seeking: Option<Seeking>,
    /// A new read of this session.
    pub rejoining: Option<Rejoining>,
}

impl ShownSession {
    /// A session as it is first shown; `painter` paints its pictures. What happens to it arrives in `inbox`.
    ///
    /// # Errors
    /// A sentence where a thread cannot be started.
    pub fn new(
        (folder, title): (PathBuf, String),
        state: RunState,
        link: Link,
        painter: Painter,
        inbox: &Inbox,
    ) -> Result<Self, String> {
        let pictures = Pictures::start(folder.clone(), painter, inbox.subscribe(Message::Picture));
        Ok(Self {
            pictures: pictures.map_err(|error| format!("cannot start a thread: {error}"))?,
            folder,
            title,
            state,
            link: Connected::new(link, inbox)?,
            owns_run: false,
            lost: false,
            frozen: None,
            found_images: None,
            browse: Browse::default(),
            model: Model::default(),
            curves: Curves::default(),
            cursor: Cursor::default(),
            zoom: None,
            player: None,
            seeking: None,
            rejoining: None,
        })
    }

    /// A session that was opened, and the file of predictions to read.
    ///
    /// # Errors
    /// A sentence where a thread cannot be started.
    pub fn of(opened: Opened, painter: Painter, inbox: &Inbox) -> Result<(Self, Option<PathBuf>), String> {
        let Opened {
            followed,
            beside,
            replay,
        } = opened;
        let Followed { folder, history, link } = followed;
        let place = (folder.path().to_owned(), folder.name().to_owned());
        let mut shown = Self::new(place, history, link, painter, inbox)?;
        shown.player = replay.map(|records| Player::new(records, USUAL_SPEED, Instant::now()));
        let wanted = shown.take_beside(beside);
        Ok((shown, wanted))
    }

    /// Takes a new read of this session, with a new connection to its run; the person's view stays as it is. Returns
    /// the file of predictions to read.
    ///
    /// # Errors
    /// A sentence where a thread cannot be started.
    pub fn reread(&mut self, opened: Opened, inbox: &Inbox) -> Result<Option<PathBuf>, String> {
        let Opened { followed, beside, .. } = opened;
        self.link = Connected::new(followed.link, inbox)?;
        (self.lost, self.model) = (false, Model::default());
        Ok(self.go_to(followed.history, beside))
    }

    /// Takes the state at another place of the journal. Returns the file of predictions to read.
    pub fn go_to(&mut self, state: RunState, beside: Beside) -> Option<PathBuf> {
        (self.state, self.curves) = (state, Curves::default());
        self.take_beside(beside)
    }

    /// Takes the stored evaluations; returns the file of predictions to read.
    pub fn take_beside(&mut self, beside: Beside) -> Option<PathBuf> {
        (self.frozen, self.found_images) = (beside.frozen, beside.images);
        self.browse.update(beside.evaluations)
    }

    /// Takes the session's new name: files are read from its new folder.
    ///
    /// # Errors
    /// If the pictures' thread cannot be started; nothing has changed then.
    pub fn renamed(
        &mut self,
        folder: &SessionFolder,
        painter: Painter,
        pictures: (Post<pictures::Done>, Subscription),
    ) -> io::Result<()> {
        self.pictures = Pictures::start(folder.path().to_owned(), painter, pictures)?;
        folder.path().clone_into(&mut self.folder);
        folder.name().clone_into(&mut self.title);
        self.browse = Browse::default();
        Ok(())
    }

    /// The folder of the dataset's images; until it was looked for, what the journal says.
    #[must_use]
    pub fn images(&self) -> &Path {
        let recorded = self.state.session.as_ref().map(|start| Path::new(&start.data));
        self.found_images.as_deref().or(recorded).unwrap_or(Path::new(""))
    }

    /// The steps that a stage's curves show; `None`: all.
    #[must_use]
    pub fn span(&self, stage: Stage) -> Option<Span> {
        self.zoom.filter(|zoom| zoom.stage == stage)
    }
}
