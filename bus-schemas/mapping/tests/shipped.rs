//! The mappings of this repository against the standard's tables.

use std::path::PathBuf;

use cwmp_mapping::{check, Mapping};
use cwmp_model::standard::Library;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../mappings")
}

#[test]
fn every_shipped_mapping_fits_the_standard() {
    let library = Library::embedded();
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        let mapping = Mapping::load(&file).unwrap_or_else(|e| panic!("{e}"));
        let nodes = check(&mapping, &library).unwrap_or_else(|e| panic!("{e}"));
        let parameters = nodes.iter().filter(|n| n.kind.is_some()).count();
        assert_eq!(parameters, mapping.parameters.len(), "{}", file.display());
        count += 1;
    }
    assert!(count >= 3, "{count}");
}
