//! A facet declaration of a plugin, and a value under it.

use cwmp_model::facets::Giver;
use cwmp_model::{Facets, ValueType};

/// The declaration up to the first line feed, then a value.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (declaration, value) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(facets) = Facets::parse(declaration) else { return };
    let written = facets.to_string();
    let again = Facets::parse(&written).expect("what we write is read");
    assert_eq!(again.to_string(), written, "a declaration is written as it is read");
    for kind in ValueType::ALL {
        let Ok(canonical) = kind.canonical(value) else { continue };
        let twice = kind.canonical(&canonical).expect("a canonical value is a value");
        assert_eq!(twice, canonical, "a canonical value stays as it is");
        for giver in [Giver::Client, Giver::Device] {
            let first = facets.check(kind, &canonical, giver);
            assert_eq!(first, again.check(kind, &canonical, giver), "both declarations say the same");
        }
    }
}
