//! The layout of the ABI is a promise: the header, the Rust mirror and the numbers in `layout/` say the same, for 64 bits and
//! for ARMv7; and the header is clean C99 and C++17.
//!
//! Members are only ever appended. Then `UPDATE_LAYOUT=1 cargo test -p cwmp-plugin-abi` adds their lines; a line that
//! changes is a broken promise.

use std::fmt::Write as _;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::{Command, Output};

use cwmp_plugin_abi::{status, Arg, Change, Host, Kv, Lookup, Node, Plugin, ReqInfo, Row, Str};

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Werror"];
const ARMV7_C: &str = "--target=armv7-linux-gnueabihf";
const ARMV7_RUST: &str = "armv7-unknown-linux-gnueabihf";

/// A struct as C and Rust see it.
struct Layout {
    c: &'static str,
    rust: &'static str,
    size: usize,
    align: usize,
    members: Vec<Member>,
}

struct Member {
    c: &'static str,
    rust: &'static str,
    offset: usize,
    size: usize,
}

/// The size of what the function gives: a member has no type to name.
fn size_given<T, M>(_: fn(&T) -> &M) -> usize {
    size_of::<M>()
}

macro_rules! layout {
    ($c:literal, $rust:ident, [$($member:ident $(=> $cmember:literal)?),* $(,)?]) => {
        Layout {
            c: $c,
            rust: stringify!($rust),
            size: size_of::<$rust>(),
            align: align_of::<$rust>(),
            members: vec![$(Member {
                c: { let name = stringify!($member); $(let name = if $cmember.is_empty() { name } else { $cmember };)? name },
                rust: stringify!($member),
                offset: offset_of!($rust, $member),
                size: size_given(|all: &$rust| &all.$member),
            }),*],
        }
    };
}

/// Every struct of the header, with every member.
fn layouts() -> Vec<Layout> {
    vec![
        layout!("cwmp_str", Str, [ptr, len]),
        layout!("cwmp_kv", Kv, [key, value]),
        layout!("cwmp_arg", Arg, [key, value, fd, zero]),
        layout!("cwmp_node", Node, [path, kind => "type", flags, facets]),
        layout!("cwmp_change", Change, [op, kind => "type", path, value]),
        layout!("cwmp_row", Row, [number, flags, key, alias]),
        layout!("cwmp_req_info", ReqInfo, [struct_size, origin, deadline_ms, zero, session]),
        layout!("cwmp_lookup", Lookup, [struct_size, zero, number_of, key_of]),
        layout!(
            "cwmp_host",
            Host,
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
                extension,
                job_begin,
                job_put,
                job_progress,
                job_cancelled,
                job_end
            ]
        ),
        layout!(
            "cwmp_plugin",
            Plugin,
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
                extension,
                job_cancel
            ]
        ),
    ]
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn include() -> String {
    format!("-I{}", folder().join("include").display())
}

/// Compiles a text with `compiler`, to `out` in a folder of its own, and gives what it wrote there.
fn compile(compiler: &str, arguments: &[&str], name: &str, text: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join(name);
    std::fs::write(&source, text).unwrap();
    let package = if compiler == "clang" { "clang" } else { "build-essential" };
    // Not /dev/null: a compiler that runs as root and fails removes its output.
    let out = folder.path().join("out");
    let output = Command::new(compiler)
        .args(arguments)
        .args(WARNINGS)
        .arg(include())
        .arg("-o")
        .arg(&out)
        .arg(&source)
        .output()
        .unwrap_or_else(|e| panic!("{compiler} cannot be run ({e}): install the Debian package {package}"));
    (output, String::from_utf8_lossy(&std::fs::read(out).unwrap_or_default()).into_owned())
}

fn good(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lines as in `layout/`: a struct with its size and alignment, a member with its offset and size.
fn lines(layouts: &[Layout], number: impl Fn(usize) -> usize) -> Vec<String> {
    let mut count = 0;
    let mut next = || {
        count += 1;
        number(count - 1)
    };
    let mut lines = Vec::new();
    for layout in layouts {
        lines.push(format!("{} {} {}", layout.c, next(), next()));
        for member in &layout.members {
            lines.push(format!("{}.{} {} {}", layout.c, member.c, next(), next()));
        }
    }
    lines
}

/// The numbers of [`lines`] as the mirror has them here.
fn numbers_here(layouts: &[Layout]) -> Vec<usize> {
    let of = |layout: &Layout| {
        let members = layout.members.iter().flat_map(|m| [m.offset, m.size]);
        [layout.size, layout.align].into_iter().chain(members).collect::<Vec<_>>()
    };
    layouts.iter().flat_map(of).collect()
}

/// The numbers of [`lines`] as a C compiler has them: it writes them as data of an assembly, which needs no linker, no
/// library and no machine of that kind.
fn numbers_of(compiler: &str, arguments: &[&str], layouts: &[Layout]) -> Vec<usize> {
    let mut text = String::from(
        "#include <cwmp_plugin.h>\nextern const unsigned numbers[];\nconst unsigned numbers[] = {\n",
    );
    for layout in layouts {
        let c = layout.c;
        // One more than each: a zero could be written in other ways.
        writeln!(text, "1 + sizeof({c}), 1 + _Alignof({c}),").unwrap();
        for Member { c: member, .. } in &layout.members {
            writeln!(text, "1 + offsetof({c}, {member}), 1 + sizeof((({c} *)0)->{member}),").unwrap();
        }
    }
    text.push_str("};\n");
    let arguments = [arguments, &["-std=gnu11", "-ffreestanding", "-S"]].concat();
    let (output, assembly) = compile(compiler, &arguments, "numbers.c", &text);
    good(&output);
    let number = |line: &str| {
        let mut words = line.split_whitespace();
        let is_data = matches!(words.next(), Some(".long" | ".4byte" | ".word"));
        words.next().filter(|_| is_data)?.parse::<usize>().ok().map(|n| n - 1)
    };
    assembly.lines().filter_map(number).collect()
}

/// The structs that cannot even grow: one is passed by value, and neither says anywhere how large it is.
const FIXED: [&str; 2] = ["cwmp_str", "cwmp_row"];

/// The one constant that grows: whoever reads it asks for at least so much.
const GROWS: &str = "CWMP_ABI_MINOR";

/// Whether a line keeps to a promise: it is the same, or the size of a struct that has grown, or the minor version.
fn keeps(promised: &str, now: &str) -> bool {
    let minor = |line: &str| {
        let value = line.strip_prefix(GROWS)?.trim().strip_suffix('u')?;
        value.parse::<u16>().ok()
    };
    if let (Some(before), Some(after)) = (minor(promised), minor(now)) {
        return after >= before;
    }
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    match (words(promised).as_slice(), words(now).as_slice()) {
        (a, b) if a == b => true,
        ([name, before, align], [same, size, other]) if name == same && align == other => {
            let is_struct =
                name.starts_with("cwmp_") && !name.contains('.') && !FIXED.contains(&name.as_str());
            is_struct && size.parse::<usize>().ok() > before.parse().ok()
        }
        _ => false,
    }
}

/// Compares with a file of `layout/`; with `UPDATE_LAYOUT` also writes it, as far as no promise is broken.
fn compare(file: &str, now: &[String]) {
    let file = folder().join("layout").join(file);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    for line in text.lines() {
        assert!(now.iter().any(|n| keeps(line, n)), "{}: the promise '{line}' is broken", file.display());
    }
    if std::env::var_os("UPDATE_LAYOUT").is_some() {
        std::fs::write(&file, now.join("\n") + "\n").unwrap();
        return;
    }
    for line in now {
        assert!(text.lines().any(|l| l == line), "{}: '{line}' is new: UPDATE_LAYOUT=1", file.display());
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_mirror_and_the_header_keep_the_layout_of_64_bits() {
    let all = layouts();
    let (rust, c) = (numbers_here(&all), numbers_of("cc", &[], &all));
    compare("64-bit.txt", &lines(&all, |i| rust[i]));
    compare("64-bit.txt", &lines(&all, |i| c[i]));
}

#[test]
fn the_header_keeps_the_layout_of_armv7() {
    let all = layouts();
    let c = numbers_of("clang", &[ARMV7_C], &all);
    compare("armv7.txt", &lines(&all, |i| c[i]));
}

/// Skipped, with the reason, where rustc has nothing for this target: `rustup target add armv7-unknown-linux-gnueabihf`.
#[test]
fn the_mirror_keeps_the_layout_of_armv7() {
    let out = tempfile::tempdir().unwrap();
    let rustc = |arguments: &[&str], source: &Path| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        Command::new(rustc)
            .args(["--edition", "2021", "--target", ARMV7_RUST, "--emit", "metadata", "--out-dir"])
            .arg(out.path())
            .args(arguments)
            .arg(source)
            .output()
            .unwrap()
    };
    let library =
        rustc(&["--crate-type", "rlib", "--crate-name", "cwmp_plugin_abi"], &folder().join("src/lib.rs"));
    let said = String::from_utf8_lossy(&library.stderr);
    if said.contains("can't find crate for") {
        eprintln!("skipped: rustc has no library for {ARMV7_RUST}");
        return;
    }
    good(&library);
    let promised = std::fs::read_to_string(folder().join("layout/armv7.txt")).unwrap();
    let promised = |name: String| -> (usize, usize) {
        let line = promised.lines().find_map(|l| l.strip_prefix(&format!("{name} ")));
        let (a, b) = line.unwrap_or_else(|| panic!("{name} is not promised")).split_once(' ').unwrap();
        (a.parse().unwrap(), b.parse().unwrap())
    };
    let mut text = String::from(
        "use cwmp_plugin_abi::*;\nuse std::mem::{align_of, offset_of, size_of};\n\
         const fn given<T, M>(_: fn(&T) -> &M) -> usize { size_of::<M>() }\n",
    );
    let mut count = 0;
    for layout in layouts() {
        let (size, align) = promised(layout.c.to_owned());
        let rust = layout.rust;
        writeln!(
            text,
            "const _: () = assert!(size_of::<{rust}>() == {size} && align_of::<{rust}>() == {align});"
        )
        .unwrap();
        for member in &layout.members {
            let (offset, size) = promised(format!("{}.{}", layout.c, member.c));
            let name = member.rust;
            writeln!(
                text,
                "const _: () = assert!(offset_of!({rust}, {name}) == {offset} && given(|a: &{rust}| &a.{name}) == {size});"
            )
            .unwrap();
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
    let check = |text: &str| {
        let source = out.path().join("layout.rs");
        std::fs::write(&source, text).unwrap();
        let library = format!("cwmp_plugin_abi={}", out.path().join("libcwmp_plugin_abi.rmeta").display());
        rustc(&["--crate-type", "rlib", "--extern", &library], &source)
    };
    good(&check(&text));
    // And it would be found out.
    let wrong = text.replacen("offset_of!(Plugin, get) == ", "offset_of!(Plugin, get) == 1 + ", 1);
    assert_ne!(wrong, text);
    assert!(!check(&wrong).status.success());
}

/// A member that is not listed would leave a gap.
#[test]
fn every_member_is_listed() {
    for layout in layouts() {
        let mut end = 0;
        for member in &layout.members {
            let gap = member.offset - end;
            assert!(gap < member.size.min(layout.align), "{}: before {} is something", layout.c, member.c);
            end = member.offset + member.size;
        }
        assert!(layout.size - end < layout.align, "{}: something follows", layout.c);
    }
    let header = std::fs::read_to_string(folder().join("include/cwmp_plugin.h")).unwrap();
    assert_eq!(header.matches("typedef struct ").count(), layouts().len());
}

/// What numbers mean is as much a promise as where they stand.
#[test]
fn the_constants_are_those_of_before() {
    let header = std::fs::read_to_string(folder().join("include/cwmp_plugin.h")).unwrap();
    let constant = |line: &str| {
        let (name, rest) = line.strip_prefix("#define ")?.split_once(' ')?;
        let value = rest.split("/*").next()?.trim();
        (name.starts_with("CWMP_") && !name.contains('(')).then(|| format!("{name} {value}"))
    };
    let all: Vec<String> = header.lines().filter_map(constant).collect();
    assert!(all.len() > 50, "{all:?}");
    compare("constants.txt", &all);
    for (name, value) in [
        ("OK_AFTER_REBOOT", status::OK_AFTER_REBOOT),
        ("OK_AFTER_SESSION", status::OK_AFTER_SESSION),
        ("PENDING", status::PENDING),
    ] {
        assert!(all.contains(&format!("CWMP_{name} {value}")), "{name}");
    }
    for (name, value) in [
        ("E_INTERNAL", status::E_INTERNAL),
        ("E_DENIED", status::E_DENIED),
        ("E_ARGUMENTS", status::E_ARGUMENTS),
        ("E_RESOURCES", status::E_RESOURCES),
        ("E_NAME", status::E_NAME),
        ("E_TYPE", status::E_TYPE),
        ("E_VALUE", status::E_VALUE),
        ("E_NOT_WRITABLE", status::E_NOT_WRITABLE),
        ("E_NOTIFICATION", status::E_NOTIFICATION),
        ("E_CANCELLED", status::E_CANCELLED),
        ("E_UNSUPPORTED", status::E_UNSUPPORTED),
        ("E_BUSY", status::E_BUSY),
    ] {
        assert!(all.contains(&format!("CWMP_{name} ({value})")), "{name}");
    }
}

#[test]
fn the_header_is_clean_c99_and_cpp17() {
    let text = "#include <cwmp_plugin.h>\nint has(const cwmp_host *h);\nint has(const cwmp_host *h) { return CWMP_HAS(h, store_list) != 0; }\n";
    good(&compile("cc", &["-std=gnu99", "-pedantic", "-c"], "a.c", text).0);
    good(&compile("c++", &["-std=gnu++17", "-pedantic", "-c"], "a.cpp", text).0);
    good(&compile("clang", &["-std=gnu99", "-pedantic", "-c"], "a.c", text).0);
}

/// A host of minor version 0 ends where its successors go on, and the header's number is the mirror's.
#[test]
fn each_minor_version_is_known_by_its_size() {
    let last = offset_of!(Host, extension) + size_of::<usize>();
    assert_eq!(cwmp_plugin_abi::HOST_MINOR_0, last);
    let header = std::fs::read_to_string(folder().join("include/cwmp_plugin.h")).unwrap();
    assert!(header.contains(&format!("ABI major 1, minor {}.", cwmp_plugin_abi::MINOR)));
    assert!(header.contains(&format!("{GROWS} {}u", cwmp_plugin_abi::MINOR)));
}

#[test]
fn statuses_have_their_fault_codes() {
    assert_eq!(status::fault_code(status::E_NAME), 9005);
    assert_eq!(status::fault_code(status::E_NOTIFICATION), 9009);
    assert_eq!(status::fault_code(status::E_BUSY), 9002);
    assert_eq!(status::fault_code(-999), 9002);
}

#[test]
fn a_broken_promise_is_found_out() {
    for (before, now, good) in [
        ("cwmp_plugin.get 136 8", "cwmp_plugin.get 136 8", true),
        ("cwmp_plugin.get 136 8", "cwmp_plugin.get 144 8", false),
        ("cwmp_plugin.get 136 8", "cwmp_plugin.get 136 16", false),
        ("cwmp_plugin 232 8", "cwmp_plugin 240 8", true),
        ("cwmp_plugin 232 8", "cwmp_plugin 224 8", false),
        ("cwmp_plugin 232 8", "cwmp_plugin 240 16", false),
        ("cwmp_row 40 8", "cwmp_row 48 8", false),
        ("CWMP_PENDING 1", "CWMP_PENDING 2", false),
        ("CWMP_ABI_MINOR 1u", "CWMP_ABI_MINOR 2u", true),
        ("CWMP_ABI_MINOR 1u", "CWMP_ABI_MINOR 0u", false),
    ] {
        assert_eq!(keeps(before, now), good, "{before}: {now}");
    }
    // A member that is gone.
    let all = layouts();
    let mut now = lines(&all, |i| numbers_here(&all)[i]);
    now.retain(|line| !line.starts_with("cwmp_plugin.get "));
    let file = if cfg!(target_pointer_width = "64") { "64-bit.txt" } else { "armv7.txt" };
    assert!(std::panic::catch_unwind(|| compare(file, &now)).is_err());
}
