//! Where a benchmark stands: a folder of its own and, for PostgreSQL, databases of its own, which
//! go when it ends. What the database did is asked here, whichever it is.

use std::path::{Path, PathBuf};

use super::Failed;
use super::process;
use crate::store::grounds::{Grounds, Work, sqlite_work};

/// A database for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub url: String,
    name: String,
}

pub struct Ground {
    folder: PathBuf,
    postgres: Option<Postgres>,
}

struct Postgres {
    grounds: Grounds,
    /// The process of the server that started all its others, if it runs on this machine.
    postmaster: Option<u32>,
    made: std::sync::Mutex<Vec<String>>,
}

impl Ground {
    /// In an existing folder and, if a URL is given, on that PostgreSQL server.
    pub fn new(folder: &Path, postgres: Option<&str>) -> Result<Self, Failed> {
        let postgres = match postgres {
            None => None,
            Some(url) => {
                let grounds = Grounds::new(url);
                let backend = grounds.backend()?;
                let ours = process::name(backend).is_some_and(|name| name.starts_with("postgres"));
                Some(Postgres {
                    postmaster: ours.then(|| process::parent(backend)).flatten(),
                    grounds,
                    made: std::sync::Mutex::default(),
                })
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            postgres,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub const fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// An empty database.
    pub fn make(&self, name: &str) -> Result<Database, Failed> {
        match &self.postgres {
            None => {
                for ending in ["", "-wal", "-shm", ".ledger"] {
                    let _ =
                        std::fs::remove_file(self.folder.join(format!("{name}.sqlite{ending}")));
                }
                let path = self.folder.join(format!("{name}.sqlite"));
                Ok(Database {
                    url: format!("sqlite://{}", path.display()),
                    name: name.to_owned(),
                })
            }
            Some(postgres) => {
                let full = format!("kadian_bench_{}_{name}", std::process::id());
                postgres.grounds.drop(&full)?;
                let url = postgres.grounds.make(&full)?;
                let mut made = postgres
                    .made
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                made.push(full);
                Ok(Database {
                    url,
                    name: name.to_owned(),
                })
            }
        }
    }

    /// What the database has done so far. PostgreSQL counts for the whole server.
    pub fn work(&self, database: &Database) -> Result<Work, Failed> {
        match &self.postgres {
            Some(postgres) => Ok(postgres.grounds.work()?),
            None => Ok(sqlite_work(
                &self.folder.join(format!("{}.sqlite", database.name)),
            )?),
        }
    }

    /// The time that the database has had, where it is a process of its own on this machine.
    pub fn cpu_seconds(&self) -> f64 {
        let postmaster = self.postgres.as_ref().and_then(|one| one.postmaster);
        postmaster.map_or(0.0, process::tree_cpu_seconds)
    }

    /// Whether the time of the database can be told: it is in the server's own process, or beside
    /// it on this machine.
    pub fn knows_cpu(&self) -> bool {
        self.postgres
            .as_ref()
            .is_none_or(|postgres| postgres.postmaster.is_some())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(postgres) = &self.postgres {
            let made = postgres
                .made
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            for name in made.iter() {
                // What cannot be dropped now is dropped by hand; its name says whose it was.
                let _ = postgres.grounds.drop(name);
            }
        }
    }
}
