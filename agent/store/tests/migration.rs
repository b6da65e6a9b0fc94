//! Files of other versions: firmware is updated, and rolls back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cwmp_store::{open, Health, Op, Phase};
use rusqlite::Connection;
use tempfile::TempDir;

/// A store of each version of the schema, as it was left by an agent of that time.
const VERSIONS: [&str; 2] = [include_str!("stores/version-1.sql"), include_str!("stores/version-2.sql")];
/// What a later version may add.
const NEWER: &str = include_str!("stores/newer.sql");
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const LEVEL: &str = "Device.X_CWMPD_Demo.Level";

/// A file with the outcome of these texts.
fn store(texts: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let connection = Connection::open(&path).unwrap();
    for text in texts {
        connection.execute_batch(text).unwrap();
    }
    (directory, path)
}

fn text(path: &Path, sql: &str) -> String {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The columns of a file by table: their declarations, and whether a row may do without.
fn columns(path: &Path) -> BTreeMap<(String, String), (String, bool)> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT m.name, c.name, c.type || ' ' || c.pk || ' ' || c.\"notnull\",
                c.\"notnull\" = 0 OR c.dflt_value IS NOT NULL
             FROM sqlite_master AS m, pragma_table_info(m.name) AS c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .unwrap();
    let rows = statement.query_map([], |r| Ok(((r.get(0)?, r.get(1)?), (r.get(2)?, r.get(3)?)))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn an_older_store_keeps_its_rows_and_gets_the_new_tables() {
    for version in VERSIONS {
        let (_directory, path) = store(&[version]);
        let mut opened = open(&path);
        assert_eq!(opened.health, Health::Ok);
        let state = &opened.state;
        let event = &state.events[&6];
        assert_eq!((event.code.as_str(), event.command_key.as_str()), ("M Reboot", "from the ACS"));
        assert_eq!(state.settings["Device.DeviceInfo.ProvisioningCode"], "code");
        assert_eq!(state.meta["boot_id"], "boot 1");
        let lamp = &state.attributes["Device.X_CWMPD_Demo.Lamp.3.Brightness"];
        assert_eq!(lamp.access_list.as_deref(), Some(&["Subscriber".to_owned()][..]));
        assert_eq!((state.reported[LEVEL].kind, state.reported[LEVEL].value.as_str()), (3, "55"));
        assert!(state.pending.contains(LEVEL));
        let table = &state.tables[LAMPS];
        assert_eq!((table.highest, table.rows[&3].alias.as_deref()), (4, Some("kitchen")));

        let later = Op::PutSchedule { id: 2, due_unix: 5, command_key: "k".into() };
        let journal = Op::PutTransaction { txn: 1, phase: Phase::Prepare, changes: Vec::new() };
        opened.store.commit(&[later, journal]).unwrap();
        drop(opened);
        let again = open(&path);
        assert_eq!(again.state.schedule[&2].due_unix, 5);
        assert_eq!(again.state.transactions[&1].phase, Phase::Prepare);
    }
}

/// Whoever adds a step leaves a store of the version before it here.
#[test]
fn every_version_has_a_store_here_and_ends_as_a_new_one_is() {
    let (_directory, new) = store(&[]);
    drop(open(&new));
    assert_eq!(
        text(&new, "SELECT CAST(user_version AS TEXT) FROM pragma_user_version"),
        VERSIONS.len().to_string()
    );
    for (number, version) in VERSIONS.into_iter().enumerate() {
        let (_directory, path) = store(&[version]);
        let wanted = (number + 1).to_string();
        assert_eq!(text(&path, "SELECT CAST(user_version AS TEXT) FROM pragma_user_version"), wanted);
        drop(open(&path));
        assert_eq!(columns(&path), columns(&new), "version {wanted}");
        let current = VERSIONS.len().to_string();
        assert_eq!(text(&path, "SELECT CAST(user_version AS TEXT) FROM pragma_user_version"), current);
    }
}

/// An agent of the version before writes rows that say nothing of what was added.
#[test]
fn a_step_only_adds_what_an_older_agent_can_do_without() {
    let mut before = BTreeMap::new();
    for version in VERSIONS.into_iter().chain([&*format!("{}{NEWER}", VERSIONS[VERSIONS.len() - 1])]) {
        let (_directory, path) = store(&[version]);
        let now = columns(&path);
        for (column, kind) in &before {
            assert_eq!(now.get(column), Some(kind), "{column:?} is what it was");
        }
        let old_tables: Vec<&String> = before.keys().map(|(table, _)| table).collect();
        for ((table, column), (_, optional)) in &now {
            let is_new =
                !before.contains_key(&(table.clone(), column.clone())) && old_tables.contains(&table);
            assert!(!is_new || *optional, "{table}.{column} may be NULL or has a default");
        }
        before = now;
    }
}

/// Firmware rolls back: what the newer agent added must still be there when it returns.
#[test]
fn a_newer_store_is_used_and_its_additions_are_left_alone() {
    let (_directory, path) = store(&[VERSIONS[1], NEWER]);
    let mut opened = open(&path);
    assert_eq!(opened.health, Health::Ok);
    assert_eq!(opened.state.settings["Device.ManagementServer.X_CWMPD_Later"], "set");
    let known: Vec<_> = opened.state.transactions.keys().collect();
    assert_eq!(known, [&77], "neither a phase that this version does not know, nor half of what it can read");
    assert_eq!(opened.state.transactions[&77].changes.len(), 2);
    assert!(!opened.state.reported.contains_key("Device.X_CWMPD_Demo.Offset"), "a kind that it cannot hold");
    assert!(!opened.state.attributes.contains_key("Device.X_CWMPD_Demo.Offset"));
    let setting = Op::PutSetting { path: "Device.DeviceInfo.ProvisioningCode".into(), value: "new".into() };
    let row = Op::PutInstance { table: LAMPS.into(), number: 3, key: None, alias: Some("cellar".into()) };
    opened.store.commit(&[setting, row, Op::RemoveTransaction { txn: 77 }]).unwrap();
    drop(opened);

    let setting =
        "SELECT value || ' ' || source FROM settings WHERE path = 'Device.DeviceInfo.ProvisioningCode'";
    assert_eq!(text(&path, setting), "new acs");
    let row = "SELECT alias || ' ' || made_by FROM instances WHERE table_path LIKE '%Lamp.' AND number = 3";
    assert_eq!(text(&path, row), "cellar acs");
    assert_eq!(text(&path, "SELECT pem FROM certificates"), "PEM");
    assert_eq!(
        text(&path, "SELECT group_concat(txn || ' ' || phase) FROM transactions"),
        "78 finish,79 commit"
    );
    assert_eq!(text(&path, "SELECT CAST(count(*) AS TEXT) FROM transaction_changes"), "3");
    assert_eq!(text(&path, "SELECT CAST(user_version AS TEXT) FROM pragma_user_version"), "99");
}

#[test]
fn a_factory_reset_empties_the_tables_of_a_newer_version_too() {
    let (_directory, path) = store(&[VERSIONS[1], NEWER]);
    open(&path).store.commit(&[Op::Wipe { keep_meta: Vec::new() }]).unwrap();
    let left = "SELECT CAST((SELECT count(*) FROM certificates) + (SELECT count(*) FROM uses) AS TEXT)";
    assert_eq!(text(&path, left), "0");
}
