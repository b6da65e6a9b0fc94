//! Where the programs under test are.

use std::path::PathBuf;

/// A program or library that was built with the tests: `cwmpd`, `libcwmp_demo.so`.
///
/// # Panics
/// If it was not built.
#[track_caller]
pub fn binary(name: &str) -> PathBuf {
    // This test is target/PROFILE/deps/TEST.
    let test = std::env::current_exe().expect("a test knows its own file");
    let deps = test.parent().expect("a file is in a folder");
    let profile = deps.parent().expect("deps is in the folder of the profile");
    let file = profile.join(name);
    assert!(
        file.exists(),
        "{} is missing: run tests/run, or cargo build --workspace --all-features",
        file.display()
    );
    file
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
