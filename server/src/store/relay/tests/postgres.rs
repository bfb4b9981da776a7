//! A real PostgreSQL for one test: from the installed binaries, in a temporary folder, never as
//! root, and gone with the value.

use diesel::{Connection as _, PgConnection};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use super::authority::Issued;

pub(super) const PASSWORD: &str = "a password for a test";

pub(super) struct Postgres {
    folder: TempDir,
    pub(super) port: u16,
    server: Child,
}

impl Postgres {
    /// With a certificate it takes nothing that is not encrypted; without, nothing that is. The
    /// user `certain` shows a certificate, the user `kadian` a password.
    pub(super) fn start(certificate: Option<(&Issued, &str)>) -> Self {
        let folder = private_folder();
        let initdb = as_servant("initdb")
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--username=kadian", "--pgdata"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{initdb:?}");
        let data = folder.path().join("data");
        let mut settings = vec!["password_encryption = 'scram-sha-256'".to_owned()];
        if let Some((issued, clients)) = certificate {
            write(&data.join("server.crt"), &issued.certificate);
            write(&data.join("server.key"), &issued.key);
            write(&data.join("clients.crt"), clients);
            settings.push("ssl = on".to_owned());
            settings.push("ssl_ca_file = 'clients.crt'".to_owned());
        }
        write(
            &data.join("pg_hba.conf"),
            "local all all trust\n\
             local replication all trust\n\
             hostnossl all all all reject\n\
             hostssl all certain all cert\n\
             hostssl all all all scram-sha-256\n",
        );
        write(
            &data.join("postgresql.auto.conf"),
            &(settings.join("\n") + "\n"),
        );
        let server = Self::run(folder);
        server.execute(&format!("ALTER USER kadian PASSWORD '{PASSWORD}'"));
        server.execute("CREATE USER certain");
        server
    }

    /// A standby that follows this server.
    pub(super) fn standby(&self) -> Self {
        let folder = private_folder();
        let copied = as_servant("pg_basebackup")
            .args(["--no-sync", "--checkpoint=fast", "--write-recovery-conf"])
            .args(["--username=kadian", "--host"])
            .arg(self.folder.path())
            .args(["--port", &self.port.to_string(), "--pgdata"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(copied.status.success(), "{copied:?}");
        Self::run(folder)
    }

    pub(super) fn promote(&self) {
        self.control(&["promote", "--wait"]);
    }

    fn run(folder: TempDir) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let server = as_servant("postgres")
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-c", "listen_addresses=127.0.0.1", "-c"])
            .arg(format!("port={port}"))
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                folder.path().display()
            ))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut running = Self {
            folder,
            port,
            server,
        };
        let until = Instant::now() + Duration::from_secs(60);
        while let Err(error) = running.try_local() {
            let log = running.folder.path().join("log");
            let ended = running.server.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "{error}\n{}",
                std::fs::read_to_string(log).unwrap()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        running
    }

    fn try_local(&self) -> diesel::ConnectionResult<PgConnection> {
        PgConnection::establish(&format!(
            "host='{}' port={} user=kadian dbname=postgres",
            self.folder.path().display(),
            self.port
        ))
    }

    /// A connection without encryption and without the relay.
    pub(super) fn local(&self) -> PgConnection {
        self.try_local().unwrap()
    }

    pub(super) fn execute(&self, statement: &str) {
        use diesel::connection::SimpleConnection;
        self.local().batch_execute(statement).unwrap();
    }

    fn control(&self, words: &[&str]) {
        let done = as_servant("pg_ctl")
            .args(words)
            .arg("--pgdata")
            .arg(self.folder.path().join("data"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A second panic would end the whole run, and hide the first.
        let _ = as_servant("pg_ctl")
            .args(["stop", "--mode=immediate", "--pgdata"])
            .arg(self.folder.path().join("data"))
            .output();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A program of PostgreSQL; Debian keeps them outside PATH, a folder for each version.
fn program(name: &str) -> PathBuf {
    let mut installed: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|program| program.exists())
        .collect();
    installed.sort();
    // Elsewhere they are in PATH, or the test says which one it missed.
    installed.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// A command as a user who is not root: PostgreSQL refuses to run as that.
fn as_servant(name: &str) -> Command {
    let mut command = Command::new(program(name));
    command.current_dir("/").env_remove("PGDATA");
    if let Some((user, group)) = servant() {
        command.uid(user).gid(group);
    }
    command
}

/// Whom to run as, where this is root.
fn servant() -> Option<(u32, u32)> {
    let folder = tempfile::tempdir().unwrap();
    let mine = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).unwrap());
    if mine != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let id_of = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap());
        Some((fields.next()?, fields.next()?))
    };
    id_of("postgres").or_else(|| id_of("nobody"))
}

fn private_folder() -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("kadian-pg-")
        .tempdir()
        .unwrap();
    give(folder.path());
    folder
}

fn give(path: &Path) {
    if let Some((user, group)) = servant() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    give(file);
}
