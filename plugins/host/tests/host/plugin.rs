//! Plugins in C and in Rust, compiled by the test.

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

/// Compiles `tests/plugins/NAME.rs` into `folder`, against the ABI and nothing else, with a configuration set.
pub(crate) fn compile_rust(name: &str, folder: &Path, cfg: &str) -> PathBuf {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rustc = |arguments: &[&str], source: PathBuf| {
        let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition", "2021", "--out-dir"])
            .arg(folder)
            .args(arguments)
            .arg(source)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    rustc(&["--crate-type", "rlib", "--crate-name", "cwmp_plugin_abi"], host.join("../abi/src/lib.rs"));
    let crate_name = format!("{name}_{cfg}");
    let abi = format!("cwmp_plugin_abi={}", folder.join("libcwmp_plugin_abi.rlib").display());
    let check = "cfg(older, newer)";
    let arguments = [
        "--crate-type",
        "cdylib",
        "--crate-name",
        &crate_name,
        "--cfg",
        cfg,
        "--check-cfg",
        check,
        "--extern",
        &abi,
    ];
    rustc(&arguments, host.join(format!("tests/plugins/{name}.rs")));
    folder.join(format!("lib{crate_name}.so"))
}
