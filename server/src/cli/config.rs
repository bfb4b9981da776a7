//! `kadian config`: what holds, and why.

use super::{Failure, Settings};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print JSON instead of lines
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "printing is what this command is for")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let config = settings.load(&[])?;
    if args.json {
        let lines: Vec<_> = config
            .lines()
            .iter()
            .map(|line| {
                serde_json::json!({
                    "name": line.name, "value": line.value,
                    "origin": line.origin.to_string(), "help": line.help,
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::json!({ "settings": lines, "warnings": config.warnings() })
        );
        return Ok(());
    }
    let wide = |width: usize, text: &str| width.max(text.chars().count());
    let names = config
        .lines()
        .iter()
        .fold(0, |width, line| wide(width, line.name));
    let values = config
        .lines()
        .iter()
        .fold(0, |width, line| wide(width, &line.value));
    for line in config.lines() {
        println!(
            "{:names$} = {:values$}  # {}; {}",
            line.name, line.value, line.origin, line.help
        );
    }
    for warning in config.warnings() {
        println!("# warning: {warning}");
    }
    Ok(())
}
