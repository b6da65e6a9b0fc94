//! Pages of `docs/` that are held against the sources.

/// Compares each row `limit | value | file and constant` of a page with the constant. Says how many there are.
///
/// # Panics
/// If one of them is another, or is not there.
#[track_caller]
pub fn check_limits(page: &str) -> usize {
    let mut count = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, value, place] = cells[..] else { continue };
        let Some((file, name)) = place.trim_matches('`').split_once("` `") else { continue };
        let source = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(&source).unwrap_or_else(|error| panic!("{file}: {error}"));
        let (_, rest) = source.split_once(&format!("const {name}: ")).unwrap_or_else(|| panic!("no {name}"));
        let is = rest.split(" = ").nth(1).and_then(|rest| rest.split(';').next()).unwrap().replace('_', "");
        let says = match value.split_once(' ') {
            Some((number, "s")) => format!("Duration::fromsecs({number})"),
            Some((number, "ms")) => format!("Duration::frommillis({number})"),
            _ => value.to_owned(),
        };
        assert_eq!(is, says, "{file} {name}");
        count += 1;
    }
    count
}
