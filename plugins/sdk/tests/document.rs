//! The page for plugin authors is true: its files are written, its commands run, its output compared.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The line that builds the host. It is not run if the host is there already, so that nothing is built twice.
const BUILD_HOST: &str = "cargo build --manifest-path cwmpd/Cargo.toml -p cwmp-plugin-host";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A fenced block: what stands behind the fence, and its lines.
struct Block {
    kind: String,
    lines: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(kind), None) => open = Some(Block { kind: kind.to_owned(), lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "the last block has no end");
    blocks
}

/// Commands, each with the output that the page shows for it.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.clone()),
            (None, None) => panic!("'{line}' comes before any command"),
        }
    }
    commands
}

/// Whether the output is as shown: `...` stands for any text, and for any number of lines when it stands alone.
fn is_as_shown(shown: &[String], output: &[&str]) -> bool {
    let Some((first, rest)) = shown.split_first() else { return output.is_empty() };
    if first == "..." {
        return (0..=output.len()).any(|skip| is_as_shown(rest, &output[skip..]));
    }
    let Some((line, left)) = output.split_first() else { return false };
    let fits = match first.split_once("...") {
        Some((before, after)) => {
            line.len() >= before.len() + after.len() && line.starts_with(before) && line.ends_with(after)
        }
        None => first == line,
    };
    fits && is_as_shown(rest, left)
}

#[test]
fn output_is_compared_line_by_line() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(is_as_shown(&shown("a = ...\nb"), &["a = 7", "b"]));
    assert!(is_as_shown(&shown("a\n...\nd"), &["a", "b", "c", "d"]));
    for (page, output) in [("a = ...", "b = 7"), ("a\nb", "a"), ("a", "a\nb"), ("a\n...\nd", "a\nb")] {
        assert!(!is_as_shown(&shown(page), &output.lines().collect::<Vec<_>>()), "{page}");
    }
}

/// One shell for the whole page: it changes folders and sets variables, as a reader's would.
struct Shell {
    shell: std::process::Child,
    folder: PathBuf,
}

impl Shell {
    fn new(folder: &Path) -> Self {
        let mut shell = Command::new("bash");
        shell.current_dir(folder).stdin(Stdio::piped()).env("CARGO_NET_OFFLINE", "true");
        // A reader's shell knows nothing of the cargo that runs this test.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_NET_OFFLINE"].contains(&name.as_str()) {
                shell.env_remove(name);
            }
        }
        shell.env_remove("RUSTFLAGS").env_remove("LD_LIBRARY_PATH");
        Self { shell: shell.spawn().unwrap(), folder: folder.to_owned() }
    }

    /// Runs a command; its output, and how it ended.
    fn run(&mut self, command: &str) -> (String, String, i32) {
        let file = |name: &str| self.folder.join(name);
        let end = file("end");
        let made = Command::new("mkfifo").arg(&end).status().unwrap();
        assert!(made.success());
        let script = format!(
            "{{ {command}\n}} >'{}' 2>'{}'; echo $? >'{}'\n",
            file("out").display(),
            file("err").display(),
            end.display()
        );
        self.shell.stdin.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
        let status = std::fs::read_to_string(&end).unwrap();
        std::fs::remove_file(&end).unwrap();
        let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
        (text("out"), text("err"), status.trim().parse().unwrap())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[test]
fn the_commands_of_the_page_for_authors_work() {
    let page = std::fs::read_to_string(root().join("docs/plugin-authors.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root(), folder.path().join("cwmpd")).unwrap();
    // The plugins of the page have what they are made of in common: it is compiled once.
    let built = tempfile::tempdir().unwrap();
    for plugin in ["load", "links"] {
        std::fs::create_dir(folder.path().join(plugin)).unwrap();
        std::os::unix::fs::symlink(built.path(), folder.path().join(plugin).join("target")).unwrap();
    }
    let hidden = tempfile::tempdir().unwrap();
    let mut shell = Shell::new(hidden.path());
    let (_, error, status) = shell.run(&format!("cd '{}'", folder.path().display()));
    assert_eq!(status, 0, "{error}");
    let is_host_there = root().join("target/debug/cwmp-plugin-host").exists();
    let (mut files, mut run) = (0, 0);
    for block in blocks(&page) {
        if let Some((_, file)) = block.kind.split_once(" file=") {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, block.lines.join("\n") + "\n").unwrap();
            files += 1;
            continue;
        }
        assert_eq!(block.kind, "console", "a block is a file or commands");
        for (command, shown) in commands(&block) {
            if command == BUILD_HOST && is_host_there {
                continue;
            }
            let (output, error, status) = shell.run(&command);
            assert_eq!(status, 0, "$ {command}\n{output}{error}");
            let lines: Vec<&str> = output.lines().collect();
            let silent = shown.is_empty() && !command.starts_with("cwmp-plugin-host");
            assert!(silent || is_as_shown(&shown, &lines), "$ {command}\n{output}{error}");
            assert!(!error.contains("warning"), "$ {command}\n{error}");
            run += 1;
        }
    }
    assert!(files >= 4 && run >= 12, "{files} files, {run} commands: the page lost some");
}
