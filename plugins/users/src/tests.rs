use std::path::Path;

use cwmp_plugin_sdk::testing::Harness;

use super::*;

const USER: &str = "Device.Users.User.";
const GROUP: &str = "Device.Users.Group.";
const SHELL: &str = "Device.Users.SupportedShell.";

/// A machine of files.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let new = Self { folder: tempfile::tempdir().unwrap() };
        new.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ntv:x:100:44::/opt/tv:/usr/sbin/nologin\n");
        new.write("etc/group", "root:x:0:\naudio:x:29:tv\nvideo:x:44:\n");
        new.write("etc/shells", "/bin/sh\n/bin/ash\n");
        new.write("proc/sys/kernel/cap_last_cap", "1\n");
        new
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        // As the programs do that change accounts.
        let new = file.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    fn plugin(&self) -> Harness {
        Harness::new(&PLUGIN, &format!("{{\"root\":\"{}\"}}", self.folder.path().display()))
    }
}

fn at(plugin: &Harness, table: &str, key: &str, leaf: &str) -> String {
    plugin.get(&format!("{table}{}.{leaf}", plugin.number_of(table, key))).unwrap()
}

#[test]
fn the_files_are_the_tree() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    for (name, value) in plugin.tree() {
        value.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert_eq!(plugin.get("Device.Users.SupportedCapabilities").unwrap(), "CAP_CHOWN,CAP_DAC_OVERRIDE");
    assert_eq!(plugin.rows(USER).unwrap().len(), 2);
    assert_eq!(at(&plugin, USER, "tv", "UserID"), "100");
    let groups = at(&plugin, USER, "tv", "GroupParticipation");
    let names: Vec<String> =
        groups.split(',').map(|g| plugin.get(&format!("{g}.Groupname")).unwrap()).collect();
    assert_eq!(names, ["video", "audio"]);
    assert_eq!(at(&plugin, GROUP, "video", "GroupID"), "44");
    assert_eq!(at(&plugin, USER, "tv", "Shell"), "", "a shell that nobody may log in with");
    let shell = at(&plugin, USER, "root", "Shell");
    assert_eq!(plugin.get(&format!("{shell}.Name")).unwrap(), "/bin/sh");
    assert_eq!(plugin.rows(SHELL).unwrap().len(), 2);
}

#[test]
fn nothing_of_it_can_be_set_and_no_password_is_told() {
    let machine = Machine::new();
    let mut plugin = machine.plugin();
    let root = format!("{USER}{}.", plugin.number_of(USER, "root"));
    plugin.rows(USER).unwrap();
    assert!(plugin.set(&[(&format!("{root}Enable"), "false")]).is_err());
    assert!(plugin.delete(&root).is_err());
    assert!(plugin.describe().iter().all(|node| !node.path.ends_with("Password")));
}

/// C51: accounts that come are announced when their files change.
#[test]
fn what_changes_is_announced() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    for table in [USER, GROUP, SHELL] {
        plugin.rows(table).unwrap();
    }
    machine.write("etc/group", "root:x:0:\naudio:x:29:\nvideo:x:44:\n");
    let user = format!("{USER}{}.GroupParticipation", plugin.number_of(USER, "tv"));
    while !plugin.wait_changed().contains(&user) {}
    machine.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nmore:x:101:44:::/bin/sh\ntv:x:100:44:::\n");
    let end = std::time::Instant::now() + cwmp_plugin_sdk::testing::PATIENCE;
    while !plugin.tables_changed().contains(&USER.to_owned()) {
        assert!(std::time::Instant::now() < end, "nothing was announced");
        std::thread::yield_now();
    }
    assert_eq!(at(&plugin, USER, "more", "UserID"), "101");
}

#[test]
fn this_machine_has_values_for_everything() {
    assert!(Path::new("/etc/passwd").exists());
    let plugin = Harness::new(&PLUGIN, "{}");
    for (name, value) in plugin.tree() {
        value.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert_eq!(at(&plugin, USER, "root", "UserID"), "0");
}

#[test]
fn a_file_that_is_gone_is_a_fault_and_no_empty_table() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    std::fs::remove_file(machine.folder.path().join("etc/passwd")).unwrap();
    assert!(plugin.rows(USER).unwrap_err().text().contains("passwd"));
    assert!(plugin.rows(SHELL).is_err() || plugin.rows(SHELL).unwrap().len() == 2);
}

#[test]
fn a_user_of_many_groups_is_told_as_many_as_a_list_may_have_characters() {
    let machine = Machine::new();
    let groups: Vec<String> = (0..200).map(|i| format!("g{i}:x:{}:tv", 1_000 + i)).collect();
    machine.write("etc/group", &groups.join("\n"));
    let plugin = machine.plugin();
    let list = at(&plugin, USER, "tv", "GroupParticipation");
    assert!(list.len() <= LIST && list.len() + 30 > LIST, "{}", list.len());
}
