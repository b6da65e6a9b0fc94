//! What a wrong name may have meant.

use cwmp_bus::names;
use cwmp_model::path;

use crate::agent::{Agent, Member};

const LIST: Member = Member::read(names::DATA_MODEL, "List");
/// The deepest name that is looked into; each level is a call.
const MAX_DEPTH: usize = 32;
/// A name may have one wrong letter for so many.
const LETTERS_OF_AN_ERROR: usize = 5;
/// How many rows of a table are told.
const MAX_ROWS: usize = 10;

/// A sentence about a name that does not exist, if there is something to say. Walks from the root of the tree and takes
/// at each level the child that is nearest to what was written.
pub(crate) async fn for_path(agent: &Agent, wrong: &str) -> Option<String> {
    let parts: Vec<&str> = wrong.strip_suffix('.').unwrap_or(wrong).split('.').collect();
    if parts.len() > MAX_DEPTH {
        return None;
    }
    // A list has no commands.
    let shows = if wrong.ends_with("()") { "describe" } else { "list -n" };
    let mut right = String::new();
    for (depth, part) in parts.iter().enumerate() {
        let listed: Vec<(String, bool)> = agent.call(LIST, &(right.as_str(), true)).await.ok()?;
        let is_last = depth + 1 == parts.len();
        let found = match nearest(part, is_last, listed.iter().map(|(name, _)| name.as_str())) {
            Some(found) => found.to_owned(),
            None if path::instance_number(part).is_some() => {
                return Some(rows(&right, listed.iter().map(|(name, _)| name.as_str())));
            }
            // Better a hint at the level that exists than none.
            None if depth > 0 => return Some(format!("cwmpctl {shows} {right} shows what there is")),
            None => return None,
        };
        right = found;
    }
    (right != wrong).then(|| format!("did you mean {right}?"))
}

/// The child whose last part is nearest: the same, the same but for the case, or a few letters off. An object in the
/// middle of a name, anything at its end. Numbers have no neighbours: row 3 is not nearly row 4.
fn nearest<'a>(part: &str, is_last: bool, children: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_number = path::instance_number(part).is_some();
    let reach = if is_number { 0 } else { (part.chars().count() / LETTERS_OF_AN_ERROR).max(1) };
    let wanted = part.to_ascii_lowercase();
    children
        .filter(|child| is_last || child.ends_with('.'))
        .filter_map(|child| {
            let name = path::last_part(child);
            let far = if name == part { 0 } else { distance(&wanted, &name.to_ascii_lowercase()) };
            (far <= reach).then_some((far, usize::from(name != part), child))
        })
        .min()
        .map(|(_, _, child)| child)
}

fn rows<'a>(table: &str, children: impl Iterator<Item = &'a str>) -> String {
    let mut numbers: Vec<u32> = children.filter_map(|c| path::split_row(c)).map(|(_, n)| n).collect();
    numbers.sort_unstable();
    let text: Vec<String> = numbers.iter().take(MAX_ROWS).map(u32::to_string).collect();
    match numbers.len() {
        0 => format!("{table} has no rows"),
        more if more > MAX_ROWS => format!("{table} has the rows {}, ... ({more})", text.join(", ")),
        _ => format!("{table} has the rows {}", text.join(", ")),
    }
}

/// How many letters must be changed, added, removed or swapped with their neighbour.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j - 1] + same).min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_child_is_a_few_letters_off() {
        let children = ["Device.A.Alias", "Device.A.Enable", "Device.A.Table.", "Device.A.Tables"];
        let near = |part, last| nearest(part, last, children.iter().copied());
        assert_eq!(near("Enabel", true), Some("Device.A.Enable"));
        assert_eq!(near("alias", true), Some("Device.A.Alias"));
        assert_eq!(near("Tabel", false), Some("Device.A.Table."));
        assert_eq!(near("Tables", true), Some("Device.A.Tables"));
        assert_eq!(near("Enable", false), None, "a parameter has nothing below it");
        assert_eq!(near("Something", true), None);
    }

    #[test]
    fn rows_are_told_not_guessed() {
        let children = ["Device.T.10.", "Device.T.2."];
        assert_eq!(nearest("3", true, children.iter().copied()), None);
        assert_eq!(rows("Device.T.", children.into_iter()), "Device.T. has the rows 2, 10");
        assert_eq!(rows("Device.T.", std::iter::empty()), "Device.T. has no rows");
        let many: Vec<String> = (1..=11).map(|n| format!("Device.T.{n}.")).collect();
        let told = rows("Device.T.", many.iter().map(String::as_str));
        assert_eq!(told, "Device.T. has the rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ... (11)");
    }

    #[test]
    fn a_distance_counts_letters() {
        for (a, b, far) in
            [("", "", 0), ("abc", "", 3), ("abc", "acb", 1), ("abc", "abd", 1), ("größe", "grösse", 2)]
        {
            assert_eq!(distance(a, b), far, "{a} {b}");
            assert_eq!(distance(b, a), far, "{b} {a}");
        }
    }
}
