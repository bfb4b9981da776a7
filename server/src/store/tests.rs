//! The promises of `read` and `write`: in memory, on a file, and, where there is a server for trials,
//! on PostgreSQL.

mod schema;

use super::*;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use std::sync::atomic::AtomicU32;

fn on_file() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/kadian.sqlite", folder.path().display());
    let store = Store::open(&url, StoreOptions::default()).unwrap();
    (folder, store)
}

/// The URL of a database that several stores can open: the file, or one on the server for trials.
fn lasting() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = trial::lasting(&folder.path().join("kadian.sqlite")).unwrap();
    (folder, url)
}

fn open(url: &str, options: StoreOptions) -> Store {
    Store::open(url, options).unwrap()
}

fn everywhere(check: impl Fn(&Store)) {
    let (_folder, file) = on_file();
    check(&file);
    check(&open("sqlite::memory:", StoreOptions::default()));
    let (_folder, url) = lasting();
    check(&open(&url, StoreOptions::default()));
}

fn put(store: &Store, value: &str) {
    store.write(|c| meta::save(c, "probe", value)).unwrap();
}

fn get(store: &Store) -> Option<String> {
    store.read(|c| meta::load(c, "probe")).unwrap()
}

fn pragma(connection: &mut Connection, name: &str) -> String {
    diesel::dsl::sql::<Text>(&format!("PRAGMA {name}"))
        .get_result(connection)
        .unwrap()
}

#[test]
fn a_database_that_a_later_version_brought_up_does_not_open() {
    let (_folder, url) = lasting();
    let store = open(&url, StoreOptions::default());
    let later = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
    let noted = store.write(|c| Ok::<_, Error>(diesel::sql_query(later).execute(c)?));
    assert_eq!(noted.unwrap(), 1);
    drop(store);
    let refused = Store::open(&url, StoreOptions::default()).err();
    let text = refused.map(|error| error.to_string()).unwrap_or_default();
    assert!(
        text.contains("brought up by a later version of Kadian") && text.contains("9999"),
        "{text}"
    );
}

#[test]
fn an_unsupported_url_does_not_open() {
    for url in [
        "postgres://localhost/kadian",
        "mysql://x/y",
        "kadian.sqlite",
    ] {
        assert!(matches!(
            Store::open(url, StoreOptions::default()).err(),
            Some(Error::Unavailable(_))
        ));
    }
}

#[test]
fn a_missing_folder_is_unavailable_and_not_a_panic() {
    let result = Store::open(
        "sqlite:///nowhere/at/all/kadian.sqlite",
        StoreOptions::default(),
    );
    assert!(matches!(result.err(), Some(Error::Unavailable(_))));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(
        &path,
        "this is a diary and not a database, and it is long enough to tell".repeat(20),
    )
    .unwrap();
    let url = format!("sqlite://{}", path.display());
    assert!(matches!(
        Store::open(&url, StoreOptions::default()).err(),
        Some(Error::Corrupt(_))
    ));
}

#[test]
fn a_commit_is_durable_before_it_is_acknowledged() {
    let (_folder, store) = on_file();
    let read = |name| store.ask(|c| Ok(pragma(c, name))).unwrap();
    assert_eq!(read("journal_mode"), "wal");
    assert_eq!(read("synchronous"), "2", "FULL");
    assert_eq!(read("foreign_keys"), "1");
    assert_eq!(read("busy_timeout"), "5000");
    assert_eq!(read("wal_autocheckpoint"), "16384");
    assert_eq!(read("page_size"), "4096");
}

#[test]
fn the_weak_durability_must_be_asked_for_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/kadian.sqlite", folder.path().display());
    let options = StoreOptions {
        durability: Durability::OffForSimulationsOnly,
        ..StoreOptions::default()
    };
    let store = Store::open(&url, options).unwrap();
    assert_eq!(store.ask(|c| Ok(pragma(c, "synchronous"))).unwrap(), "0");
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_database_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, store) = on_file();
    let mode = std::fs::metadata(store.file().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_was_replaced_is_not_legible_in_the_files_once_the_log_was_emptied() {
    let (folder, store) = on_file();
    let texts = [3, 300, 30_000].map(|size| format!("E77777777{}", "x".repeat(size)));
    for text in &texts {
        put(&store, text);
    }
    let legible = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files
            .filter_map(|file| std::fs::read(file.unwrap().path()).ok())
            .any(|bytes| bytes.windows(9).any(|window| window == b"E77777777"))
    };
    assert!(legible());
    put(&store, "gone");
    store.empty_log().unwrap();
    assert!(!legible());
}

#[test]
fn opening_applies_each_migration_once() {
    let (_folder, store) = on_file();
    assert_eq!(
        store.applied(),
        [
            "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010"
        ]
    );
    assert!(store.pending_migrations().unwrap().is_empty());
    let url = format!("sqlite://{}", store.file().unwrap().display());
    let again = Store::open(&url, StoreOptions::default()).unwrap();
    assert!(again.applied().is_empty());
    assert!(again.describe().unwrap().starts_with("SQLite 3."));
}

#[test]
fn what_was_written_is_read_and_what_failed_is_not() {
    everywhere(|store| {
        assert_eq!(get(store), None);
        put(store, "one");
        assert_eq!(get(store).as_deref(), Some("one"));
        let result: Result<(), Error> = store.write(|c| {
            meta::save(c, "probe", "two")?;
            Err(Error::Corrupt("on purpose".to_owned()))
        });
        assert!(matches!(result, Err(Error::Corrupt(_))));
        assert_eq!(get(store).as_deref(), Some("one"));
    });
}

#[test]
fn a_panic_rolls_back_and_the_store_lives_on() {
    everywhere(|store| {
        put(store, "one");
        let result = catch_unwind(AssertUnwindSafe(|| {
            store.write::<(), Error>(|c| {
                meta::save(c, "probe", "two")?;
                panic!("on purpose")
            })
        }));
        assert!(result.is_err());
        assert_eq!(get(store).as_deref(), Some("one"));
        let result = catch_unwind(AssertUnwindSafe(|| {
            store.read::<(), Error>(|_| panic!("on purpose"))
        }));
        assert!(result.is_err());
        put(store, "three");
        assert_eq!(get(store).as_deref(), Some("three"));
    });
}

#[test]
fn a_reader_cannot_write() {
    everywhere(|store| {
        assert!(
            store
                .read(|c| meta::save(c, "probe", "sneaked in"))
                .is_err()
        );
        put(store, "honest");
        assert_eq!(get(store).as_deref(), Some("honest"));
    });
}

#[test]
fn i17_a_snapshot_does_not_move_while_it_is_read() {
    let (_folder, url) = lasting();
    let store = open(&url, StoreOptions::default());
    put(&store, "before");
    store
        .read::<_, Error>(|c| {
            assert_eq!(meta::load(c, "probe")?.as_deref(), Some("before"));
            std::thread::scope(|scope| scope.spawn(|| put(&store, "after")).join()).unwrap();
            assert_eq!(meta::load(c, "probe")?.as_deref(), Some("before"));
            Ok(())
        })
        .unwrap();
    assert_eq!(get(&store).as_deref(), Some("after"));
}

#[test]
fn many_writers_of_two_processes_lose_no_update() {
    let (_folder, url) = lasting();
    let one = open(&url, StoreOptions::default());
    let options = StoreOptions {
        durability: Durability::OffForSimulationsOnly,
        ..StoreOptions::default()
    };
    let two = Store::open(&url, options).unwrap();
    let add = |store: &Store| {
        store
            .write::<_, Error>(|c| {
                let count: u32 = meta::load(c, "count")?.map_or(0, |text| text.parse().unwrap());
                meta::save(c, "count", &(count + 1).to_string())
            })
            .unwrap();
    };
    std::thread::scope(|scope| {
        for store in [&one, &two, &one, &two] {
            scope.spawn(move || (0..25).for_each(|_| add(store)));
        }
    });
    assert_eq!(
        one.read(|c| meta::load(c, "count")).unwrap().as_deref(),
        Some("100")
    );
}

#[test]
fn a_lock_held_elsewhere_ends_in_busy_within_bounds() {
    let (_folder, url) = lasting();
    let one = open(&url, StoreOptions::default());
    let options = StoreOptions {
        busy_timeout: Duration::from_millis(20),
        ..StoreOptions::default()
    };
    let two = Store::open(&url, options).unwrap();
    let tried = AtomicU32::new(0);
    one.write::<_, Error>(|c| {
        meta::save(c, "probe", "held")?;
        let result: Result<(), Error> = two.write(|_| {
            tried.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        assert!(matches!(result, Err(Error::Busy)));
        Ok(())
    })
    .unwrap();
    assert_eq!(
        tried.load(Ordering::Relaxed),
        0,
        "the lock is taken before anything is read"
    );
    assert_eq!(get(&two).as_deref(), Some("held"));
}

#[test]
fn readers_beyond_the_pool_wait_and_then_hear_busy() {
    let (_folder, url) = lasting();
    let options = StoreOptions {
        readers: 1,
        patience: Duration::from_millis(20),
        ..StoreOptions::default()
    };
    let store = Store::open(&url, options).unwrap();
    store
        .read::<_, Error>(|_| {
            assert!(matches!(
                store.read::<(), Error>(|_| Ok(())),
                Err(Error::Busy)
            ));
            Ok(())
        })
        .unwrap();
    for _ in 0..3 {
        store.read::<_, Error>(|_| Ok(())).unwrap();
    }
}

#[test]
fn a_session_on_a_server_waits_for_the_disk_and_never_for_ever() {
    let Some(server) = trial::server() else {
        // An embedded database has pragmas instead, looked at above.
        assert!(!Location::SqliteMemory.has_many_writers());
        return;
    };
    let store = open(&trial::on_server(&server).unwrap(), StoreOptions::default());
    let setting = |name: &str| {
        let question = format!("current_setting('{name}')");
        store
            .ask(|c| Ok(diesel::select(diesel::dsl::sql::<Text>(&question)).get_result(c)?))
            .unwrap()
    };
    let read = |name: &str| -> String { setting(name) };
    assert_eq!(read("synchronous_commit"), "on");
    assert_eq!(read("lock_timeout"), "5s");
    assert_eq!(read("statement_timeout"), "1min");
    assert_eq!(read("idle_in_transaction_session_timeout"), "1min");
    assert!(store.describe().unwrap().starts_with("PostgreSQL "));
    assert_eq!(store.examine().unwrap(), Vec::<String>::new());
}

#[test]
fn two_who_write_beside_each_other_do_not_wait_and_who_writes_alone_waits_for_both() {
    let (_folder, url) = lasting();
    let options = || StoreOptions {
        writers: 2,
        busy_timeout: Duration::from_millis(50),
        ..StoreOptions::default()
    };
    let (one, two) = (open(&url, options()), open(&url, options()));
    let many = one.writers() > 1;
    one.write_in::<_, Error>(Company::Beside, |c| {
        meta::save(c, "one", "held")?;
        let beside = two.write_in(Company::Beside, |c| meta::save(c, "two", "done"));
        assert_eq!(beside.is_ok(), many, "{beside:?}");
        let alone = two.write(|c| meta::save(c, "three", "done"));
        assert!(matches!(alone, Err(Error::Busy)));
        Ok(())
    })
    .unwrap();
    two.write(|c| meta::save(c, "three", "done")).unwrap();
}

#[derive(diesel::QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[test]
fn a_page_of_a_scope_follows_an_index_in_the_order_of_heads_and_sorts_nothing() {
    let (_folder, store) = on_file();
    for table in ["record", "exit"] {
        let query = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE scope_id = 1 AND head > 5 ORDER BY head LIMIT 32"
        );
        let plan: Vec<Plan> = store
            .read::<_, Error>(|c| Ok(diesel::sql_query(query).load(c)?))
            .unwrap();
        let plan: Vec<String> = plan.into_iter().map(|line| line.detail).collect();
        assert!(
            plan.len() == 1 && plan[0].contains("(scope_id=? AND head>?)"),
            "{table}: {plan:?}"
        );
    }
}

#[test]
fn who_finds_made_what_was_taken_for_new_looks_again() {
    everywhere(|store| {
        let id = sync_protocol::id::RecordId::from_bytes([1; 16]);
        let row = |head| records::RecordRow {
            head,
            ..trial::record_row(id)
        };
        store
            .write::<_, Error>(|c| bulk::add_records(c, &[row(1)]))
            .unwrap();
        let mut attempts = 0;
        let again = store.write::<_, Error>(|c| {
            attempts += 1;
            if attempts == 1 {
                bulk::add_records(c, &[row(2)])?;
            }
            Ok(())
        });
        again.unwrap();
        assert_eq!(attempts, 2);
    });
}
