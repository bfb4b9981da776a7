//! Many connections and many bytes: what the relay costs, and that nothing of it stays behind.

use diesel::sql_types::Array;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as Client;
use std::path::PathBuf;
use std::time::Instant;

use super::*;

/// Sockets of this machine that are bound below a folder; those that were accepted count too.
fn sockets(folder: &Path) -> usize {
    let folder = folder.display().to_string();
    let all = std::fs::read_to_string("/proc/net/unix").unwrap();
    all.lines().filter(|line| line.contains(&folder)).count()
}

#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

struct Echo {
    pretender: Pretender,
    relay: Relay,
    socket: PathBuf,
}

impl Echo {
    fn start() -> Self {
        let issued = Authority::new("Of echoes").issue("echo", &["localhost"]);
        let pretender = Pretender::start(Manner::echo(&issued));
        let url = url(&format!("127.0.0.1:{}", pretender.port), "sslmode=require");
        let relay = Relay::for_url(&url).unwrap().unwrap();
        let socket = relay
            .folder()
            .join(format!("0/.s.PGSQL.{}", pretender.port));
        Self {
            pretender,
            relay,
            socket,
        }
    }

    fn client(&self) -> Client {
        let client = Client::connect(&self.socket).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        client
    }
}

/// Eight bytes with their length in front, as the relay expects the first of a connection.
fn first_words(number: u32) -> [u8; 8] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 8, a, b, c, d]
}

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    let echo = Echo::start();
    for round in 0..1000_u32 {
        let mut client = echo.client();
        if round % 4 == 3 {
            // Gone before the way was open.
            continue;
        }
        let sent = first_words(round);
        client.write_all(&sent).unwrap();
        if round % 4 == 2 {
            // Gone while the answer was on its way.
            continue;
        }
        let mut received = [0; 8];
        client.read_exact(&mut received).unwrap();
        assert_eq!(received, sent);
    }
    eventually("only the listening socket is left", || {
        sockets(echo.relay.folder()) == 1
    });
    eventually("no connection to the server is left", || {
        echo.pretender.connections() == 0
    });
}

#[test]
fn the_end_of_the_relay_ends_its_connections_and_takes_its_folder_along() {
    let echo = Echo::start();
    let mut client = echo.client();
    client.write_all(&first_words(7)).unwrap();
    client.read_exact(&mut [0; 8]).unwrap();
    let Echo {
        pretender,
        relay,
        socket,
    } = echo;
    let folder = relay.folder().to_owned();
    assert_eq!(sockets(&folder), 2);
    drop(relay);
    assert_eq!(client.read(&mut [0; 4]).unwrap_or(0), 0);
    assert!(!folder.exists());
    assert!(Client::connect(&socket).is_err());
    drop(client);
    eventually("its sockets are closed", || sockets(&folder) == 0);
    eventually("the server sees the end", || pretender.connections() == 0);
}

#[test]
fn nobody_else_can_enter_the_folder_of_the_sockets() {
    use std::os::unix::fs::PermissionsExt;
    let echo = Echo::start();
    let mode = std::fs::metadata(echo.relay.folder())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_passes_is_whole_also_when_it_is_large_and_goes_both_ways_at_once() {
    let echo = Echo::start();
    let mut client = echo.client();
    let mut sent = first_words(1).to_vec();
    sent.extend((0..5_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8));
    let mut writer = client.try_clone().unwrap();
    let copy = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(
        received == sent,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );
}

/// A fold of 500 entries, each in a transaction that is committed, with the relay and without.
/// The bound is wide: it is there to see a relay that stands in the way, not to measure it.
#[test]
fn the_relay_does_not_stand_in_the_way_of_a_fold() {
    let town = Town::shared();
    town.postgres
        .execute("CREATE TABLE fold (id bigserial PRIMARY KEY, body text NOT NULL)");
    let url = town.url("localhost", &format!("sslrootcert={}", town.ca()));
    let mut relayed = connect(&url).unwrap().with_commit();
    let mut direct = Connected {
        connection: town.postgres.local(),
        _relay: None,
    }
    .with_commit();
    let mut medians = |turns: u32, work: fn(&mut PgConnection) -> Duration| {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            with.push(work(&mut relayed.connection));
            without.push(work(&mut direct.connection));
        }
        with.sort();
        without.sort();
        (with[with.len() / 2], without[without.len() / 2])
    };
    let (with, without) = medians(200, question);
    println!("a question: {with:?} through the relay, {without:?} over a plain socket");
    let (with, without) = medians(20, fold);
    println!("500 entries: {with:?} through the relay, {without:?} over a plain socket");
    assert!(
        with < without * 2 + Duration::from_millis(5),
        "{with:?} against {without:?}"
    );
}

impl Connected {
    /// A real commit waits for the disk; that is what the relay is measured against.
    fn with_commit(mut self) -> Self {
        diesel::sql_query("SET synchronous_commit = on")
            .execute(&mut self.connection)
            .unwrap();
        self
    }
}

/// The shortest trip there is.
fn question(connection: &mut PgConnection) -> Duration {
    let begun = Instant::now();
    diesel::sql_query("SELECT 1").execute(connection).unwrap();
    begun.elapsed()
}

fn fold(connection: &mut PgConnection) -> Duration {
    let bodies: Vec<String> = (0..500).map(|number| format!("{number:0600}")).collect();
    let begun = Instant::now();
    let stored = diesel::sql_query("INSERT INTO fold (body) SELECT unnest($1)")
        .bind::<Array<Text>, _>(bodies)
        .execute(connection)
        .unwrap();
    assert_eq!(stored, 500);
    begun.elapsed()
}
