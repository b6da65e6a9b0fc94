//! Names of filesystems: programs that make them cut off what is too long, and say nothing.

/// The longest name, in bytes of UTF-8 or in units of UTF-16.
const LIMITS: [(&str, Length); 9] = [
    ("ext2", Length::Bytes(16)),
    ("ext3", Length::Bytes(16)),
    ("ext4", Length::Bytes(16)),
    ("vfat", Length::Bytes(11)),
    ("exfat", Length::Units(11)),
    ("ntfs", Length::Units(128)),
    ("xfs", Length::Bytes(12)),
    ("btrfs", Length::Bytes(255)),
    ("f2fs", Length::Units(512)),
];
/// Of a filesystem that is not in the list.
const OTHERS: Length = Length::Bytes(255);

#[derive(Clone, Copy)]
enum Length {
    Bytes(usize),
    Units(usize),
}

/// Says what is wrong with a name.
pub(super) fn check(filesystem: &str, label: &str) -> Result<(), String> {
    if label.chars().any(char::is_control) {
        return Err("a name has no characters that cannot be shown".to_owned());
    }
    let limit = LIMITS.iter().find(|(name, _)| *name == filesystem).map_or(OTHERS, |(_, limit)| *limit);
    let (long, limit) = match limit {
        Length::Bytes(limit) => (label.len(), limit),
        Length::Units(limit) => (label.encode_utf16().count(), limit),
    };
    if long > limit {
        return Err(format!("the name of {filesystem} has at most {limit} characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_as_long_as_its_filesystem_has_place_for() {
        for (filesystem, limit) in [("ext4", 16), ("vfat", 11), ("ntfs", 128), ("new-one", 255)] {
            check(filesystem, &"x".repeat(limit)).unwrap();
            check(filesystem, &"x".repeat(limit + 1)).unwrap_err();
        }
        check("ext4", "ääääääää").unwrap();
        check("ext4", "äääääääää").unwrap_err();
        check("ext4", "two\nlines").unwrap_err();
    }
}
