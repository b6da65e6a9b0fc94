//! The name of a parameter or object.

use cwmp_model::path::{self, Path};

/// Any text.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // These must not fail for any text.
    let parent = path::parent(text);
    assert!(text.starts_with(parent), "a name lies under its parent");
    let _ = path::last_part(text);
    let _ = path::schema_path(text);
    let Ok(name) = Path::parse(text) else { return };
    assert_eq!(name.as_str(), text);
    assert_eq!(name.is_partial(), path::is_partial(text));
    assert_eq!(Path::parse(parent).map(Path::into_string).as_deref(), Ok(parent), "a parent is a name");
    if let Some((table, number)) = path::split_row(text) {
        assert_eq!(format!("{table}{number}."), text, "a row is its table and its number");
    }
}
