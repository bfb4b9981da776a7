//! What a URL may say, what it is turned into, and that its password stays inside.

use super::*;
use std::path::Path;

fn parse(url: &str) -> PostgresUrl {
    PostgresUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn refused(url: &str) -> String {
    match PostgresUrl::parse(url) {
        Ok(parsed) => panic!("{url} was taken as {parsed}"),
        Err(error) => error.to_string(),
    }
}

/// The check of the certificate of the first host.
fn check(url: &str) -> Option<Check> {
    let url = parse(url);
    url.tls(&url.hosts[0]).map(|tls| tls.check)
}

#[test]
fn all_that_a_url_can_say_is_understood() {
    let url = parse(
        "postgresql://li%40na:p%3Aw%2F%27%5C@db1.example,[2001:db8::1]:5433,10.0.0.3:5434/kad%20ian\
         ?sslmode=verify-full&sslrootcert=/etc/ca%20x.pem&sslcert=c.pem&sslkey=k.pem\
         &target_session_attrs=primary&connect_timeout=9&tcp_user_timeout=4000\
         &application_name=gate&options=-c%20lock_timeout%3D5s",
    );
    assert_eq!(url.user.as_deref(), Some("li@na"));
    assert_eq!(url.database, "kad ian");
    assert_eq!(
        url.hosts.iter().map(Host::port).collect::<Vec<_>>(),
        [5432, 5433, 5434]
    );
    assert_eq!(
        url.conninfo(Some(Path::new("/run/r"))).unwrap().expose(),
        "host='/run/r/0,/run/r/1,/run/r/2' hostaddr='' port='5432,5433,5434' dbname='kad ian' \
         user='li@na' password='p:w/\\'\\\\' sslmode='disable' gssencmode='disable' \
         channel_binding='disable' load_balance_hosts='disable' target_session_attrs='primary' \
         connect_timeout='9' keepalives='1' keepalives_idle='5' keepalives_interval='2' \
         keepalives_count='3' tcp_user_timeout='4000' client_encoding='UTF8' \
         application_name='gate' options='-c lock_timeout=5s'"
    );
    let tls = url.tls(&url.hosts[2]).unwrap();
    assert_eq!(tls.check, Check::Full(Roots::File("/etc/ca x.pem".into())));
    assert_eq!(tls.identity.unwrap().key, Path::new("k.pem"));
}

#[test]
fn only_this_machine_is_spoken_to_in_the_open_without_asking() {
    for near in [
        "postgres://localhost/k",
        "postgres://LOCALHOST/k",
        "postgres://127.0.0.1/k",
        "postgres://127.9.9.9/k",
        "postgres://[::1]/k",
        "postgres:///k?host=/run/postgresql",
        "postgres://kadian@/kadian?host=/run/postgresql",
        "postgres://%2Frun%2Fpostgresql/k?sslmode=require",
        "postgres://db.example/k?sslmode=disable",
    ] {
        assert_eq!(check(near), None, "{near}");
        assert!(!parse(near).needs_relay());
    }
    for far in [
        "postgres://db.example/k",
        "postgres://localhost.example/k",
        "postgres://10.0.0.1/k",
        "postgres://[::2]/k",
        "postgres://localhost/k?sslmode=verify-full",
        "postgres://db.example/k?sslrootcert=system",
    ] {
        assert_eq!(check(far), Some(Check::Full(Roots::System)), "{far}");
        assert!(parse(far).needs_relay());
    }
    // Whoever names an authority wants it asked, here too.
    assert_eq!(
        check("postgres://localhost/k?sslrootcert=/ca.pem"),
        Some(Check::Full(Roots::File("/ca.pem".into())))
    );
    assert_eq!(
        check("postgres://d/k?sslmode=require"),
        Some(Check::Nothing)
    );
    assert_eq!(
        check("postgres://d/k?sslmode=verify-ca&sslrootcert=/ca.pem"),
        Some(Check::Authority("/ca.pem".into()))
    );
}

#[test]
fn near_and_far_hosts_keep_their_order_in_one_url() {
    let url = parse("postgres://localhost,db.example:5433/k?target_session_attrs=any");
    assert_eq!(url.target, Target::Any);
    let info = url.conninfo(Some(Path::new("/r"))).unwrap();
    assert!(
        info.expose()
            .starts_with("host='localhost,/r/1' hostaddr='' port='5432,5433'")
    );
    assert!(
        url.conninfo(None).is_err(),
        "a host that takes TLS has no way without a relay"
    );
}

#[test]
fn several_hosts_mean_the_one_that_can_be_written_to() {
    assert_eq!(parse("postgres://a,b/k").target, Target::ReadWrite);
    assert_eq!(parse("postgres://a/k").target, Target::Any);
}

#[test]
fn what_is_not_understood_is_refused_with_a_sentence() {
    for (url, part) in [
        ("mysql://h/k", "begin with postgres://"),
        ("postgres://", "names no host"),
        ("postgres:///k", "names no host"),
        ("postgres://a,,b/k", "names no host"),
        ("postgres://h", "one database"),
        ("postgres://h/", "one database"),
        ("postgres://h/a/b", "one database"),
        ("postgres://h:0/k", "a port must be"),
        ("postgres://h:65536/k", "a port must be"),
        ("postgres://h:+5/k", "a port must be"),
        ("postgres://h:/k", "a port must be"),
        ("postgres://2001:db8::1/k", "a port must be"),
        ("postgres://[2001:db8::zz]/k", "IPv6"),
        ("postgres://[::1]5432/k", "after [ ]"),
        ("postgres://300.1.1.1/k", "neither a name nor an address"),
        ("postgres://a b/k", "neither a name nor an address"),
        ("postgres://u:p@x@h/k", "neither a name nor an address"),
        ("postgres://h/k%0", "two hexadecimal digits"),
        ("postgres://h/k%zz", "two hexadecimal digits"),
        ("postgres://h/k%00", "NUL"),
        ("postgres://h/k%ff", "UTF-8"),
        ("postgres://h/k?sslmode", "name=value"),
        (
            "postgres://h/k?service=x",
            "not known; those known are host, port, sslmode",
        ),
        (
            "postgres://h/k?sslmode=require&sslmode=disable",
            "sslmode twice",
        ),
        ("postgres://h/k?sslmode=prefer", "in the open"),
        ("postgres://h/k?sslmode=on", "must be verify-full"),
        ("postgres://h/k?sslmode=verify-ca", "your own authority"),
        (
            "postgres://h/k?sslmode=verify-ca&sslrootcert=system",
            "your own authority",
        ),
        (
            "postgres://h/k?sslmode=require&sslrootcert=/x",
            "checks no certificate",
        ),
        (
            "postgres://h/k?sslmode=disable&sslrootcert=/x",
            "does not go with",
        ),
        ("postgres://h/k?sslcert=/x", "belong together"),
        (
            "postgres://h/k?target_session_attrs=standby",
            "the server writes",
        ),
        (
            "postgres://h/k?connect_timeout=0",
            "from 2 to 300, in seconds",
        ),
        (
            "postgres://h/k?connect_timeout=-1",
            "from 2 to 300, in seconds",
        ),
        (
            "postgres://h/k?tcp_user_timeout=10",
            "from 1000 to 600000, in milliseconds",
        ),
        ("postgres://h/k?application_name=", "printable"),
        ("postgres://h/k?application_name=%0A", "printable"),
        ("postgres://h/k?host=/x", "the folder of a Unix socket"),
        ("postgres:///k?host=x", "the folder of a Unix socket"),
        ("postgres:///k?host=/a,/b", "a comma"),
        ("postgres://h/k?port=1", "goes with host=/path"),
    ] {
        let text = refused(url);
        assert!(text.contains(part), "{url}: {text}");
    }
}

#[test]
fn no_refusal_and_no_print_tells_the_password() {
    for url in [
        "postgres://u:hunter2@h/k",
        "postgres://u:hunter2@h:5x/k",
        "postgres://u:hunter2/@h/k",
        "postgres://u:hunter2?x@h/k",
        "postgres://u:hunter2?hunter2=hunter2@h/k",
        "postgres://u:hunter2#@h@h/k",
        "postgres://u:%hunter2@h/k",
        "postgres://h/k?password=hunter2",
        "postgres://h/k?hunter2",
        "postgres://u:hunter2",
        "postgres:u:hunter2@h/k",
    ] {
        let text = match PostgresUrl::parse(url) {
            Ok(parsed) => format!(
                "{parsed} {parsed:?} {:?} {:?}",
                parsed.password,
                parsed.conninfo(Some(Path::new("/r"))).unwrap()
            ),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!text.contains("hunter"), "{url}: {text}");
    }
}

#[test]
fn a_password_kept_apart_is_added_and_never_hides_another() {
    let url = parse("postgres://u@h/k?sslmode=disable")
        .with_password(Password::new("p'w"))
        .unwrap();
    assert!(
        url.conninfo(None)
            .unwrap()
            .expose()
            .contains(r"password='p\'w'")
    );
    assert!(
        parse("postgres://u:p@h/k")
            .with_password(Password::new("q"))
            .is_err()
    );
    assert!(
        parse("postgres://u@h/k")
            .with_password(Password::new(""))
            .is_err()
    );
    assert!(
        parse("postgres://u@h/k")
            .with_password(Password::new("a\0b"))
            .is_err()
    );
}

#[test]
fn what_is_shown_reads_as_the_same_url() {
    for url in [
        "postgres://li%40na:pw@db1.example,[2001:db8::1]:5433,%2Frun%2Fx:7/kad%2Fian?sslcert=a&sslkey=b&connect_timeout=7",
        "postgres:///k?host=/run/postgresql&port=5433&application_name=a%26b&options=-c%20x%3D%25",
        "postgres://10.0.0.1/k?sslmode=verify-ca&sslrootcert=/a%20b.pem&target_session_attrs=primary",
        "postgres://a,b/k?sslmode=require&target_session_attrs=any&tcp_user_timeout=2000",
        "postgres://a/k?sslmode=disable",
        "postgres://a/k",
    ] {
        let mut first = parse(url);
        let shown = first.to_string();
        first.password = None;
        assert_eq!(parse(&shown), first, "{shown}");
        assert_eq!(parse(&shown).to_string(), shown);
    }
}
