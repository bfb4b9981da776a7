//! An installation is opened: its keys, its limits, its engine, and what it catches up with.

use super::*;
use crate::sync::job::{Job, Purge};

fn config(folder: &Path) -> Config {
    let url = format!("sqlite://{}/kadian.sqlite", folder.display());
    let sources = config::Sources {
        flags: vec![
            ("database.url".to_owned(), url),
            ("http.waiting".to_owned(), "1".to_owned()),
        ],
        ..Default::default()
    };
    Config::resolve(&sources).unwrap()
}

#[test]
fn keys_stand_beside_the_database_and_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(keys::FILE_NAME);
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    assert!(path.exists());
    drop(app);
    assert!(App::open(config(folder.path()), Clock::system()).is_ok());
    std::fs::remove_file(&path).unwrap();
    let refused = App::open(config(folder.path()), Clock::system()).err();
    assert!(matches!(refused, Some(Error::Keys(keys::Error::Foreign))));
}

#[actix_web::test]
async fn work_beyond_the_limit_hears_busy_and_a_panic_reaches_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    let (free, held) = std::sync::mpsc::channel::<()>();
    let first = app.block::<(), store::Error>(move || {
        let _ = held.recv();
        Ok(())
    });
    let mut first = std::pin::pin!(first);
    // One poll hands the work to a thread, where it waits.
    std::future::poll_fn(|cx| {
        assert!(first.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    let second = app.block::<(), store::Error>(|| Ok(())).await;
    assert!(matches!(second, Err(store::Error::Busy)));
    free.send(()).unwrap();
    first.await.unwrap();

    let shared = Arc::clone(&app);
    let cut = actix_web::rt::spawn(async move {
        shared
            .write::<(), store::Error>(|_| panic!("on purpose"))
            .await
    });
    assert!(cut.await.is_err_and(|error| error.is_panic()));
    app.write::<_, store::Error>(|c| meta::save(c, "probe", "alive"))
        .await
        .unwrap();
    let read = app
        .read::<_, store::Error>(|c| meta::load(c, "probe"))
        .await
        .unwrap();
    assert_eq!(read.as_deref(), Some("alive"));
}

/// A household of grid `G1` by its leader, written through the engine.
fn write_household(app: &App) -> sync_protocol::id::RecordId {
    use crate::accounts::areas::{NewArea, create};
    use crate::accounts::users::{self, NewUser};
    use crate::accounts::{Actor, Error};
    let now = app.clock.now();
    let user = app.store.write::<_, Error>(|c| {
        for (code, parent, level) in [("999999", None, "district"), ("G1", Some("999999"), "grid")]
        {
            let new = NewArea {
                code: code.to_owned(),
                parent: parent.map(str::to_owned),
                level: level.to_owned(),
                name: code.to_owned(),
                ..NewArea::default()
            };
            create(c, Actor::CommandLine, &new)?;
        }
        let new = NewUser {
            login: "leader",
            name: "测试员",
            password_hash: None,
            role: "grid_leader",
            area: "G1",
            from: None,
            until: None,
        };
        Ok(users::create(c, Actor::CommandLine, &new, now)?.0)
    });
    let engine = app.engine().unwrap();
    let record = sync_protocol::id::RecordId::at(now.unsigned_abs(), &[7; 10]);
    let change = sync_protocol::change::Change {
        heading: sync_protocol::change::Heading {
            era: 0,
            schema: 1,
            stamp: engine.stamp(),
            kind: "household".to_owned(),
            record,
            base: None,
            saw: None,
            scope: Some("grid:G1".parse().unwrap()),
            parent: None,
            whole: false,
        },
        set: serde_json::from_str(r#"{"address":{"detail":"1-101"}}"#).unwrap(),
    };
    let written = crate::sync::job::Written {
        change,
        user: user.unwrap(),
    };
    engine.submit(Job::Write(vec![written])).unwrap();
    app.stop();
    record
}

fn stands(app: &App, id: sync_protocol::id::RecordId) -> bool {
    let found = app
        .store
        .read(|c| store::records::by_ids(c, std::slice::from_ref(&id)));
    !found.unwrap().is_empty()
}

#[test]
fn i12_what_was_purged_after_the_copy_is_purged_again_before_the_server_listens() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    let record = write_household(&app);
    assert!(stands(&app, record), "the household was taken");
    // The line of the purge is in the ledger, and the database, an older copy, does not know.
    let entry = ledger::Entry::Purge {
        ids: vec![record.to_string()],
        at: app.clock.now(),
    };
    let cut = app.store.write::<(), Error>(|c| {
        app.ledger.append(c, &entry)?;
        Err(store::Error::Busy.into())
    });
    assert!(cut.is_err());
    drop(app);
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    app.engine().unwrap();
    assert!(!stands(&app, record));
    app.stop();
}

#[test]
fn what_waits_for_a_kind_that_is_here_goes_in_when_the_server_opens() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    write_household(&app);
    drop(app);
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    let engine = app.engine().unwrap();
    let record = sync_protocol::id::RecordId::at(app.clock.now().unsigned_abs(), &[8; 10]);
    let line = serde_json::json!({
        "era": 0, "schema": 2, "stamp": engine.stamp().to_string(), "kind": "kennel",
        "record": record, "scope": "grid:G1", "set": { "dogs": 2 },
    });
    let change = sync_protocol::change::parse(line.to_string().as_bytes());
    let Ok(sync_protocol::change::Line::Change(change)) = change else {
        panic!("a change");
    };
    let user = app.store.read(|c| store::accounts::by_login(c, "leader"));
    let written = crate::sync::job::Written {
        change: *change,
        user: user.unwrap().unwrap().user(),
    };
    engine.submit(Job::Write(vec![written])).unwrap();
    // The kind was taken, and the server stopped before it tried again what waited.
    let kennel = r#"
        name = "kennel"
        version = 1
        label = { zh = "犬舍", en = "Kennel" }
        scope = { place = "grid" }
        writers = ["grid_leader"]
        retention = { days = 30, purpose = { zh = "防疫", en = "Checks" }, basis = { zh = "法", en = "Law" } }
        readers = { grid_leader = { default = "full" } }
        field = [ { name = "dogs", type = "integer", min = 0, label = { zh = "犬只", en = "Dogs" } } ]
    "#;
    let row = store::definitions::KindRow {
        name: "kennel".to_owned(),
        schema: 2,
        definition: kennel.to_owned(),
        at: 0,
    };
    app.store
        .write::<_, store::Error>(|c| store::definitions::add_kind(c, &row))
        .unwrap();
    app.stop();
    drop((app, engine));
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    assert!(!stands(&app, record));
    app.engine().unwrap();
    assert!(stands(&app, record));
    app.stop();
}

#[test]
fn what_a_server_that_answers_instead_lacks_is_done_again_before_anything_is_written() {
    use crate::store::devices::{self, DeviceState, NewDevice};
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    let record = write_household(&app);
    drop(app);
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    let engine = app.engine().unwrap();
    let now = app.clock.now();
    let phone = app.store.write::<_, store::Error>(|c| {
        let new = NewDevice {
            account: sync_protocol::id::UserId(1),
            token_hash: &[1; 32],
            name: "phone",
            leaves: None,
            now,
        };
        devices::insert(c, &new)
    });
    let number = phone.unwrap().device();
    let state = || {
        let row = app.store.read(|c| devices::by_number(c, number));
        row.unwrap().unwrap().state()
    };
    // The server that was lost had committed these; the one that answers now never heard of them.
    let lines = [
        ledger::Entry::DeviceState {
            number: number.0,
            state: DeviceState::Blocked.as_str().to_owned(),
            at: now,
        },
        ledger::Entry::Purge {
            ids: vec![record.to_string()],
            at: now,
        },
    ];
    let lost = app.store.write::<(), Error>(|c| {
        for line in &lines {
            app.ledger.append(c, line)?;
        }
        Err(store::Error::Busy.into())
    });
    assert!(lost.is_err());
    store::trial::answer_elsewhere(&app.store);
    // Somebody at a console may write before any phone does.
    let entry = ledger::Entry::Account {
        account: 1,
        active: true,
        at: now,
    };
    app.store.write(|c| app.ledger.append(c, &entry)).unwrap();
    assert_eq!(state(), DeviceState::Active);
    let any = Job::Purge(Purge {
        records: Vec::new(),
        scopes: Vec::new(),
        quiet_since: None,
    });
    assert!(engine.submit(any).is_ok());
    assert_eq!(state(), DeviceState::Blocked);
    assert!(!stands(&app, record), "what was purged is purged again");
    app.stop();
}

#[test]
fn an_epoch_is_written_down_in_the_ledger_and_the_next_one_is_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        app.engine().unwrap();
        app.stop();
        app.store.read(|c| app.ledger.newest_epoch(c)).unwrap()
    };
    let first = open();
    assert!(first > 0);
    let far = first + 5 * 24 * 60 * 60 * 1000;
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    app.store
        .write(|c| {
            app.ledger
                .append(c, &ledger::Entry::Epoch { epoch: far, at: 0 })
        })
        .unwrap();
    drop(app);
    assert!(open() > far, "an epoch known elsewhere is never used again");
}

#[test]
fn without_its_ledger_an_installation_does_not_open_unless_somebody_insists() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(config(folder.path()), Clock::system()).unwrap();
    let path = app.ledger.path().unwrap().to_owned();
    drop(app);
    std::fs::remove_file(path).unwrap();
    let refused = App::open(config(folder.path()), Clock::system()).err();
    assert!(matches!(
        refused,
        Some(Error::Ledger(ledger::Error::Missing(_)))
    ));
    let mut insisting = config(folder.path());
    insisting.ledger.insist = true;
    App::open(insisting, Clock::system()).unwrap();
    App::open(config(folder.path()), Clock::system()).unwrap();
}
