use std::path::Path;

use super::super::{attach, detach, is_attached, open, places, read, write};
use super::{inside, sh, Machine};
use crate::back_end::Failure;

#[test]
fn a_place_shows_one_folder_in_one_way_until_it_is_taken_away() {
    if !inside(
        "control::tests::place::a_place_shows_one_folder_in_one_way_until_it_is_taken_away",
        &["unshare"],
    ) {
        return;
    }
    let machine = Machine::start();
    let folder = machine.folder("a b\n%c");
    let source = open(&folder).unwrap();
    std::fs::create_dir_all("/run/places").unwrap();
    let place = Path::new("/run/places/x");
    attach(&source, place, true).unwrap();
    assert!(is_attached(&source, place, true) && !is_attached(&source, place, false));
    assert_eq!(std::fs::read_to_string(place.join("there")).unwrap(), "it was there\n");
    std::fs::write(place.join("new"), "").unwrap_err();
    std::fs::copy("/bin/true", folder.join("program")).unwrap();
    sh("/run/places/x/program").unwrap_err();
    // In another way; another folder; twice.
    attach(&source, place, false).unwrap();
    std::fs::write(place.join("new"), "").unwrap();
    let other = open(&machine.folder("other")).unwrap();
    attach(&other, place, true).unwrap();
    assert!(!place.join("new").exists() && place.join("there").exists());
    sh("mount --bind /run/data /run/places/x").unwrap();
    assert!(!is_attached(&other, place, true));
    assert_eq!(places(Path::new("/run/places")).len(), 2);
    detach(place).unwrap();
    detach(place).unwrap();
    assert!(!place.exists() && places(Path::new("/run/places")).is_empty());
    // What is no empty folder is not removed.
    std::fs::create_dir_all(place.join("y")).unwrap();
    detach(place).unwrap_err();
}

#[test]
fn no_link_is_followed_wherever_it_is_in_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::create_dir_all(root.join("a/b")).unwrap();
    std::os::unix::fs::symlink(root.join("a"), root.join("link")).unwrap();
    open(&root.join("a/b")).unwrap();
    assert!(matches!(open(&root.join("link/b")), Err(Failure::Refused(_))));
    assert!(matches!(open(&root.join("link")), Err(Failure::Refused(_))));
    assert!(matches!(open(&root.join("a/../a")), Err(Failure::Impossible(_))));
    assert!(matches!(open(Path::new("a")), Err(Failure::Impossible(_))));
    assert!(matches!(open(&root.join("c")), Err(Failure::Gone(_))));
    std::fs::write(root.join("file"), "").unwrap();
    open(&root.join("file")).unwrap_err();
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conf");
    assert_eq!(write(&path, "a=1\n", 0o600), Ok(true));
    assert_eq!(write(&path, "a=1\n", 0o600), Ok(false));
    assert_eq!(read(&path).unwrap().as_deref(), Some("a=1\n"));
    std::fs::write(&path, "somebody's\n").unwrap();
    assert!(matches!(write(&path, "a=1\n", 0o600), Err(Failure::Refused(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's\n");
}
