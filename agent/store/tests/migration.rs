//! Files of other versions.

use cwmp_store::{open, Health, Op, Phase};
use rusqlite::Connection;

/// The schema of version 1 as it was released, with a row in each table.
const VERSION_1: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, code TEXT NOT NULL, command_key TEXT NOT NULL, data TEXT NOT NULL);
    CREATE TABLE settings (path TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE attributes (path TEXT PRIMARY KEY, notification INTEGER, access_list TEXT) WITHOUT ROWID;
    CREATE TABLE reported_values (
        path TEXT PRIMARY KEY, kind INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE pending_changes (path TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE instance_tables (table_path TEXT PRIMARY KEY, highest_number INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE instances (
        table_path TEXT NOT NULL, number INTEGER NOT NULL, stable_key TEXT, alias TEXT,
        PRIMARY KEY (table_path, number)) WITHOUT ROWID;
    INSERT INTO events VALUES (4, 'M Reboot', 'key', '');
    INSERT INTO settings VALUES ('Device.ManagementServer.URL', 'http://acs/');
    INSERT INTO meta VALUES ('boot_id', 'b');
    INSERT INTO attributes VALUES ('Device.X', 2, 'Subscriber\n');
    INSERT INTO reported_values VALUES ('Device.X', 3, '17');
    INSERT INTO pending_changes VALUES ('Device.X');
    INSERT INTO instance_tables VALUES ('Device.T.', 6);
    INSERT INTO instances VALUES ('Device.T.', 2, 'mac', 'cpe-1');
    PRAGMA application_id = 0x63776d70;
    PRAGMA user_version = 1;";

/// What a later version may add.
const NEWER: &str = "
    ALTER TABLE settings ADD COLUMN source TEXT NOT NULL DEFAULT 'unknown';
    CREATE TABLE certificates (name TEXT PRIMARY KEY, pem TEXT NOT NULL);
    CREATE TABLE uses (name TEXT NOT NULL REFERENCES certificates (name));
    INSERT INTO certificates VALUES ('a', 'PEM');
    INSERT INTO uses VALUES ('a');
    INSERT INTO settings VALUES ('Device.Y', 'old', 'acs');
    INSERT INTO transactions VALUES (1, 'finish'), (2, 'commit');
    INSERT INTO transaction_changes VALUES (1, 0, 'p', 0, 1, 'Device.A', 'v'), (2, 0, 'p', 0, 1, 'Device.B', 'v');
    INSERT INTO reported_values VALUES ('Device.Z', 300, 'v');
    PRAGMA user_version = 99;";

#[test]
fn an_older_store_keeps_its_rows_and_gets_the_new_tables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();

    let mut opened = open(&path);
    assert_eq!(opened.health, Health::Ok);
    let state = &opened.state;
    assert_eq!(state.events[&4].code, "M Reboot");
    assert_eq!(state.settings["Device.ManagementServer.URL"], "http://acs/");
    assert_eq!(state.meta["boot_id"], "b");
    assert_eq!(state.attributes["Device.X"].access_list.as_deref(), Some(&["Subscriber".to_owned()][..]));
    assert_eq!((state.reported["Device.X"].kind, state.reported["Device.X"].value.as_str()), (3, "17"));
    assert!(state.pending.contains("Device.X"));
    let table = &state.tables["Device.T."];
    assert_eq!((table.highest, table.rows[&2].alias.as_deref()), (6, Some("cpe-1")));

    let later = Op::PutSchedule { id: 1, due_unix: 5, command_key: "k".into() };
    let journal = Op::PutTransaction { txn: 1, phase: Phase::Prepare, changes: Vec::new() };
    opened.store.commit(&[later, journal]).unwrap();
    drop(opened);
    let again = open(&path);
    assert_eq!((again.state.schedule[&1].due_unix, again.state.transactions.len()), (5, 1));
    let version: i32 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 2);
}

/// Firmware rolls back: what the newer agent added must still be there when it returns.
#[test]
fn a_newer_store_is_used_and_its_additions_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path));
    Connection::open(&path).unwrap().execute_batch(NEWER).unwrap();

    let mut opened = open(&path);
    assert_eq!(opened.health, Health::Ok);
    assert_eq!(opened.state.settings["Device.Y"], "old");
    assert_eq!(
        opened.state.transactions.keys().collect::<Vec<_>>(),
        [&2],
        "a phase that this version does not know"
    );
    assert_eq!(opened.state.transactions[&2].changes.len(), 1);
    assert!(!opened.state.reported.contains_key("Device.Z"), "a kind that this version cannot hold");
    opened.store.commit(&[Op::PutSetting { path: "Device.Y".into(), value: "new".into() }]).unwrap();
    drop(opened);

    let text = |sql: &str| -> String {
        Connection::open(&path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(text("SELECT value || ' ' || source FROM settings WHERE path = 'Device.Y'"), "new acs");
    assert_eq!(text("SELECT pem FROM certificates"), "PEM");
    assert_eq!(text("SELECT phase FROM transactions WHERE txn = 1"), "finish");
    assert_eq!(text("SELECT CAST(user_version AS TEXT) FROM pragma_user_version"), "99");
}

#[test]
fn a_factory_reset_empties_the_tables_of_a_newer_version_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path));
    Connection::open(&path).unwrap().execute_batch(NEWER).unwrap();
    open(&path).store.commit(&[Op::Wipe { keep_meta: Vec::new() }]).unwrap();
    let left: u32 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT (SELECT count(*) FROM certificates) + (SELECT count(*) FROM uses)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(left, 0);
}
