//! `docs/integrator.md` is true: it has every key with its default, its files are taken, and its commands put things where
//! the programs look for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cwmp_bus::manifest::Deadlines;
use cwmp_bus::Manifest;
use cwmpd::config::{Config, IdentityConfig};
use cwmpd::identity::Identity;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The fenced blocks of the page that begin so: what follows on the fence, and the text.
fn blocks(kind: &str) -> Vec<(String, String)> {
    let page = std::fs::read_to_string(root().join("docs/integrator.md")).unwrap();
    let mut found = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (fence, text) = block.split_once('\n').unwrap();
        if let Some(rest) = fence.strip_prefix(kind) {
            found.push((rest.trim().to_owned(), format!("{text}\n")));
        }
    }
    found
}

fn one(kind: &str) -> String {
    let found = blocks(kind);
    assert_eq!(found.len(), 1, "{kind}");
    found.into_iter().next().unwrap().1
}

/// `section.key` of every field that a value has, from its debug output.
fn fields(value: &impl std::fmt::Debug) -> BTreeSet<String> {
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in format!("{value:#?}").lines() {
        let depth = line.len() - line.trim_start().len();
        let Some((name, rest)) = line.trim().split_once(": ").filter(|_| depth <= 8) else { continue };
        if rest.ends_with(" {") {
            section = format!("{name}.");
        } else if depth == 4 {
            found.insert(name.to_owned());
        } else {
            found.insert(format!("{section}{name}"));
        }
    }
    found
}

/// The same of a TOML text. Keys in comments count, so that one without a default can be shown.
fn keys(text: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") {
            if key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
                found.insert(format!("{section}{key}"));
            }
        }
    }
    found
}

#[test]
fn every_key_is_shown_with_its_default() {
    let text = one("toml reference");
    let shown: Config = toml::from_str(&text).unwrap();
    assert_eq!(format!("{shown:#?}"), format!("{:#?}", Config::default()));
    let all = fields(&shown);
    assert!(all.len() > 30 && all.contains("acs.key"), "{all:?}");
    assert_eq!(keys(&text), all);
}

#[tokio::test]
async fn every_key_of_an_identity_is_shown() {
    let text = one("toml file=etc/cwmpd/identity.toml");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("identity.toml");
    std::fs::write(&file, &text).unwrap();
    let identity = Identity::load(&IdentityConfig { file, command: Vec::new() }).await.unwrap();
    assert_eq!(keys(&text), fields(&identity));
}

#[test]
fn every_key_of_a_manifest_is_shown() {
    let text = one("toml file=usr/lib/cwmpd/plugins/example.toml");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example.toml");
    std::fs::write(&file, &text).unwrap();
    // A new key is not built until it is here, and then not good until it is on the page.
    let Manifest { name, library, roots, models, user, deadlines, config } = Manifest::load(&file).unwrap();
    let Deadlines { get_ms: _, prepare_ms: _, commit_ms: _, hard_ms: _, invoke_ms: _ } = deadlines;
    assert_eq!(deadlines, Deadlines::default(), "the page shows the defaults");
    assert_eq!((name.as_str(), library.is_some(), roots.len(), user.is_some()), ("example", true, 1, true));
    assert_eq!((config.len(), models.len()), (1, 1));
    let mut all: BTreeSet<String> =
        ["name", "library", "roots", "models", "user", "config.colour"].map(str::to_owned).into();
    all.extend(fields(&deadlines).into_iter().map(|key| format!("deadlines.{key}")));
    assert_eq!(keys(&text), all);
}

/// A system's root as the page makes it, and what was built for it.
fn installed(folder: &Path) -> PathBuf {
    let at = |path: &str| folder.join(path);
    for source in ["agent", "bus-schemas", "plugins"] {
        std::os::unix::fs::symlink(root().join(source), at(source)).unwrap();
    }
    // A release build has our own program, and something in the place of those of other crates.
    std::fs::create_dir_all(at("target/release")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cwmpd"), at("target/release/cwmpd")).unwrap();
    for program in ["cwmpctl", "cwmp-plugin-host", "libcwmp_device_info.so"] {
        std::fs::write(at("target/release").join(program), program).unwrap();
    }
    let system = at("system");
    for (name, text) in blocks("toml file=") {
        let file = system.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    system
}

#[test]
fn the_commands_put_everything_where_the_programs_look() {
    let folder = tempfile::tempdir().unwrap();
    let system = installed(folder.path());
    let path = format!("{}:{}", system.join("usr/bin").display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for (_, text) in blocks("console") {
        for command in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            // The rest of the workspace is not built from inside a test.
            if command.starts_with("cargo build ") {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-e", "-c", command]).current_dir(folder.path());
            let output = shell.env("DEST", &system).env("PATH", &path).output().unwrap();
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            run += 1;
        }
    }
    assert!(run >= 10, "only {run} commands were found");
    let Config { plugins, store, .. } = Config::default();
    for path in [&plugins.host, &plugins.folders[0], &plugins.overlays, &plugins.models, &store.folder] {
        assert!(system.join(path.strip_prefix("/").unwrap()).exists(), "{}", path.display());
    }
    let manifests = Manifest::load_all(&[system.join("usr/lib/cwmpd/plugins")]);
    let names: Vec<String> = manifests.into_iter().map(|manifest| manifest.unwrap().name).collect();
    assert_eq!(names, ["device_info", "example"]);
    let policy = system.join("usr/share/dbus-1/system.d/org.cwmpd1.Provider.device_info.conf");
    let policy = std::fs::read_to_string(policy).unwrap();
    assert!(policy.contains("<allow own=\"org.cwmpd1.Provider.device_info\"/>"), "{policy}");
    assert!(policy.contains("<policy user=\"cwmp-device_info\">"), "{policy}");
}
