//! Layers, origins and warnings of the configuration.

use super::*;

fn sources(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    Sources {
        file: (!file.is_empty()).then(|| (PathBuf::from("trial.toml"), file.to_owned())),
        environment: own(environment),
        flags: own(flags),
    }
}

fn refusal(sources: &Sources) -> String {
    Config::resolve(sources).unwrap_err().to_string()
}

#[test]
fn the_later_layer_wins_and_is_named_as_the_origin() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nworkers = 3\nbehind_proxy = true\n";
    let environment = [
        ("KADIAN_HTTP_LISTEN", "127.0.0.1:2"),
        ("KADIAN_LOG_FORMAT", "json"),
    ];
    let config = Config::resolve(&sources(
        file,
        &environment,
        &[("http.listen", "127.0.0.1:3")],
    ))
    .unwrap();
    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.http.workers, 3);
    assert!(config.http.behind_proxy);
    assert_eq!(config.log.format, LogFormat::Json);
    let origin = |name| {
        config
            .lines()
            .iter()
            .find(|line| line.name == name)
            .unwrap()
            .origin
            .to_string()
    };
    assert_eq!(origin("http.listen"), "flag");
    assert_eq!(origin("http.workers"), "file trial.toml");
    assert_eq!(origin("log.format"), "environment KADIAN_LOG_FORMAT");
    assert_eq!(origin("database.url"), "default");
}

#[test]
fn a_wrong_value_is_refused_with_its_origin_and_what_it_must_be() {
    let text = refusal(&sources("", &[("KADIAN_HTTP_WORKERS", "many")], &[]));
    assert_eq!(
        text,
        "http.workers (environment KADIAN_HTTP_WORKERS) must be a whole number from 0 to 1024"
    );
    let text = refusal(&sources("", &[], &[("http.listen", "localhost")]));
    assert!(
        text.contains("http.listen (flag) must be an address and a port"),
        "{text}"
    );
}

#[test]
fn an_unknown_name_is_refused_in_a_file_and_reported_in_the_environment() {
    let text = refusal(&sources("[http]\nlissen = \"x\"\n", &[], &[]));
    assert!(
        text.starts_with("http.lissen (file trial.toml) is no setting"),
        "{text}"
    );
    let environment = [("KADIAN_HTTP_LISSEN", "x"), ("KADIAN_SEED", "7")];
    let config = Config::resolve(&sources("", &environment, &[])).unwrap();
    assert_eq!(
        config.warnings(),
        ["the environment variable KADIAN_HTTP_LISSEN is no setting"]
    );
}

#[test]
fn a_file_that_is_no_toml_is_refused_by_line_without_quoting_it() {
    let text = refusal(&sources("[http]\nworkers = 1\ntoken = hunter2\n", &[], &[]));
    assert_eq!(text, "trial.toml: line 3 is not TOML");
}

#[test]
fn a_secret_is_never_shown_and_never_a_flag() {
    let environment = [("KADIAN_METRICS_TOKEN", "hunter2")];
    let config = Config::resolve(&sources("", &environment, &[])).unwrap();
    assert_eq!(config.metrics.token.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(
        config
            .lines()
            .iter()
            .any(|line| line.name == "metrics.token" && line.value == "***")
    );
    assert!(
        refusal(&sources("", &[], &[("metrics.token", "hunter2")])).contains("never as a flag")
    );
    let text = refusal(&sources("[metrics]\ntoken = \"hunter2\"\n", &[], &[]));
    assert!(
        text.contains("metrics.token_file") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "hunter2\n").unwrap();
    let file = format!("[metrics]\ntoken_file = \"{}\"\n", path.display());
    let config = Config::resolve(&sources(&file, &[], &[])).unwrap();
    assert_eq!(config.metrics.token.unwrap().expose(), "hunter2");
    let path = path.display().to_string();
    let environment = [("KADIAN_METRICS_TOKEN_FILE", path.as_str())];
    let config = Config::resolve(&sources("", &environment, &[])).unwrap();
    assert_eq!(config.metrics.token.unwrap().expose(), "hunter2");
    let environment = [("KADIAN_METRICS_TOKEN_FILE", "/nowhere/at/all")];
    assert!(refusal(&sources("", &environment, &[])).contains("cannot be read"));
}

#[test]
fn the_defaults_are_valid_and_no_setting_is_named_twice() {
    let config = Config::defaults().unwrap();
    assert!(config.metrics.token.is_none());
    let names: std::collections::BTreeSet<_> =
        SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(names.len(), SETTINGS.len());
    assert_eq!(config.lines().len(), SETTINGS.len());
}

#[test]
fn a_password_of_the_database_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let url = "postgres://kadian:hunter2@db.example/kadian";
    let config = Config::resolve(&sources("", &[("KADIAN_DATABASE_URL", url)], &[])).unwrap();
    assert_eq!(config.database.url, url);
    let shown = config
        .lines()
        .iter()
        .find(|line| line.name == "database.url")
        .unwrap();
    assert_eq!(shown.value, "postgres://kadian:***@db.example/kadian");
    assert!(!format!("{config:?}").contains("hunter2"));

    for wrong in [
        sources("", &[], &[("database.url", url)]),
        sources(
            "",
            &[],
            &[("database.url", "postgres://kadian:hunter@2@db")],
        ),
        sources(&format!("[database]\nurl = \"{url}\"\n"), &[], &[]),
        sources("", &[], &[("database.password", "hunter2")]),
        sources("[database]\npassword = \"hunter2\"\n", &[], &[]),
    ] {
        let text = refusal(&wrong);
        assert!(
            text.contains("password") && !text.contains("hunter"),
            "{text}"
        );
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let text = format!("[database]\npassword_file = \"{}\"\n", file.display());
    let config = Config::resolve(&sources(
        &text,
        &[],
        &[("database.url", "postgres://k@db/k")],
    ));
    let config = config.unwrap();
    assert_eq!(
        config.database.password.as_ref().unwrap().expose(),
        "hunter2"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    // A port, an IPv6 address and the name of a file are no passwords.
    for open in [
        "postgres://k@[::1]:5432/k",
        "sqlite:///a:b@c.sqlite",
        "postgres://h:1/k",
    ] {
        let config = Config::resolve(&sources("", &[("KADIAN_DATABASE_URL", open)], &[])).unwrap();
        let shown = config
            .lines()
            .iter()
            .find(|line| line.name == "database.url")
            .unwrap();
        assert_eq!(shown.value, open);
    }
}
