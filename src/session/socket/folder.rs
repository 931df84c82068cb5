//! The folder of control sockets, which only the user can enter.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::SocketError;
use crate::{operating_system::LONGEST_SOCKET_PATH, session::SessionFolder};

/// The folders in which a run may listen, the preferred one first. A viewer looks into all of them: it may have been
/// started with another environment than the run.
pub(super) fn candidates(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let runtime = absolute("XDG_RUNTIME_DIR").map(|path| path.join("masp"));
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    let state = state.map(|path| path.join("masp/run"));
    runtime.into_iter().chain(state).collect()
}

/// The folder in which a run of this process would listen.
///
/// # Errors
/// There is no candidate, or none that only the user can enter.
pub fn usable_folder() -> Result<PathBuf, SocketError> {
    let mut hindrance = SocketError::NoFolder;
    for folder in candidates(environment) {
        match make_private(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => hindrance = error,
        }
    }
    Err(hindrance)
}

/// The value of an environment variable that names a path.
pub(super) fn environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// The device and inode of a session's folder, which do not change with its name. A session that takes the name of a moved one
/// has its own socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// # Errors
    /// A session that is gone.
    pub fn of(session: &SessionFolder) -> Result<Self, SocketError> {
        let (device, inode) = session.identity().map_err(|source| SocketError::Io {
            action: "find",
            path: session.path().to_owned(),
            source,
        })?;
        Ok(Self { device, inode })
    }
}

/// The path of a session's socket in `folder`. It is named by `session`'s device and inode, because the session's own path
/// may be too long for a socket.
///
/// # Errors
/// A path that is too long for a socket.
pub(super) fn socket_in(folder: &Path, session: Identity) -> Result<PathBuf, SocketError> {
    let path = folder.join(format!("{:x}-{:x}.sock", session.device, session.inode));
    if path.as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(SocketError::TooLong(path));
    }
    Ok(path)
}

/// Makes the folder where it is missing.
///
/// # Errors
/// A folder that cannot be made, belongs to somebody else, or that others can enter.
pub(super) fn make_private(folder: &Path) -> Result<(), SocketError> {
    let failed = |action, source| SocketError::Io {
        action,
        path: folder.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| failed("make the folder", source))?;
    // Do not follow a link, which another user may have put there.
    let found = fs::symlink_metadata(folder).map_err(|source| failed("check", source))?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && ours && found.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(SocketError::NotPrivate(folder.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_runtime_folder_comes_before_the_state_folder_and_relative_ones_do_not_count() {
        let given = |pairs: &'static [(&str, &str)]| {
            let find = move |name: &str| {
                let pair = pairs.iter().find(|(key, _)| *key == name)?;
                Some(PathBuf::from(pair.1))
            };
            candidates(find)
        };
        let both = given(&[("XDG_RUNTIME_DIR", "/run/user/7"), ("HOME", "/home/x")]);
        let expected = ["/run/user/7/masp", "/home/x/.local/state/masp/run"];
        assert_eq!(both, expected.map(PathBuf::from));
        let state = given(&[("XDG_RUNTIME_DIR", "here"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")]);
        assert_eq!(state, [PathBuf::from("/s/masp/run")]);
        assert!(given(&[]).is_empty());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        make_private(&folder).unwrap();
        make_private(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(make_private(&folder), Err(SocketError::NotPrivate(_))));
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path().join("a"), &link).unwrap();
        assert!(matches!(make_private(&link), Err(SocketError::NotPrivate(_))));
    }

    #[test]
    fn a_long_session_path_has_a_short_socket_and_a_long_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("s".repeat(200));
        let session = Identity::of(&SessionFolder::create(&deep, "run").unwrap()).unwrap();
        let socket = socket_in(Path::new("/run/user/1000/masp"), session).unwrap();
        assert!(socket.as_os_str().len() < 60, "{}", socket.display());
        let long = PathBuf::from(format!("/{}", "x".repeat(100)));
        assert!(matches!(socket_in(&long, session), Err(SocketError::TooLong(_))));
    }
}
