//! Several hosts in one URL: the dead are passed over, and the one that can be written to is found
//! again after it has become another.

use super::*;

#[test]
fn a_dead_first_host_and_a_false_second_one_are_passed_over() {
    let town = Town::shared();
    let pretender = Pretender::start(Manner::NoTls);
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let hosts = format!(
        "localhost:{dead},localhost:{},localhost:{}",
        pretender.port, town.postgres.port
    );
    let mut connected = connect(&url(&hosts, &format!("sslrootcert={}", town.ca()))).unwrap();
    assert!(encryption(&mut connected.connection).ssl);
    // And when none is left, every reason is told.
    let text = refused(&url(
        &format!("localhost:{dead},localhost:{}", pretender.port),
        "sslmode=require",
    ));
    assert!(text.contains("cannot be reached"), "{text}");
    assert!(text.contains("offers no TLS"), "{text}");
}

#[test]
fn a_promoted_standby_is_found_through_the_same_relay() {
    let authority = Authority::new("Of a pair");
    let files = tempfile::tempdir().unwrap();
    let ca = authority.write(files.path(), "ca.pem");
    let issued = authority.issue("database", &["localhost"]);
    let primary = Postgres::start(Some((&issued, &authority.pem())));
    let standby = primary.standby();
    // The standby stands first: it answers, but cannot be written to.
    let url = url(
        &format!("localhost:{},localhost:{}", standby.port, primary.port),
        &format!("sslrootcert={}", ca.display()),
    );
    let relay = Relay::for_url(&url).unwrap().unwrap();
    let info = url.conninfo(Some(relay.folder())).unwrap();
    let port = |connection: &mut PgConnection| {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = Text)]
            port: String,
        }
        let setting: Setting = diesel::sql_query("SHOW port")
            .get_result(connection)
            .unwrap();
        setting.port.parse::<u16>().unwrap()
    };

    let mut before = PgConnection::establish(info.expose()).unwrap();
    assert_eq!(port(&mut before), primary.port);
    drop(primary);
    assert!(
        diesel::sql_query("SELECT 1").execute(&mut before).is_err(),
        "a connection to a server that is gone must fail"
    );
    assert!(PgConnection::establish(info.expose()).is_err());
    standby.promote();
    let mut after = PgConnection::establish(info.expose()).unwrap();
    assert_eq!(port(&mut after), standby.port);
}
