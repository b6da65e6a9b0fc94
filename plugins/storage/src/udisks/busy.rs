//! Who keeps a filesystem from being unmounted.

use std::path::Path;

use super::objects::shown;
use super::system::read;

/// How many are named.
const MOST: usize = 4;
/// How many processes are looked at, and how many files of each.
const MAX_LOOKED_AT: usize = 4_096;

/// Programs with a file or their working directory below `place`, as `smbd (1234)`.
pub(super) fn users(proc: &Path, place: &Path) -> Vec<String> {
    let Ok(all) = std::fs::read_dir(proc) else { return Vec::new() };
    let mut found = Vec::new();
    for process in all.take(MAX_LOOKED_AT).flatten() {
        let number = process.file_name();
        let Some(number) = number.to_str().filter(|n| n.bytes().all(|b| b.is_ascii_digit())) else {
            continue;
        };
        let folder = process.path();
        let below = |link: &Path| std::fs::read_link(link).is_ok_and(|file| file.starts_with(place));
        let files = std::fs::read_dir(folder.join("fd")).into_iter().flatten().take(MAX_LOOKED_AT);
        if below(&folder.join("cwd"))
            || below(&folder.join("root"))
            || files.flatten().any(|f| below(&f.path()))
        {
            let name = read(&folder.join("comm")).unwrap_or_default();
            found.push(format!("{} ({number})", shown(&String::from_utf8_lossy(&name))));
            if found.len() == MOST {
                break;
            }
        }
    }
    found
}
