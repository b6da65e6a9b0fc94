//! Patterns of device names, as a shell has them: `*` and `?`.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Whether a path has this shape. `*` stands for anything, slashes too, so that a pattern rather protects too much.
pub(super) fn fits(pattern: &str, path: &Path) -> bool {
    let (pattern, text) = (pattern.as_bytes(), path.as_os_str().as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and where what it stands for ends.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, end)) => {
                    star = Some((at, end + 1));
                    p = at + 1;
                    t = end + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_what_a_shell_would_find() {
        for (pattern, path, expected) in [
            ("/dev/mmcblk0*", "/dev/mmcblk0", true),
            ("/dev/mmcblk0*", "/dev/mmcblk0p3", true),
            ("/dev/mmcblk0*", "/dev/mmcblk1", false),
            ("/dev/sd?", "/dev/sda", true),
            ("/dev/sd?", "/dev/sda1", false),
            ("/dev/sda", "/dev/sda", true),
            ("/dev/sda", "/dev/sdaa", false),
            ("/dev/disk/by-id/*-SYS*", "/dev/disk/by-id/ata-ACME-SYS-1", true),
            ("*a*b", "xaab", true),
            ("*a*b", "xaabc", false),
            ("", "/dev/sda", false),
            ("*", "/dev/sda", true),
        ] {
            assert_eq!(fits(pattern, Path::new(path)), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let path = format!("/dev/{}", "a".repeat(5_000));
        assert!(!fits(&"*a".repeat(200).replace("aa", "ab"), Path::new(&(path + "c"))));
    }
}
