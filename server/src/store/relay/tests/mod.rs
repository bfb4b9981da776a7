//! The relay against a real PostgreSQL and against those who only pretend: who is spoken to, who
//! is not, and what is left behind.

mod authority;
mod failover;
mod postgres;
mod pretender;
mod traffic;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

use super::*;
use crate::store::postgres_url::Password;
use authority::Authority;
use postgres::{PASSWORD, Postgres};
use pretender::{Manner, Pretender};

/// A PostgreSQL whose certificate is for `localhost`, and for nothing else.
struct Town {
    postgres: Postgres,
    authority: Authority,
    files: TempDir,
}

impl Town {
    /// One for all tests that run at the same time; gone after the last of them.
    fn shared() -> Arc<Self> {
        static TOWN: Mutex<Weak<Town>> = Mutex::new(Weak::new());
        let mut town = TOWN.lock().unwrap_or_else(PoisonError::into_inner);
        town.upgrade().unwrap_or_else(|| {
            let built = Arc::new(Self::build());
            *town = Arc::downgrade(&built);
            built
        })
    }

    fn build() -> Self {
        let authority = Authority::new("Kadian test authority");
        let issued = authority.issue("database", &["localhost"]);
        let postgres = Postgres::start(Some((&issued, &authority.pem())));
        let files = tempfile::tempdir().unwrap();
        authority.write(files.path(), "ca.pem");
        Self {
            postgres,
            authority,
            files,
        }
    }

    fn ca(&self) -> String {
        self.files.path().join("ca.pem").display().to_string()
    }

    fn url(&self, host: &str, parameters: &str) -> PostgresUrl {
        let port = self.postgres.port;
        url(&format!("{host}:{port}"), parameters)
    }
}

fn url(hosts: &str, parameters: &str) -> PostgresUrl {
    PostgresUrl::parse(&format!("postgres://kadian@{hosts}/postgres?{parameters}"))
        .unwrap()
        .with_password(Password::new(PASSWORD))
        .unwrap()
}

/// The relay first, so that it outlives the connection.
struct Connected {
    connection: PgConnection,
    _relay: Option<Relay>,
}

fn connect(url: &PostgresUrl) -> Result<Connected, String> {
    let relay = Relay::for_url(url).map_err(|error| error.to_string())?;
    let info = url.conninfo(relay.as_ref().map(Relay::folder)).unwrap();
    let connection = PgConnection::establish(info.expose()).map_err(|error| error.to_string())?;
    Ok(Connected {
        connection,
        _relay: relay,
    })
}

fn refused(url: &PostgresUrl) -> String {
    match connect(url) {
        Ok(_) => panic!("{url} was connected to"),
        Err(text) => text,
    }
}

#[derive(QueryableByName)]
struct Encryption {
    #[diesel(sql_type = Bool)]
    ssl: bool,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    usename: String,
}

fn encryption(connection: &mut PgConnection) -> Encryption {
    diesel::sql_query(
        "SELECT ssl, coalesce(version, '') AS version, current_user::text AS usename \
         FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    )
    .get_result(connection)
    .unwrap()
}

#[test]
fn the_right_authority_and_the_right_name_are_spoken_to_inside_tls() {
    let town = Town::shared();
    for parameters in ["sslmode=verify-full", "connect_timeout=20"] {
        let url = town.url(
            "localhost",
            &format!("{parameters}&sslrootcert={}", town.ca()),
        );
        let mut connected = connect(&url).unwrap();
        let found = encryption(&mut connected.connection);
        assert!(found.ssl);
        assert_eq!(
            (found.version.as_str(), found.usename.as_str()),
            ("TLSv1.3", "kadian")
        );
    }
}

#[test]
fn another_authority_is_refused_under_both_checks() {
    let town = Town::shared();
    let other = Authority::new("Somebody else").write(town.files.path(), "other.pem");
    for mode in ["verify-full", "verify-ca"] {
        let parameters = format!("sslmode={mode}&sslrootcert={}", other.display());
        let text = refused(&town.url("localhost", &parameters));
        assert!(
            text.contains("TLS was refused: invalid peer certificate"),
            "{text}"
        );
    }
    // Nor is it among those that this machine trusts, where there are any.
    let text = refused(&town.url("localhost", "sslmode=verify-full"));
    assert!(
        text.contains("invalid peer certificate") || text.contains("trusts no authority"),
        "{text}"
    );
}

#[test]
fn another_name_is_refused_where_names_are_checked_and_only_there() {
    let town = Town::shared();
    let ca = town.ca();
    let text = refused(&town.url(
        "127.0.0.1",
        &format!("sslmode=verify-full&sslrootcert={ca}"),
    ));
    assert!(text.contains("certificate not valid for name"), "{text}");
    for parameters in [
        format!("sslmode=verify-ca&sslrootcert={ca}"),
        "sslmode=require".to_owned(),
    ] {
        let mut connected = connect(&town.url("127.0.0.1", &parameters)).unwrap();
        assert!(encryption(&mut connected.connection).ssl, "{parameters}");
    }
}

#[test]
fn a_server_without_tls_is_refused_unless_the_url_says_that_it_has_none() {
    let plain = Postgres::start(None);
    let town = Town::shared();
    for parameters in [
        "sslmode=require".to_owned(),
        format!("sslrootcert={}", town.ca()),
    ] {
        let text = refused(&url(&format!("localhost:{}", plain.port), &parameters));
        assert!(text.contains("offers no TLS"), "{text}");
    }
    // Its own rules refuse everything else: here it got as far as them.
    let text = refused(&url(
        &format!("localhost:{}", plain.port),
        "sslmode=disable",
    ));
    assert!(text.contains("pg_hba.conf"), "{text}");
}

#[test]
fn a_client_shows_its_certificate_where_it_has_one() {
    let town = Town::shared();
    let folder = town.files.path();
    let strangers = Authority::new("Strangers");
    for (authority, name) in [(&town.authority, "certain"), (&strangers, "stranger")] {
        let issued = authority.issue("certain", &[]);
        std::fs::write(folder.join(format!("{name}.pem")), issued.certificate).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), issued.key).unwrap();
        private(&folder.join(format!("{name}.key")), 0o600);
    }
    let by = |name: &str| {
        let (ca, folder, port) = (town.ca(), folder.display(), town.postgres.port);
        PostgresUrl::parse(&format!(
            "postgres://certain@localhost:{port}/postgres?sslrootcert={ca}\
             &sslcert={folder}/{name}.pem&sslkey={folder}/{name}.key"
        ))
        .unwrap()
    };
    let mut connected = connect(&by("certain")).unwrap();
    assert_eq!(encryption(&mut connected.connection).usename, "certain");
    assert!(connect(&by("stranger")).is_err());
    // Without one, the server asks for it in vain.
    let bare = PostgresUrl::parse(&format!(
        "postgres://certain@localhost:{}/postgres?sslrootcert={}",
        town.postgres.port,
        town.ca()
    ));
    assert!(refused(&bare.unwrap()).contains("certificate"));
    private(&folder.join("certain.key"), 0o604);
    assert!(refused(&by("certain")).contains("everybody on this machine"));
}

fn private(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_wrong_password_is_reported_in_the_servers_words_and_without_the_password() {
    let town = Town::shared();
    let url = PostgresUrl::parse(&format!(
        "postgres://kadian:hunter2@localhost:{}/postgres?sslrootcert={}",
        town.postgres.port,
        town.ca()
    ))
    .unwrap();
    let text = refused(&url);
    assert!(text.contains("password authentication failed"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn nothing_is_sent_to_whoever_does_not_agree_to_tls() {
    let request = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    for (manner, part) in [
        (Manner::NoTls, "offers no TLS"),
        (Manner::HangUp, "before it let anybody in"),
        (Manner::EndMidway, "before it let anybody in"),
        (Manner::Foreign, "does not answer as PostgreSQL does"),
    ] {
        let pretender = Pretender::start(manner);
        let text = refused(&url(
            &format!("localhost:{}", pretender.port),
            "sslmode=require",
        ));
        assert!(text.contains(part), "{text}");
        assert!(
            text.contains(&format!("localhost:{}", pretender.port)),
            "{text}"
        );
        assert_eq!(pretender.heard(), request, "{part}");
    }
}

#[test]
fn what_is_slipped_in_before_encryption_is_never_taken_as_said_inside_it() {
    let pretender = Pretender::start(Manner::Stuff);
    let text = refused(&url(
        &format!("localhost:{}", pretender.port),
        "sslmode=require",
    ));
    assert!(text.contains("TLS was refused"), "{text}");
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let pretender = Pretender::start(Manner::Silent);
    let begun = std::time::Instant::now();
    let text = refused(&url(
        &format!("localhost:{}", pretender.port),
        "sslmode=require&connect_timeout=2",
    ));
    assert!(text.contains("did not answer in time"), "{text}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn wrong_files_are_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let authority = Authority::new("Of files");
    let (one, two) = (authority.issue("one", &[]), authority.issue("two", &[]));
    let certificate = file("one.pem", &one.certificate);
    let foreign_key = file("two.key", &two.key);
    private(Path::new(&foreign_key), 0o600);
    let empty = file("empty.pem", "");
    for (parameters, part) in [
        (
            "sslrootcert=/nowhere/ca.pem".to_owned(),
            "sslrootcert cannot be read",
        ),
        (
            format!("sslrootcert={empty}"),
            "sslrootcert has no certificate",
        ),
        (
            format!("sslmode=require&sslcert={certificate}&sslkey={empty}"),
            "sslkey",
        ),
        (
            format!("sslmode=require&sslcert={certificate}&sslkey={foreign_key}"),
            "does not belong to sslcert",
        ),
    ] {
        let text = Relay::for_url(&url("db.example", &parameters))
            .err()
            .unwrap_or_else(|| panic!("{parameters} was taken"))
            .to_string();
        assert!(text.contains(part), "{parameters}: {text}");
    }
    assert!(
        Relay::for_url(&url("localhost", "sslmode=disable"))
            .unwrap()
            .is_none()
    );
}
