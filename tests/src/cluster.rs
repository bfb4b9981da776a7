//! A PostgreSQL of its own for a test: made from the server's programs that are installed, as a
//! user who is not root, in a temporary folder, with settings that survive a power cut. It ends with
//! the test, also when that is killed: a shell between them waits for the test's end of a pipe.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The one who owns the cluster where the test runs as root, which PostgreSQL refuses to.
const OWNER: &str = "postgres";

/// A cluster: one server with its databases.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes one and starts it, with more lines for its configuration.
    pub fn start(more: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("kadian-pg-")
            .tempdir()
            .unwrap();
        let mut cluster = Self {
            port: crate::process::free_port(),
            server: None,
            folder,
        };
        if is_root() {
            run(Command::new("chown").arg(OWNER).arg(cluster.folder.path()));
        }
        let data = cluster.data();
        run(as_owner(&program("initdb")).args([
            "--username=kadian",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--pgdata",
            data.to_str().unwrap(),
        ]));
        let socket = cluster.folder.path().display();
        let standard = format!(
            "port = {}\nunix_socket_directories = '{socket}'\nlisten_addresses = '127.0.0.1'\n\
             max_connections = 200\nmax_wal_senders = 4\nlogging_collector = off\nlog_checkpoints = off\n",
            cluster.port
        );
        cluster.configure(&format!("{standard}{}\n", more.join("\n")));
        cluster.resume();
        cluster
    }

    /// Adds lines to the configuration; they hold from the next start or reload on.
    pub fn configure(&self, lines: &str) {
        let file = self.data().join("postgresql.conf");
        let mut file = std::fs::File::options().append(true).open(file).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
    }

    /// Starts the server, which stands still, and waits until it answers.
    pub fn resume(&mut self) {
        let script = "\"$0\" -D \"$1\" >>\"$2\" 2>&1 & server=$!; read -r _; kill -QUIT $server; wait $server";
        let mut command = as_owner(Path::new("sh"));
        command.args(["-c", script]);
        command.arg(program("postgres")).arg(self.data());
        command.arg(self.folder.path().join("log"));
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        self.server = Some(command.spawn().unwrap());
        let began = Instant::now();
        while !self.answers() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "PostgreSQL does not start:\n{}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the server takes connections.
    pub fn answers(&self) -> bool {
        let mut command = Command::new(program("pg_isready"));
        command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.status().is_ok_and(|status| status.success())
    }

    /// The number of the server's first process.
    pub fn id(&self) -> u32 {
        let file = self.data().join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }

    /// Sends the server's first process a signal by name: `KILL`, `STOP`, `QUIT`…
    pub fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]));
    }

    /// Ends the server at once, as a crash does; the data stays.
    pub fn crash(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the data lies.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its folder, in which its socket stands.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a database on it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://kadian@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.crash();
    }
}

/// A program of PostgreSQL. Debian keeps those of the server outside the path.
pub fn program(name: &str) -> PathBuf {
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|place| place.exists())
        .collect();
    places.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .filter(|place| place.exists()),
    );
    places.pop().unwrap_or_else(|| {
        panic!("PostgreSQL's {name} is missing; tests/run installs it (Debian: postgresql)")
    })
}

/// A command that runs as somebody who is not root.
pub fn as_owner(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", OWNER, "--regid", OWNER, "--clear-groups", "--"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
