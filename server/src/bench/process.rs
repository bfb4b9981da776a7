//! The processes that are measured: this very program, started again under another command, and
//! what the kernel says of the time and memory that they take.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::line::Line;
use super::phone;

/// A server that does not answer after so long will not.
const START: Duration = Duration::from_secs(60);

/// A server that runs, and ends with this.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts this program with these arguments and waits until it answers. `{address}` among them
    /// becomes an address that is free. What it prints goes into a file of the folder.
    pub fn start(folder: &Path, name: &str, arguments: &[String]) -> io::Result<Self> {
        let address = free_address()?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join(format!("{name}.log")))?;
        let child = Command::new(std::env::current_exe()?)
            .args(
                arguments
                    .iter()
                    .map(|text| text.replace("{address}", &address.to_string())),
            )
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut process = Self { child, address };
        process.wait_until_it_answers(folder, name)?;
        Ok(process)
    }

    fn wait_until_it_answers(&mut self, folder: &Path, name: &str) -> io::Result<()> {
        let began = Instant::now();
        let shot = phone::get("/healthz", "none");
        loop {
            let answer = Line::open(self.address).and_then(|mut line| line.exchange(&shot));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || began.elapsed() > START {
                let log = fs::read_to_string(folder.join(format!("{name}.log")));
                let last = log.unwrap_or_default();
                let last = last
                    .lines()
                    .last()
                    .unwrap_or("it printed nothing")
                    .to_owned();
                return Err(io::Error::other(format!("{name} did not start: {last}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end what is under way.
    pub fn stop(mut self) -> io::Result<()> {
        if let Some(id) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        self.child.wait().map(|_| ())
    }

    /// Forgets the most memory it ever had, so that the next peak can be seen.
    pub fn forget_peak(&self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.id()), "5");
    }

    /// The most memory it had since the peak was forgotten, in MiB.
    pub fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        kib(&status, "VmHWM:").unwrap_or(0) as f64 / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn kib(status: &str, what: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(what))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The time that a process has had of a processor, in seconds.
pub fn cpu_seconds(id: u32) -> f64 {
    Stat::of(id).map_or(0.0, |stat| seconds(stat.own))
}

/// The time that a process and all that it has ever started have had, in seconds.
pub fn tree_cpu_seconds(root: u32) -> f64 {
    let Some(stat) = Stat::of(root) else {
        return 0.0;
    };
    let children: u64 = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Stat::of)
        .filter(|child| child.parent == root)
        .map(|child| child.own)
        .sum();
    seconds(stat.own + stat.ended_children + children)
}

/// The process that started this one.
pub fn parent(id: u32) -> Option<u32> {
    Stat::of(id).map(|stat| stat.parent)
}

/// The name of a process.
pub fn name(id: u32) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{id}/comm"))
            .ok()?
            .trim()
            .to_owned(),
    )
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64
}

/// Processor time in ticks, as the kernel counts it.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    fn of(id: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// The name in it may hold anything, brackets too; what is wanted stands behind the last one.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            own: number(11)? + number(12)?,
            ended_children: number(13)? + number(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_behind_the_name_whatever_that_is() {
        let text = "77 (a) 1 (b) S 42 77 77 0 -1 4194560 1 2 3 4 100 20 7 8 20 0 1 0 5 6 7";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(
            stat,
            Stat {
                parent: 42,
                own: 120,
                ended_children: 15
            }
        );
        assert_eq!(Stat::parse("77 (broken"), None);
    }

    #[test]
    fn memory_is_read_from_its_line() {
        assert_eq!(
            kib("VmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n", "VmHWM:"),
            Some(2048)
        );
        assert_eq!(kib("", "VmHWM:"), None);
    }

    #[test]
    fn this_process_has_had_time_and_has_a_parent() {
        let id = std::process::id();
        let mut sum = 0_u64;
        while cpu_seconds(id) == 0.0 {
            sum = (0..1_000_000_u64).fold(sum, u64::wrapping_add);
        }
        assert!(parent(id).is_some());
        // In this order: time goes on between the two.
        let alone = cpu_seconds(id);
        assert!(tree_cpu_seconds(id) >= alone);
    }
}
