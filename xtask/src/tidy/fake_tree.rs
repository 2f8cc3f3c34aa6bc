//! Small repositories in a temporary folder, to see each rule fire and not fire.

use std::fs;

use super::{Finding, tidy};

/// Findings of a tree made of these files.
pub(super) fn check(files: &[(&str, &str)]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    tidy(root.path()).iter().map(Finding::to_string).collect()
}

/// No rule is broken.
#[track_caller]
pub(super) fn clean(files: &[(&str, &str)]) {
    assert_eq!(check(files), [""; 0]);
}

/// Exactly one finding, at this place and with this in its message.
#[track_caller]
pub(super) fn finds(files: &[(&str, &str)], place: &str, message: &str) {
    let found = check(files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&format!("{place}: ")) && found[0].contains(message), "{found:?}");
}
