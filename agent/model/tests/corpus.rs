//! The corpora of the fuzz targets, replayed.

#[path = "../../../tests/fuzz/bodies/date_time.rs"]
mod date_time;
#[path = "../../../tests/fuzz/bodies/facets.rs"]
mod facets;
#[path = "../../../tests/fuzz/bodies/path.rs"]
mod path;
#[path = "../../../tests/fuzz/bodies/replay.rs"]
mod replay;
#[path = "../../../tests/fuzz/bodies/standard.rs"]
mod standard;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz");

#[test]
fn the_corpus_of_date_time_has_no_finding() {
    replay::replay(FUZZ, "date_time", date_time::run);
}

#[test]
fn the_corpus_of_facets_has_no_finding() {
    replay::replay(FUZZ, "facets", facets::run);
}

#[test]
fn the_corpus_of_path_has_no_finding() {
    replay::replay(FUZZ, "path", path::run);
}

#[test]
fn the_corpus_of_standard_has_no_finding() {
    replay::replay(FUZZ, "standard", standard::run);
}
