//! The corpora of the fuzz targets, replayed.

#[path = "../../../tests/fuzz/bodies/challenge.rs"]
mod challenge;
#[path = "../../../tests/fuzz/bodies/cookie.rs"]
mod cookie;
#[path = "../../../tests/fuzz/bodies/replay.rs"]
mod replay;
#[path = "../../../tests/fuzz/bodies/url.rs"]
mod url;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz");

#[test]
fn the_corpus_of_cookie_has_no_finding() {
    replay::replay(FUZZ, "cookie", cookie::run);
}

#[test]
fn the_corpus_of_url_has_no_finding() {
    replay::replay(FUZZ, "url", url::run);
}

#[test]
fn the_corpus_of_challenge_has_no_finding() {
    replay::replay(FUZZ, "challenge", challenge::run);
}
