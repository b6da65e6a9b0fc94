//! `docs/limits.md` says what the sources say.

use std::time::Duration;

use cwmp_repository::root;

/// What a row of the page says: the value, the file and the constant.
fn row(line: &str) -> Option<(&str, &str, &str)> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let (_, value, place) = (cells.next()?, cells.next()?, cells.next()?);
    let (file, name) = place.strip_prefix('`')?.strip_suffix('`')?.split_once("` `")?;
    Some((value, file, name))
}

/// `64 KiB` as bytes, `3 s` as milliseconds, `8` as it is.
fn shown(value: &str) -> Option<u64> {
    let (number, unit) = value.split_once(' ').unwrap_or((value, ""));
    let unit = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * unit)
}

/// The value of a constant in a source: products, shifts and durations.
fn constant(source: &str, name: &str) -> Option<u64> {
    let start = source.find(&format!("const {name}: "))?;
    let text = source[start..].split_once(" = ")?.1.split_once(';')?.0;
    if let Some(seconds) = text.strip_prefix("Duration::from_secs(") {
        let time = Duration::from_secs(product(seconds.strip_suffix(')')?)?);
        return u64::try_from(time.as_millis()).ok();
    }
    if let Some(millis) = text.strip_prefix("Duration::from_millis(") {
        return product(millis.strip_suffix(')')?);
    }
    match text.split_once(" << ") {
        Some((number, by)) => Some(product(number)? << product(by)?),
        None => product(text),
    }
}

fn product(text: &str) -> Option<u64> {
    text.split('*').map(|factor| factor.trim().replace('_', "").parse::<u64>().ok()).product()
}

#[test]
fn the_page_of_limits_is_true() {
    let page = std::fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let mut count = 0;
    for (value, file, name) in page.lines().filter_map(row) {
        let source = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let is = constant(&source, name).unwrap_or_else(|| panic!("{file} has no {name} that is a number"));
        assert_eq!(shown(value), Some(is), "{file} {name}, on the page {value}");
        count += 1;
    }
    assert!(count > 50, "only {count} rows were read");
}

#[test]
fn constants_are_read_in_every_form() {
    let source = "const A: u64 = 4 * 1_024;\nconst B: usize = 3 << 10;\n\
                  pub const C: Duration = Duration::from_secs(24 * 60);\nconst D: Duration = Duration::from_millis(50);\n";
    assert_eq!(
        ["A", "B", "C", "D", "E"].map(|name| constant(source, name)),
        [Some(4096), Some(3072), Some(1_440_000), Some(50), None]
    );
    assert_eq!(
        ["8", "3 s", "50 ms", "64 KiB", "1 MB"].map(shown),
        [Some(8), Some(3000), Some(50), Some(65_536), None]
    );
}
