//! A PostgreSQL of its own for a test: made from the server's programs that are installed, as a
//! user who is not root, in a temporary folder, with settings that survive a power cut. It ends with
//! the test, also when that is killed: a shell between them waits for the test's end of a pipe.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kadian::store::trial;
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

    /// A standby of another cluster, which follows it under this name, on a port of its own or on
    /// one that is free again.
    pub fn follow(primary: &Self, name: &str, port: Option<u16>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("kadian-pg-")
            .tempdir()
            .unwrap();
        let mut standby = Self {
            port: port.unwrap_or_else(crate::process::free_port),
            server: None,
            folder,
        };
        if is_root() {
            run(Command::new("chown").arg(OWNER).arg(standby.folder.path()));
        }
        let data = standby.data();
        run(as_owner(&program("pg_basebackup")).args([
            "--host=127.0.0.1",
            &format!("--port={}", primary.port),
            "--username=kadian",
            "--checkpoint=fast",
            "--no-sync",
            "--write-recovery-conf",
            "--pgdata",
            data.to_str().unwrap(),
        ]));
        let socket = standby.folder.path().display();
        standby.configure(&format!(
            "port = {}\nunix_socket_directories = '{socket}'\nsynchronous_standby_names = ''\n\
             primary_conninfo = 'host=127.0.0.1 port={} user=kadian application_name={name}'\n",
            standby.port, primary.port
        ));
        // What the copy brought in a file of its own would stand above.
        let automatic = data.join("postgresql.auto.conf");
        let text = std::fs::read_to_string(&automatic).unwrap();
        let kept = text.lines().filter(|line| {
            !line.starts_with("primary_conninfo") && !line.starts_with("synchronous_standby")
        });
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        std::fs::write(&automatic, kept).unwrap();
        standby.resume();
        standby
    }

    /// Makes a standby the one that takes writes.
    pub fn promote(&self) {
        let data = self.data();
        run(as_owner(&program("pg_ctl")).args(["promote", "-w", "-D", data.to_str().unwrap()]));
    }

    /// Lets a server that runs read its configuration again.
    pub fn reload(&self) {
        self.signal("HUP");
    }

    /// Kills the server's first process without warning, as the machine does when memory ends,
    /// waits until those that it left behind have noticed, and leaves the data as it is.
    pub fn kill(&mut self) {
        let id = self.id();
        let children: Vec<u32> = processes()
            .filter(|(_, parent)| *parent == id)
            .map(|(child, _)| child)
            .collect();
        self.signal("KILL");
        let began = Instant::now();
        while processes().any(|(left, _)| left == id || children.contains(&left)) {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "what PostgreSQL left behind does not end"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.crash();
    }

    /// What SQL answers, as text without any frame.
    pub fn sql(&self, text: &str) -> String {
        let mut command = Command::new(program("psql"));
        let output = command
            .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text])
            .arg(self.url("postgres"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{text}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Adds lines to the configuration; they hold from the next start or reload on.
    pub fn configure(&self, lines: &str) {
        let file = self.data().join("postgresql.conf");
        let mut file = std::fs::File::options().append(true).open(file).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
    }

    /// Starts the server, which stands still, and waits until it answers.
    pub fn resume(&mut self) {
        let script = "\"$0\" -D \"$1\" >>\"$2\" 2>&1 & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server";
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

    /// Sends a signal to all processes of the server.
    pub fn signal_all(&self, name: &str) {
        let id = self.id();
        let all = processes().filter(|(child, parent)| *child == id || *parent == id);
        for (process, _) in all.collect::<Vec<_>>() {
            // One may have ended by itself meanwhile.
            let mut command = Command::new("kill");
            command.args([&format!("-{name}"), &process.to_string()]);
            let _ = command.stderr(Stdio::null()).status();
        }
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

/// Copies a database that is in use, as a backup does, and tells the URL of the copy: a file to
/// `file`, one on a server to another there, without ending anybody's session.
pub fn copy_online(url: &str, file: &Path) -> String {
    let Some(server) = trial::server() else {
        return trial::copy(url, file).unwrap();
    };
    let to = trial::bare(&server).unwrap();
    let mut dump = Command::new(program("pg_dump"))
        .args(["--dbname", url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut load = Command::new(program("psql"));
    load.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]);
    load.args(["--output=/dev/null", "--dbname", &to]);
    run(load.stdin(dump.stdout.take().unwrap()));
    assert!(dump.wait().unwrap().success(), "pg_dump");
    to
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

/// Every process there is that has not ended, with its parent.
fn processes() -> impl Iterator<Item = (u32, u32)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut words = stat.rsplit_once(") ")?.1.split(' ');
        let state = words.next()?;
        let parent = words.next()?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some((id, parent))
    })
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
