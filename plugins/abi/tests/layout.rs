//! The Rust mirror has the layout of the header, and the header is clean C99 and C++17.

use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::{Command, Output};

use cwmp_plugin_abi::{status, Arg, Change, Host, Kv, Lookup, Node, Plugin, ReqInfo, Row, Str};

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Werror"];

fn include() -> String {
    format!("-I{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("include").display())
}

/// Compiles a text with `compiler`; its own folder is gone afterwards.
fn compile(compiler: &str, arguments: &[&str], name: &str, text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join(name);
    std::fs::write(&source, text).unwrap();
    Command::new(compiler)
        .args(arguments)
        .args(WARNINGS)
        .args([&include(), "-c", "-o"])
        // Not /dev/null: a compiler that runs as root and fails removes its output.
        .arg(folder.path().join("out.o"))
        .arg(&source)
        .output()
        .unwrap_or_else(|e| {
            panic!("{compiler} cannot be run ({e}): install the Debian package build-essential")
        })
}

fn good(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

macro_rules! offsets {
    ($out:ident, $rust:ident, $c:literal, [$($member:ident $(=> $cmember:literal)?),* $(,)?]) => {
        writeln!($out, "_Static_assert(sizeof(cwmp_{}) == {}, \"size\");", $c, size_of::<$rust>()).unwrap();
        $(
            let name = stringify!($member);
            $(let name = if $cmember.is_empty() { name } else { $cmember };)?
            writeln!($out, "_Static_assert(offsetof(cwmp_{}, {name}) == {}, \"{name}\");", $c, offset_of!($rust, $member)).unwrap();
        )*
    };
}

fn assertions() -> String {
    let mut out = String::from("#include <cwmp_plugin.h>\n");
    offsets!(out, Str, "str", [ptr, len]);
    offsets!(out, Kv, "kv", [key, value]);
    offsets!(out, Arg, "arg", [key, value, fd, zero]);
    offsets!(out, Node, "node", [path, kind => "type", flags, facets]);
    offsets!(out, Change, "change", [op, kind => "type", path, value]);
    offsets!(out, Row, "row", [number, flags, key, alias]);
    offsets!(out, ReqInfo, "req_info", [struct_size, origin, deadline_ms, zero, session]);
    offsets!(out, Lookup, "lookup", [struct_size, zero, number_of, key_of]);
    offsets!(
        out,
        Host,
        "host",
        [
            struct_size,
            abi_major,
            abi_minor,
            change_size,
            arg_size,
            str_size,
            kv_size,
            ctx,
            put_value_at,
            put_fault_at,
            put_row,
            put_output,
            progress,
            cancelled,
            req_info,
            req_done,
            changed,
            instances_changed,
            event,
            log,
            store_put,
            store_get,
            store_delete,
            store_list,
            extension
        ]
    );
    offsets!(
        out,
        Plugin,
        "plugin",
        [
            magic,
            struct_size,
            abi_major,
            abi_minor,
            threads,
            node_size,
            kv_size,
            str_size,
            zero,
            name,
            version,
            build,
            nodes,
            nodes_len,
            create,
            describe,
            start,
            stop,
            destroy,
            get,
            instances,
            prepare,
            commit,
            rollback,
            finish,
            apply,
            watch,
            notice,
            invoke,
            cancel,
            extension
        ]
    );
    for (name, value) in [
        ("OK_AFTER_REBOOT", status::OK_AFTER_REBOOT),
        ("OK_AFTER_SESSION", status::OK_AFTER_SESSION),
        ("E_INTERNAL", status::E_INTERNAL),
        ("E_NOTIFICATION", status::E_NOTIFICATION),
        ("E_BUSY", status::E_BUSY),
    ] {
        writeln!(out, "_Static_assert(CWMP_{name} == {value}, \"{name}\");").unwrap();
    }
    out
}

#[test]
fn the_mirror_has_the_layout_of_the_header() {
    good(&compile("cc", &["-std=gnu11"], "layout.c", &assertions()));
}

#[test]
fn a_wrong_layout_is_found_out() {
    let wrong =
        assertions().replacen("offsetof(cwmp_plugin, get) == ", "offsetof(cwmp_plugin, get) == 1 + ", 1);
    assert_ne!(wrong, assertions());
    assert!(!compile("cc", &["-std=gnu11"], "layout.c", &wrong).status.success());
}

#[test]
fn the_header_is_clean_c99_and_cpp17() {
    let text = "#include <cwmp_plugin.h>\nint has(const cwmp_host *h);\nint has(const cwmp_host *h) { return CWMP_HAS(h, store_list) != 0; }\n";
    good(&compile("cc", &["-std=gnu99", "-pedantic"], "a.c", text));
    good(&compile("c++", &["-std=gnu++17", "-pedantic"], "a.cpp", text));
}

#[test]
fn statuses_have_their_fault_codes() {
    assert_eq!(status::fault_code(status::E_NAME), 9005);
    assert_eq!(status::fault_code(status::E_NOTIFICATION), 9009);
    assert_eq!(status::fault_code(status::E_BUSY), 9002);
    assert_eq!(status::fault_code(-999), 9002);
}
