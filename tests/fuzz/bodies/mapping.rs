//! A mapping file, and the introspection of its service.

use cwmp_mapping::{check_live, questions, Answers, Introspection, Mapping};

/// The file up to a line that is a form feed, then the introspection.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (file, xml) = text.split_once("\n\u{c}\n").unwrap_or((text, ""));
    let introspection = Introspection::parse(xml).unwrap_or_default();
    let mapping = match Mapping::parse("fuzz.toml", file) {
        Ok(mapping) => mapping,
        Err(error) => {
            let told = error.to_string();
            assert!(!told.is_empty(), "a refusal says why");
            return;
        }
    };
    assert!(!mapping.parameters.is_empty(), "a file that serves nothing is refused");
    for parameter in &mapping.parameters {
        assert_eq!(parameter.path.contains("{i}."), parameter.table.is_some(), "a row lies in a table");
    }
    let answers: Answers = questions(&mapping).into_iter().map(|q| (q, introspection.clone())).collect();
    check_live(&mapping, &answers);
    // Without anybody to ask there is nothing but the rows that cannot be checked.
    check_live(&mapping, &Answers::new());
}
