//! The tables as diesel sees them: one set for every database.
//!
//! Integers are 64 bits wide everywhere and times are milliseconds, so that SQLite and PostgreSQL
//! give the same Rust types. A test compares this file with what
//! the migrations really make.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    epoch (opened) {
        /// A column may not bear the name of its table in Rust.
        #[sql_name = "epoch"]
        opened -> BigInt,
        at -> BigInt,
        opened_by -> Text,
    }
}

table! {
    meta (name) {
        name -> Text,
        value -> Text,
    }
}

table! {
    area (code) {
        code -> Text,
        parent -> Nullable<Text>,
        level -> Text,
        name -> Text,
        path -> Text,
        timezone -> Nullable<Text>,
        valid_from -> Nullable<BigInt>,
        valid_until -> Nullable<BigInt>,
    }
}

table! {
    account (id) {
        id -> BigInt,
        login -> Text,
        name -> Text,
        password -> Nullable<Text>,
        active -> Bool,
        created_at -> BigInt,
        sessions_from -> BigInt,
    }
}

table! {
    grants (id) {
        id -> BigInt,
        account -> BigInt,
        role -> Text,
        area -> Text,
        from_at -> BigInt,
        until_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        made_by -> Nullable<BigInt>,
        made_at -> BigInt,
    }
}

table! {
    enrolment (code_hash) {
        code_hash -> Binary,
        account -> BigInt,
        made_by -> BigInt,
        made_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        device -> Nullable<BigInt>,
    }
}

table! {
    device (number) {
        number -> BigInt,
        line -> BigInt,
        account -> BigInt,
        token_hash -> Binary,
        state -> Text,
        name -> Text,
        enrolled_at -> BigInt,
        seen_at -> BigInt,
        ack -> BigInt,
        marks -> Binary,
        durable -> BigInt,
        durable_next -> BigInt,
        durable_at -> BigInt,
        skew -> Nullable<BigInt>,
        epoch_seen -> BigInt,
        left_number -> Nullable<BigInt>,
        knew -> BigInt,
    }
}

table! {
    scope (id) {
        id -> BigInt,
        name -> Text,
        area -> Text,
        day -> Nullable<Text>,
        head -> BigInt,
        leaps -> Text,
        purged -> Bool,
    }
}

table! {
    scope_kind (scope_id, kind) {
        scope_id -> BigInt,
        kind -> Text,
        count -> BigInt,
        digest -> BigInt,
    }
}

table! {
    record (id) {
        /// Its 16 bytes.
        id -> Binary,
        scope_id -> BigInt,
        head -> BigInt,
        kind -> Text,
        parent -> Nullable<Text>,
        rev -> BigInt,
        created_at -> BigInt,
        time -> BigInt,
        void -> Bool,
        conflicted -> Bool,
        body -> Binary,
        run -> BigInt,
    }
}

table! {
    exit (scope_id, record) {
        scope_id -> BigInt,
        record -> Text,
        head -> BigInt,
        reason -> Text,
        to_scope -> Nullable<BigInt>,
        at -> BigInt,
    }
}

table! {
    history (id) {
        id -> BigInt,
        record -> Text,
        field -> Text,
        rev -> BigInt,
        stamp -> Text,
        device -> BigInt,
        seq -> BigInt,
        account -> BigInt,
        at -> BigInt,
        value -> Binary,
    }
}

table! {
    parked (id) {
        id -> BigInt,
        device -> BigInt,
        line -> BigInt,
        seq -> BigInt,
        account -> BigInt,
        verdict -> Text,
        code -> Text,
        detail -> Text,
        kind -> Nullable<Text>,
        record -> Nullable<Text>,
        area -> Nullable<Text>,
        waits_for -> Nullable<Text>,
        content_hash -> Binary,
        body -> Binary,
        stamp -> Nullable<Text>,
        raw -> Nullable<Text>,
        clock -> Nullable<Text>,
        base -> Nullable<BigInt>,
        at -> BigInt,
        late -> Bool,
        state -> Text,
        resolved_by -> Nullable<BigInt>,
        resolved_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}

table! {
    kind (name, schema) {
        name -> Text,
        schema -> BigInt,
        definition -> Text,
        at -> BigInt,
    }
}

table! {
    policy (version) {
        version -> BigInt,
        body -> Text,
        at -> BigInt,
        account -> Nullable<BigInt>,
    }
}

table! {
    tally (scope_id, kind) {
        scope_id -> BigInt,
        kind -> Text,
        body -> Binary,
    }
}

table! {
    lookup (run, bucket) {
        run -> BigInt,
        bucket -> BigInt,
        body -> Binary,
    }
}

table! {
    lookup_batch (id) {
        id -> BigInt,
        run -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    lookup_run (run) {
        run -> BigInt,
        at -> BigInt,
    }
}

table! {
    purged (id) {
        /// Its 16 bytes.
        id -> Binary,
        at -> BigInt,
    }
}

table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        account -> BigInt,
        device -> Nullable<BigInt>,
        action -> Text,
        scope_id -> Nullable<BigInt>,
        from_head -> Nullable<BigInt>,
        to_head -> Nullable<BigInt>,
        record -> Nullable<Text>,
        count -> BigInt,
        purpose -> Nullable<Text>,
    }
}

table! {
    alert (id) {
        id -> Text,
        at -> BigInt,
        code -> Text,
        area -> Nullable<Text>,
        scope_id -> Nullable<BigInt>,
        record -> Nullable<Text>,
        device -> Nullable<BigInt>,
        detail -> Text,
        state -> Text,
        closed_by -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
    }
}

table! {
    idempotency (account, key) {
        key -> Text,
        account -> BigInt,
        at -> BigInt,
        status -> BigInt,
        reply -> Binary,
    }
}

table! {
    backup (id) {
        id -> Text,
        at -> BigInt,
        epoch -> BigInt,
        name -> Text,
        sha256 -> Text,
        bytes -> BigInt,
        confirmed_at -> Nullable<BigInt>,
    }
}

table! {
    backup_ack (backup, device) {
        backup -> Text,
        device -> BigInt,
        ack -> BigInt,
    }
}

allow_tables_to_appear_in_same_query!(
    epoch,
    meta,
    area,
    account,
    grants,
    enrolment,
    device,
    scope,
    scope_kind,
    record,
    exit,
    history,
    parked,
    kind,
    policy,
    tally,
    lookup,
    lookup_batch,
    lookup_run,
    purged,
    audit,
    alert,
    idempotency,
    backup,
    backup_ack,
);
