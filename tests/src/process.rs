//! The real binary as a process of its own, which can be killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::http::Client;
use crate::server::settings;

/// The binary beside the test that runs, made first if it is not there.
pub fn binary() -> PathBuf {
    static BUILT: Once = Once::new();
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let folder = test.parent().and_then(Path::parent).unwrap();
    let binary = folder.join(format!("kadian{}", std::env::consts::EXE_SUFFIX));
    BUILT.call_once(|| {
        if !binary.exists() {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            cargo.args([
                "build",
                "--locked",
                "--package",
                "kadian",
                "--bin",
                "kadian",
            ]);
            cargo.arg("--target-dir").arg(folder.parent().unwrap());
            match folder.file_name().and_then(|name| name.to_str()) {
                Some("debug") | None => {}
                Some(profile) => {
                    cargo.args(["--profile", profile]);
                }
            }
            cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
            assert!(cargo.status().unwrap().success(), "kadian was not built");
        }
    });
    binary
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A server that runs.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub address: String,
}

impl Process {
    /// Starts `kadian serve` on what lies in the folder; its log goes to `log` there.
    pub fn start(folder: &Path, port: u16, more: &[(&str, &str)]) -> Self {
        Self::start_under(&[], folder, port, more)
    }

    /// The same, by way of a program that starts it in its own place, as `strace -D` does.
    pub fn start_under(
        wrapper: &[String],
        folder: &Path,
        port: u16,
        more: &[(&str, &str)],
    ) -> Self {
        let address = format!("127.0.0.1:{port}");
        let mut command = match wrapper {
            [] => Command::new(binary()),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary());
                command
            }
        };
        command.arg("serve").arg("--listen").arg(&address);
        for (name, value) in settings(folder) {
            if name != "http.listen" && more.iter().all(|(other, _)| *other != name) {
                command.arg("--set").arg(format!("{name}={value}"));
            }
        }
        for (name, value) in more {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        let child = command
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// Waits until `/readyz` says yes; how long that took.
    pub fn ready(&mut self) -> Duration {
        let began = Instant::now();
        loop {
            let mut client = Client::new(&self.address).patience(Duration::from_secs(2));
            if let Ok(answer) = client.ask("GET", "/readyz", &[], b"")
                && answer.status == 200
            {
                return began.elapsed();
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the server does not come up: {:?}",
                self.child.try_wait()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Resident memory now, in KiB.
    pub fn resident_kib(&self) -> u64 {
        resident_kib(&self.child.id().to_string())
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did so in time.
    pub fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if began.elapsed() > within {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL, and nothing else.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process (`self` for this one), in KiB; 0 where there is no such file.
pub fn resident_kib(process: &str) -> u64 {
    memory(process, "VmRSS:")
}

/// The most that a process has ever had resident, in KiB.
pub fn peak_kib(process: &str) -> u64 {
    memory(process, "VmHWM:")
}

fn memory(process: &str, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
