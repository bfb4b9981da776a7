//! `kadian demo`: see it work, in one command.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Failure, Settings};
use crate::accounts::codes::Code;
use crate::accounts::{enrolment, passwords, roles::Actor};
use crate::app::App;
use crate::clock::Clock;
use crate::demo::account::Account;
use crate::demo::district::{self, Scale};
use crate::demo::phone::Mishaps;
use crate::demo::{self, TURNS};
use crate::http;
use crate::telemetry;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kadian demo --phones 50          a day in the life of 50 phones, then a server to try\n  \
kadian demo --phones 50 --once   the day and its account; status 0 only if nothing was lost\n  \
kadian demo --scale district     5,275 grids and 140,000 households"
)]
pub(super) struct Args {
    /// How many phones live through a day; 0 only serves
    #[arg(long, value_name = "N", default_value_t = 0)]
    phones: usize,
    /// How large the district is
    #[arg(long, value_enum, default_value_t = Scale::Small)]
    scale: Scale,
    /// End after the account, with status 0 only when nothing was lost and every phone agrees
    #[arg(long)]
    once: bool,
    /// Address and port to serve on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Replay a day: the same seed gives the same people and mishaps
    #[arg(long, value_name = "NUMBER", default_value_t = 20_261_122)]
    seed: u64,
    /// Print the account as JSON
    #[arg(long)]
    json: bool,
}

#[expect(
    clippy::print_stdout,
    reason = "the account is what the command is for"
)]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let folder = Folder::make()?;
    let listen = if args.once {
        "127.0.0.1:0".to_owned()
    } else {
        args.listen.clone()
    };
    let config = settings.load(&[
        (
            "database.url",
            Some(format!("sqlite://{}/kadian.sqlite", folder.0.display())),
        ),
        ("http.listen", Some(listen)),
        // What the phones do is said at the end, not line by line.
        ("log.filter", Some("warn".to_owned())),
        // The day runs faster than phones may ask.
        ("sync.requests_per_minute", Some("0".to_owned())),
    ])?;
    telemetry::start(&config.log);
    let began = demo::begin(Clock::system().now());
    let clock = Clock::manual(began);
    let app = App::open(config, clock.clone())?;
    let password = Code::random()?.reveal();
    let hash = passwords::Passwords::new(19_456).hash(&password)?;
    let bar = bar(args.scale.size().1 as u64, "households");
    let district = demo::prepare(&app, args.scale, &hash, args.seed, |done| {
        bar.set_position(done)
    })?;
    bar.finish_and_clear();
    let (address, server) = serve(&app)?;
    let url = format!("http://{address}");
    let mut sound = true;
    if args.phones > 0 {
        let phones = demo::hire(&app, &district, &url, args.phones, args.seed)?;
        let bar = self::bar(TURNS as u64, "a day, in turns of five minutes");
        let phones = demo::live(&app, phones, began, |turn| bar.set_position(turn as u64));
        bar.finish_and_clear();
        let (mishaps, account) = demo::account(&app, &phones)?;
        sound = account.is_sound();
        if args.json {
            println!(
                "{}",
                serde_json::json!({"mishaps": mishaps, "account": account})
            );
        } else {
            print_account(args.phones, &mishaps, &account);
        }
    }
    if args.once {
        return if sound {
            Ok(())
        } else {
            Err(Failure::new("the account does not add up: see above"))
        };
    }
    clock.release();
    let code = Code::random()?;
    let now = app.clock.now();
    app.store.write(|connection| {
        let place = district
            .checkpoints
            .first()
            .map_or(district::DISTRICT, String::as_str);
        let user = district::person(
            connection,
            "newcomer",
            "来访者",
            None,
            "volunteer",
            place,
            now,
        )?;
        enrolment::make_code(connection, Actor::CommandLine, user, &code, 24 * 60, now)
    })?;
    println!(
        "\nserving {url}\n  the field app  {url}/app/#code={}\n                 (a volunteer at S001; the code enrols one phone, today)\n  documentation  {url}/docs\n  console        login officer, password {password}\n  data           {} (gone when this ends)\n\nCtrl-C ends it.",
        code.reveal(),
        folder.0.display()
    );
    server
        .join()
        .map_err(|_| Failure::new("the server broke"))?
}

type Serving = std::thread::JoinHandle<Result<(), Failure>>;

/// Serves on a thread of its own; says where.
fn serve(app: &Arc<App>) -> Result<(std::net::SocketAddr, Serving), Failure> {
    let (tell, told) = mpsc::channel();
    let app = Arc::clone(app);
    let thread = std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let bound = http::bind(&app);
                let (server, address) = match bound {
                    Ok(bound) => bound,
                    Err(error) => {
                        let _ = tell.send(Err(Failure::from(error)));
                        return Ok(());
                    }
                };
                let _ = tell.send(Ok(address));
                Ok(server.await?)
            })
        })?;
    let address = told
        .recv_timeout(Duration::from_secs(10))
        .map_err(|_| Failure::new("the server did not start"))??;
    Ok((address, thread))
}

/// Counts up while something of unknown length is read.
pub(super) fn spinner(what: &'static str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{spinner} {pos} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, target)
        .with_style(style)
        .with_message(what)
}

fn bar(length: u64, what: &'static str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length), target)
        .with_style(style)
        .with_message(what)
}

#[expect(
    clippy::print_stdout,
    reason = "the account is what the command is for"
)]
fn print_account(phones: usize, mishaps: &Mishaps, account: &Account) {
    println!("A day of {phones} phones");
    let network = [
        ("requests", mishaps.requests),
        ("  lost on the way there", mishaps.lost_requests),
        ("  replies lost on the way back", mishaps.lost_replies),
        ("  sent twice", mishaps.sent_twice),
        ("  answered by something else", mishaps.strange_replies),
        ("turns without any network", mishaps.offline_turns),
    ];
    let records = [
        ("captured", account.captured),
        ("  of these abnormal", account.abnormal),
        ("received", account.received),
        ("  applied", account.applied),
        ("  merged", account.merged),
        ("  parked", account.parked),
        ("  invalid", account.invalid),
        ("conflicts kept", account.conflicts_kept),
        ("applied twice", account.applied_twice),
        ("phones that differ", account.phones_that_differ),
        ("lost", account.lost),
    ];
    for (what, count) in network {
        println!("  {what:<32}{count:>8}");
    }
    println!();
    for (what, count) in records {
        println!("  {what:<32}{count:>8}");
    }
}

/// A folder that goes when the demonstration ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("kadian-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
