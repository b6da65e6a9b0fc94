//! The corpus of the fuzz target, replayed.

#[path = "../../../tests/fuzz/bodies/mapping.rs"]
mod mapping;
#[path = "../../../tests/fuzz/bodies/replay.rs"]
mod replay;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz");

#[test]
fn the_corpus_of_mapping_has_no_finding() {
    replay::replay(FUZZ, "mapping", mapping::run);
}
