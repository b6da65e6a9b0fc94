//! Where the programs under test are.

use std::path::PathBuf;

/// A program or library that was built with the tests: `cwmpd`, `libcwmp_demo.so`.
///
/// # Panics
/// If it was not built.
#[track_caller]
pub fn binary(name: &str) -> PathBuf {
    // A test is target/PROFILE/deps/TEST, a program target/PROFILE/PROGRAM.
    let own = std::env::current_exe().expect("a program knows its own file");
    let folder = own.parent().expect("a file is in a folder");
    let own = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    // The benchmark is built elsewhere than what it measures.
    let other = std::env::var_os("CWMP_BINARIES").map(PathBuf::from);
    let profile = other.as_deref().unwrap_or(own);
    let file = profile.join(name);
    if name == DEMO_C {
        make_demo_c(profile);
    }
    assert!(
        file.exists(),
        "{} is missing: run tests/run, or cargo build --workspace --all-features",
        file.display()
    );
    file
}

/// The one plugin that cargo does not build.
const DEMO_C: &str = "libcwmp_demo_c.so";

/// Builds the plugin in C once.
fn make_demo_c(folder: &std::path::Path) {
    static MADE: std::sync::Once = std::sync::Once::new();
    MADE.call_once(|| {
        // Several tests may build at the same time, and a plugin must not change under one that runs: each builds its own
        // and puts it in place whole.
        let own = tempfile::tempdir_in(folder).expect("the folder of the build can be written to");
        let made = std::process::Command::new("make")
            .arg("-sC")
            .arg(root().join("plugins/demo-c"))
            .arg(format!("OUT={}", own.path().display()))
            .status()
            .expect("make can be run: the Debian package build-essential has it");
        assert!(made.success(), "demo-c does not build");
        std::fs::rename(own.path().join(DEMO_C), folder.join(DEMO_C)).expect("the same file system");
    });
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
