//! `docs/conformance.md` is true: every item of the checklist has a line, and every test it names is there and names the
//! item. `UPDATE_DOCS=1 cargo test -p cwmp-repository` writes the tests into it; the reasons stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cwmp_repository::{root, shown, sources};

/// The last item of the checklist.
const LAST: u32 = 219;
/// What a line says while nobody wrote a reason.
const OPEN: &str = "not done yet";

/// Tests by the item that their comment names.
fn tests() -> BTreeMap<u32, BTreeSet<String>> {
    let mut found: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for file in sources("rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut items = Vec::new();
        let mut is_test = false;
        for line in text.lines().map(str::trim_start) {
            if let Some(comment) = line.strip_prefix("/// ") {
                items.extend(numbers(comment));
            } else if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            } else {
                let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let Some(name) = name.filter(|_| is_test) {
                    let name = name.split(['(', '<']).next().unwrap_or(name);
                    for item in &items {
                        found.entry(*item).or_default().insert(format!("{} `{name}`", shown(&file)));
                    }
                }
                items.clear();
                is_test = false;
            }
        }
    }
    found
}

/// The items named in a comment: `C57`, not `C`, `CR1` or `RFC57`.
fn numbers(comment: &str) -> Vec<u32> {
    let words = comment.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|w| w.strip_prefix('C')?.parse().ok()).filter(|n| (1..=LAST).contains(n)).collect()
}

/// The lines of the document: item to what it says.
fn lines(text: &str) -> BTreeMap<u32, String> {
    text.lines()
        .filter_map(|line| {
            let (item, says) = line.strip_prefix("| C")?.split_once(" | ")?;
            Some((item.parse().ok()?, says.strip_suffix(" |")?.to_owned()))
        })
        .collect()
}

#[test]
fn the_conformance_map_is_true() {
    let file = root().join("docs/conformance.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let tests = tests();
    let said = lines(&text);
    let mut table = String::from("| Item | Test, or why there is none |\n| --- | --- |\n");
    for item in 1..=LAST {
        let before = said.get(&item).map_or(OPEN, |s| s.as_str());
        // What stands after the tests is a remark of a person.
        let remark = before.rsplit_once("; note: ").map(|(_, remark)| format!("; note: {remark}"));
        let says = match tests.get(&item) {
            Some(names) => {
                let all: Vec<_> = names.iter().map(String::as_str).collect();
                format!("{}{}", all.join("; "), remark.unwrap_or_default())
            }
            None if before.contains(".rs `") => OPEN.to_owned(),
            None => before.to_owned(),
        };
        writeln!(table, "| C{item} | {says} |").unwrap();
    }
    let head = text.split("| Item |").next().unwrap_or_default();
    let right = format!("{head}{table}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &right).unwrap();
        return;
    }
    for (ours, theirs) in right.lines().zip(text.lines()) {
        assert_eq!(theirs, ours, "run UPDATE_DOCS=1 cargo test -p cwmp-repository");
    }
    assert_eq!(text, right);
}

#[test]
fn items_are_found_in_comments() {
    assert_eq!(numbers("C57, C58: a fault; see RFC9110 and CR5, C220 is none"), [57, 58]);
    assert!(tests().len() > 10, "the tests were not found");
}
