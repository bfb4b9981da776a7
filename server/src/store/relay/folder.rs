//! The folder of the sockets: made anew for each relay, closed to everybody else, and taken away
//! with it. Whoever could enter it could speak to the database through our certificate, or listen
//! in place of the relay.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::store::error::Error;

/// The longest path a Unix socket can have is some 107 bytes (103 on some systems).
const LONGEST_PATH: usize = 103;

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> Result<Self, Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| refusal("no randomness for a name"))?;
        let name = random.map(|byte| format!("{byte:02x}")).concat();
        // Absolute, for libpq takes a host that does not begin with a slash for a name to look up.
        let path = std::path::absolute(std::env::temp_dir().join(format!("kadian-{name}")))
            .map_err(|error| refusal(&error.kind().to_string()))?;
        // It fails where something of that name is there already, whoever made it.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| refusal(&error.kind().to_string()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed harms nobody: nothing listens there any more.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Listens at the place where libpq looks for the server of a port in a folder.
pub(super) fn listen(folder: &Path, port: u16) -> Result<UnixListener, Error> {
    let socket = folder.join(format!(".s.PGSQL.{port}"));
    if socket.as_os_str().len() > LONGEST_PATH {
        return Err(refusal(
            "its path is too long for a socket; set TMPDIR to a shorter one",
        ));
    }
    let bound = std::fs::create_dir(folder).and_then(|()| {
        let listener = UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| refusal(&error.kind().to_string()))
}

fn refusal(reason: &str) -> Error {
    Error::Unavailable(format!(
        "no folder for the sockets to the database can be made in the temporary folder: {reason}"
    ))
}
