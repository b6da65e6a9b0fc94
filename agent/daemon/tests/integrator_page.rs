//! `docs/integrator.md` is true: its files are taken, and its commands put things where the programs look for them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Every key is in `docs/configuration.md`; here are examples, and they must be good ones.
#[tokio::test]
async fn the_files_of_the_page_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let file = folder.path().join(Path::new(name).file_name().unwrap());
        std::fs::write(&file, one(&format!("toml file={name}"))).unwrap();
        file
    };
    let config = Config::load(&write("etc/cwmpd/cwmpd.toml")).unwrap();
    assert!(!config.acs.url.is_empty());
    let file = write("etc/cwmpd/identity.toml");
    Identity::load(&IdentityConfig { file, command: Vec::new() }).await.unwrap();
    Manifest::load(&write("usr/lib/cwmpd/plugins/example.toml")).unwrap();
}

/// A system's root as the page makes it, and what was built for it.
fn installed(folder: &Path) -> PathBuf {
    let at = |path: &str| folder.join(path);
    for source in ["agent", "bus-schemas", "plugins", "Makefile", "Cargo.toml", "Cargo.lock", "LICENSE"] {
        std::os::unix::fs::symlink(root().join(source), at(source)).unwrap();
    }
    // A release build has our own program, and something in the place of those of other crates.
    std::fs::create_dir_all(at("target/release")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cwmpd"), at("target/release/cwmpd")).unwrap();
    for program in ["cwmp-plugin-host", "cwmp-plugin-try", "libcwmp_device_info.so"] {
        std::fs::write(at("target/release").join(program), program).unwrap();
    }
    // It is asked for its completions.
    std::fs::write(at("target/release/cwmpctl"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(at("target/release/cwmpctl"), std::fs::Permissions::from_mode(0o755)).unwrap();
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
            if command.starts_with("make build ") {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-e", "-c", command]).current_dir(folder.path());
            let output = shell.env("DEST", &system).env("PATH", &path).output().unwrap();
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            run += 1;
        }
    }
    assert!(run >= 2, "only {run} commands were found");
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
