//! Plugins in C, compiled by the test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `tests/plugins/NAME.c` into `folder`, with macros defined.
pub(crate) fn compile(name: &str, folder: &Path, macros: &[&str]) -> PathBuf {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join(format!("lib{name}{}.so", macros.concat()));
    let output = Command::new("cc")
        .args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread"])
        .args(macros.iter().map(|m| format!("-D{m}")))
        .arg(format!("-I{}", host.join("../abi/include").display()))
        .arg("-o")
        .arg(&library)
        .arg(host.join(format!("tests/plugins/{name}.c")))
        .output()
        .unwrap_or_else(|e| panic!("cc cannot be run ({e}): install the Debian package build-essential"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}
