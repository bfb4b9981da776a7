//! What a throw-away server is set to, for tests: its database, keys and ledger, on either database
//! (see [`crate::store::trial`]).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config::{self, Config, Sources};
use crate::store::{Error, trial};

/// The settings that name a database for what lives in a folder: the same one each time.
pub fn settings(folder: &Path) -> Result<Vec<(String, String)>, Error> {
    let named = |name: &str, value: String| (name.to_owned(), value);
    let Some(server) = trial::server() else {
        let url = format!("sqlite://{}/kadian.sqlite", folder.display());
        return Ok(vec![named("database.url", url)]);
    };
    let note = folder.join("database-url");
    let url = match std::fs::read_to_string(&note) {
        Ok(url) => url,
        Err(_) => {
            let url = trial::on_server(&server)?;
            std::fs::write(&note, &url).map_err(unwritten)?;
            url
        }
    };
    let mut settings = beside(folder);
    settings.push(named("database.url", url));
    Ok(settings)
}

/// The settings of a database that nobody will open again: in memory, where that can be.
pub fn fleeting() -> Result<Vec<(String, String)>, Error> {
    let url = trial::url()?;
    let mut settings = if url.starts_with("sqlite:") {
        Vec::new()
    } else {
        beside(&fresh_folder()?)
    };
    settings.push(("database.url".to_owned(), url));
    Ok(settings)
}

/// A configuration of these settings and no file, no variable.
pub fn config(settings: Vec<(String, String)>) -> Result<Config, config::Error> {
    Config::resolve(&Sources {
        flags: settings,
        ..Sources::default()
    })
}

fn beside(folder: &Path) -> Vec<(String, String)> {
    let named = |name: &str, file: &str| {
        let path = folder.join(file).display().to_string();
        (name.to_owned(), path)
    };
    vec![
        named("keys.file", crate::keys::FILE_NAME),
        named("ledger.file", crate::ledger::FILE_NAME),
    ]
}

/// A folder of temporary files, which goes with them.
fn fresh_folder() -> Result<PathBuf, Error> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("kadian-trial-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(unwritten)?;
    Ok(folder)
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Unavailable(format!("a temporary file: {}", error.kind()))
}
