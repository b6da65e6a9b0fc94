//! The standard's tables as the macros use them: with a suggestion for what is not there.

use cwmp_model::standard::{Library, Object};

/// The object at a path; `Ok(None)` if the standard has none.
pub(crate) fn object(path: &str, model: Option<&str>) -> Result<Option<Object>, String> {
    Library::embedded().object(path, model).map_err(|error| error.to_string())
}

/// A path of the standard that looks like this one.
pub(crate) fn like_path(path: &str) -> Option<String> {
    let library = Library::embedded();
    let models = library.models();
    let all = models.iter().filter_map(|model| library.objects(model).ok()).flatten();
    let paths: Vec<String> = all.filter_map(|object| object.ok().map(|o| o.path)).collect();
    let root = "Device.";
    let names = paths.iter().filter_map(|path| path.strip_prefix(root));
    nearest(path.strip_prefix(root)?, names).map(|like| format!("{root}{like}"))
}

/// The name that looks most like `name`, if one does.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    let limit = (folded.len() / 4).max(1);
    let distances = names.map(|other| (distance(&folded, &fold(other), limit), other));
    distances.filter(|(d, _)| *d <= limit).min_by_key(|(d, _)| *d).map(|(_, other)| other)
}

/// A name without what spellings differ in.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// How many letters must be added, dropped or replaced; more than `limit` is only more.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let names = ["Enable", "Status", "MACAddress", "MaxBitRate"];
        assert_eq!(nearest("mac_adress", names.into_iter()), Some("MACAddress"));
        assert_eq!(nearest("enabled", names.into_iter()), Some("Enable"));
        assert_eq!(nearest("temperature", names.into_iter()), None);
        assert_eq!(distance("kitten", "sitting", 9), 3);
    }
}
