//! Names of an archive's entries: none may lead outside, and no two may mean one file on any system.

use std::collections::HashMap;

/// Longest path and component that are taken; common file systems end at 255 bytes.
const PATH: usize = 1024;
const COMPONENT: usize = 255;
const DEPTH: usize = 16;
/// What all names together may take in memory.
const MEMORY: usize = 64 << 20;

/// Names that Windows keeps for devices, whatever extension follows.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The names that an archive has used so far.
#[derive(Default)]
pub(crate) struct Names {
    /// From what a system that ignores case sees to the exact path and whether it is a folder.
    seen: HashMap<String, (String, bool)>,
    memory: usize,
}

impl Names {
    /// Checks an entry's name and returns it as a relative path with `/` between its parts; a folder that is the
    /// archive's own root gives an empty path.
    pub(crate) fn add(&mut self, name: &str, folder: bool) -> Result<String, String> {
        let parts = parts(name)?;
        if parts.is_empty() && !folder {
            return Err("has no name".to_owned());
        }
        let mut path = String::new();
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                path.push('/');
            }
            path.push_str(part);
            self.claim(&path, folder || i + 1 < parts.len(), i + 1 == parts.len())?;
        }
        Ok(path)
    }

    fn claim(&mut self, path: &str, folder: bool, whole: bool) -> Result<(), String> {
        let key = path.to_lowercase();
        match self.seen.get(&key) {
            None => {
                self.memory += 2 * path.len() + 64;
                if self.memory > MEMORY {
                    return Err("the names alone are too long".to_owned());
                }
                self.seen.insert(key, (path.to_owned(), folder));
                Ok(())
            }
            Some((other, _)) if other != path => {
                Err(format!("is the same as {other:?} on systems that do not tell capitals apart"))
            }
            Some((_, true)) if folder => Ok(()),
            Some((_, false)) if !folder && whole => Err("occurs twice".to_owned()),
            Some(_) => Err("is a file and a folder at once".to_owned()),
        }
    }
}

/// The parts of a path that leads into the target on every system.
fn parts(name: &str) -> Result<Vec<&str>, String> {
    if name.len() > PATH {
        return Err(format!("is longer than {PATH} bytes"));
    }
    if name.contains(char::is_control) {
        return Err("contains control characters".to_owned());
    }
    // On Windows the first divides folders, the second begins a stream or ends the name of a drive.
    if let Some(bad) = ['\\', ':'].into_iter().find(|bad| name.contains(*bad)) {
        return Err(format!("contains {bad:?}"));
    }
    if name.starts_with('/') {
        return Err("is an absolute path".to_owned());
    }
    let mut parts = Vec::new();
    for part in name.strip_suffix('/').unwrap_or(name).split('/') {
        match part {
            "." => continue,
            ".." => return Err("leads outside the target".to_owned()),
            "" if name.is_empty() => return Err("is empty".to_owned()),
            "" => return Err("has an empty part".to_owned()),
            _ => {}
        }
        if part.len() > COMPONENT {
            return Err(format!("has a part longer than {COMPONENT} bytes"));
        }
        // Windows drops them, so that two names would mean one file.
        if part.ends_with(['.', ' ']) {
            return Err("has a part that ends with a dot or a space".to_owned());
        }
        if is_device(part) {
            return Err("is a device on Windows".to_owned());
        }
        parts.push(part);
    }
    if parts.len() > DEPTH {
        return Err(format!("is deeper than {DEPTH} folders"));
    }
    Ok(parts)
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |prefix: &str| {
        let mut rest = stem.strip_prefix(prefix).unwrap_or_default().chars();
        // The superscripts count as digits there.
        rest.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c)) && rest.next().is_none()
    };
    DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_are_welcome() {
        let mut names = Names::default();
        for name in [
            "PetImages/Cat/0.jpg",
            "МАСКА/кот.jpg",
            "猫/ねこ 1.jpg",
            "قط/١.jpg",
            "e\u{301}te\u{301}/😺.jpg",
            "console.txt",
            "comma",
            "com10",
            ".hidden",
            "a..b",
            " leading",
        ] {
            assert_eq!(names.add(name, false).unwrap(), name);
        }
        assert_eq!(names.add("./train/x.jpg", false).unwrap(), "train/x.jpg");
        assert_eq!(names.add("./", true).unwrap(), "");
        assert_eq!(names.add("train/", true).unwrap(), "train");
    }

    #[test]
    fn no_name_leads_outside() {
        let deep = "a/".repeat(17);
        let long = "x".repeat(256);
        let longer = "x/".repeat(600);
        for (name, expected) in [
            ("../a", "outside"),
            ("a/../../b", "outside"),
            ("a/..", "outside"),
            ("/etc/passwd", "absolute"),
            ("//server/share", "absolute"),
            ("C:/a", "':'"),
            ("a.txt:stream", "':'"),
            ("..\\a", "'\\\\'"),
            ("\\\\server\\share", "'\\\\'"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            ("a//b", "empty part"),
            ("", "empty"),
            (".", "no name"),
            ("nul", "device"),
            ("a/CON.txt", "device"),
            ("Lpt1 .jpg", "device"),
            ("com²", "device"),
            ("a./b", "dot or a space"),
            ("a ", "dot or a space"),
            (deep.as_str(), "deeper"),
            (long.as_str(), "part longer"),
            (longer.as_str(), "longer than 1024"),
        ] {
            let why = Names::default().add(name, false).unwrap_err();
            assert!(why.contains(expected), "{name:?}: {why}");
        }
    }

    #[test]
    fn no_two_names_mean_one_file() {
        for (first, second, folder, expected) in [
            ("a", "a", false, "twice"),
            ("a", "./a", false, "twice"),
            ("a", "A", false, "capitals"),
            ("a/b", "A/c", false, "capitals"),
            ("É/b", "é/c", false, "capitals"),
            ("a", "a/b", false, "file and a folder"),
            ("a/b", "a", false, "file and a folder"),
            ("a", "a", true, "file and a folder"),
        ] {
            let mut names = Names::default();
            names.add(first, false).unwrap();
            let why = names.add(second, folder).unwrap_err();
            assert!(why.contains(expected), "{first} {second}: {why}");
        }
        let mut names = Names::default();
        for _ in 0..2 {
            names.add("a/b", true).unwrap();
        }
        names.add("a/b/c", false).unwrap();
    }

    #[test]
    fn memory_for_names_is_bounded() {
        let mut names = Names::default();
        let long = "x".repeat(200);
        let why = (0..).find_map(|n| names.add(&format!("{long}/{n}/{long}/{long}"), false).err()).unwrap();
        assert!(why.contains("too long"), "{why}");
        assert!(names.memory < MEMORY + 4 * PATH);
    }
}
