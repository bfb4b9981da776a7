//! The real server in this process, on a port of its own, with a database in a folder that goes
//! when the test ends. The clock is the machine's, or one that the test moves.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use kadian::app::App;
use kadian::clock::{Clock, Millis};
use kadian::config::{Config, Sources};
use tempfile::TempDir;

use crate::http::Client;
use crate::town::Town;

/// What a server is to be like.
#[derive(Debug, Default)]
pub struct TestApp {
    clock: Option<Millis>,
    settings: Vec<(String, String)>,
}

impl TestApp {
    pub fn new() -> Self {
        Self::default()
    }

    /// With a clock that stands at `now` until it is moved.
    pub fn at(mut self, now: Millis) -> Self {
        self.clock = Some(now);
        self
    }

    /// With a setting as in the configuration.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it, with the town in it.
    pub fn start(self) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let clock = self.clock.map_or_else(Clock::system, Clock::manual);
        let app = open(folder.path(), &self.settings, clock);
        let town = Town::build(&app);
        Server::serve(app, town, folder)
    }
}

/// The configuration of every server of these tests.
pub fn settings(folder: &Path) -> Vec<(String, String)> {
    let more = [
        // Where the database lets many write beside each other, two must get along in one process, too.
        ("database.writers", "2"),
        ("http.listen", "127.0.0.1:0"),
        ("http.workers", "2"),
        ("sync.requests_per_minute", "0"),
        ("sync.look_ups_per_minute", "0"),
    ];
    let mut settings = kadian::trial::settings(folder).unwrap();
    settings.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings
}

/// Opens a database without serving it.
pub fn open(folder: &Path, more: &[(String, String)], clock: Clock) -> Arc<App> {
    let mut flags = settings(folder);
    flags.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    flags.extend_from_slice(more);
    let config = Config::resolve(&Sources {
        flags,
        ..Sources::default()
    });
    App::open(config.unwrap(), clock).unwrap()
}

/// A server that is listening.
pub struct Server {
    pub app: Arc<App>,
    pub town: Town,
    /// Host and port.
    pub address: String,
    pub folder: Arc<TempDir>,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Server {
    pub fn serve(app: Arc<App>, town: Town, folder: impl Into<Arc<TempDir>>) -> Self {
        app.engine().unwrap();
        let (tell, told) = mpsc::channel();
        let shared = Arc::clone(&app);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let (server, address) = kadian::http::bind(&shared).unwrap();
                let handle = server.handle();
                let stop = move || {
                    // The command is sent at once; nobody needs to wait for its end.
                    drop(handle.stop(false));
                };
                tell.send((address, stop)).unwrap();
                server.await.unwrap();
            });
        });
        let (address, stop) = told.recv().unwrap();
        Self {
            app,
            town,
            address: address.to_string(),
            folder: folder.into(),
            stop: Some(Box::new(stop)),
        }
    }

    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// Ends the server and keeps its folder.
    pub fn give_up(self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    pub fn now(&self) -> Millis {
        self.app.clock.now()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
        self.app.stop();
    }
}
