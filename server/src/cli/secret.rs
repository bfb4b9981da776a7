//! A password from a file, from a pipe or typed twice at a terminal without being shown. Never
//! from an argument: the list of processes is open to everybody on the machine.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::Failure;

/// Reads a password; `file` wins over standard input.
pub(super) fn read(file: Option<&PathBuf>) -> Result<String, Failure> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(format!(
                "{} cannot be read: {}",
                file.display(),
                error.kind()
            ))
        })?;
        return Ok(first_line(&text));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(first_line(&line()?));
    }
    let once = ask("Password: ")?;
    if once != ask("The same again: ")? {
        return Err(Failure::new("the two were not the same"));
    }
    Ok(once)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn line() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text)?;
    Ok(text)
}

#[expect(
    clippy::print_stderr,
    reason = "a question to the operator, beside the output"
)]
fn ask(question: &str) -> Result<String, Failure> {
    eprint!("{question}");
    std::io::stderr().flush()?;
    let _dark = Dark::begin()?;
    let text = line()?;
    eprintln!();
    Ok(first_line(&text))
}

/// While this lives, the terminal does not show what is typed.
#[cfg(unix)]
struct Dark(rustix::termios::Termios);

#[cfg(unix)]
impl Dark {
    fn begin() -> Result<Self, Failure> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let shown = tcgetattr(std::io::stdin())?;
        let mut dark = shown.clone();
        dark.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &dark)?;
        Ok(Self(shown))
    }
}

#[cfg(unix)]
impl Drop for Dark {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(not(unix))]
struct Dark;

#[cfg(not(unix))]
impl Dark {
    fn begin() -> Result<Self, Failure> {
        Err(Failure::new(
            "give the password with --password-file or through a pipe",
        ))
    }
}
