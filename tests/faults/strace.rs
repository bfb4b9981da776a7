//! What the kernel does to the server, by way of strace: it ends the server at the nth call of a
//! kind, lets a call fail, or writes down what was written and flushed.

use std::path::Path;

/// `strace` in the place of the server's parent's child: the server keeps its own number, and
/// strace ends with it.
fn strace(arguments: &[&str]) -> Vec<String> {
    let fixed = ["strace", "-D", "-f", "-qqq"];
    let all = fixed.iter().chain(arguments);
    all.map(|text| (*text).to_owned()).collect()
}

/// What puts bytes into a file that the server holds open.
pub(crate) const WRITE: &str = "pwrite64";
/// What makes them last.
pub(crate) const FLUSH: &str = "fsync,fdatasync";

/// Kills the server at the nth such call of a thread.
pub(crate) fn kill_at(calls: &str, nth: usize) -> Vec<String> {
    inject(calls, &format!("signal=KILL:when={nth}"))
}

/// Lets the calls of a thread from the nth to the last fail with an error, and those after it go on.
pub(crate) fn fail(calls: &str, error: &str, (nth, last): (usize, usize)) -> Vec<String> {
    inject(calls, &format!("error={error}:when={nth}..{last}"))
}

/// As `record`, while the nth flush of a thread fails.
pub(crate) fn record_failing(files: &[&Path], into: &Path, nth: usize) -> Vec<String> {
    let mut all = record(files, into);
    let inject = format!("inject={FLUSH}:error=EIO:when={nth}");
    all.extend(["-e".to_owned(), inject]);
    all
}

/// Writes down everything that changes these files, with what was written, when, and in order.
pub(crate) fn record(files: &[&Path], into: &Path) -> Vec<String> {
    let mut arguments = vec![
        "-ttt".to_owned(),
        "-y".to_owned(),
        "-xx".to_owned(),
        "-s".to_owned(),
        "1048576".to_owned(),
        "-o".to_owned(),
        into.display().to_string(),
        "-e".to_owned(),
        format!("trace={WRITE},write,ftruncate,unlink,{FLUSH}"),
    ];
    for file in files {
        arguments.extend(["-P".to_owned(), file.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    strace(&arguments)
}

fn inject(calls: &str, what: &str) -> Vec<String> {
    let trace = format!("trace={calls}");
    let inject = format!("inject={calls}:{what}");
    strace(&["-o", "/dev/null", "-e", &trace, "-e", &inject])
}
