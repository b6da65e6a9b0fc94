//! The corpora of the fuzz targets, replayed.

#[path = "../../tests/fuzz/bodies/manifest.rs"]
mod manifest;
#[path = "../../tests/fuzz/bodies/replay.rs"]
mod replay;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz");

#[test]
fn the_corpus_of_manifest_has_no_finding() {
    replay::replay(FUZZ, "manifest", manifest::run);
}
