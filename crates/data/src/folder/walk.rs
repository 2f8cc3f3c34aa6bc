//! Finding the files: which folders are entered, which links are followed, what is passed over.

use super::note::{Counts, Note, count, on_classes};
use super::{PictureFile, PictureFolder};
use crate::{Error, Result};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

const PICTURES: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"];
const HEIF: [&str; 6] = ["heic", "heif", "heics", "heifs", "hif", "avif"];
const RAW: [&str; 24] = [
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srw", "x3f",
];

pub(super) fn list(root: &Path, wanted: Option<&[String]>) -> Result<PictureFolder> {
    let failed = |cause| Error::Read { path: root.to_path_buf(), cause };
    let mut walk = Walk {
        root: root.to_path_buf(),
        real_root: root.canonicalize().map_err(failed)?,
        files: Vec::new(),
        counts: Counts::default(),
    };
    let mut folders: Vec<OsString> = Vec::new();
    for name in walk.names(Path::new(""))? {
        let path = PathBuf::from(&name);
        match walk.kind(&path)? {
            Kind::Folder => folders.push(name),
            Kind::File if has_extension(&path, &PICTURES) => count(&mut walk.counts.outside, path),
            Kind::File | Kind::Special => walk.pass(path),
            Kind::Link(Some(target)) if target.is_dir() => folders.push(name),
            Kind::Link(_) => count(&mut walk.counts.links, path),
        }
    }
    folders.sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    let mut notes = Vec::new();
    let classes: Vec<String> = match wanted {
        None => folders.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
        Some(classes) => classes.to_vec(),
    };
    for (number, name) in folders.iter().enumerate() {
        let label = match wanted {
            None => Some(number),
            Some(classes) => classes.iter().position(|class| OsStr::new(class) == name),
        };
        match label {
            Some(label) => walk.class(Path::new(name), label as u32)?,
            None => notes.push(Note::OtherClass(name.to_string_lossy().into_owned())),
        }
    }
    walk.files.sort_unstable_by(|a, b| (a.label, &a.path).cmp(&(b.label, &b.path)));
    let Walk { files, counts, .. } = walk;
    let mut folder =
        PictureFolder { root: root.to_path_buf(), classes, files, notes: Vec::new(), change: None };
    folder.notes = on_classes(&folder).into_iter().chain(notes).chain(counts.notes()).collect();
    if folder.files.is_empty() {
        return Err(nothing(folder));
    }
    Ok(folder)
}

fn nothing(folder: PictureFolder) -> Error {
    let notes: Vec<String> = folder.notes.iter().map(|note| format!(" ({note})")).collect();
    let found = if folder.classes.is_empty() {
        "there is no folder of a class"
    } else {
        "there is no picture in any class"
    };
    Error::File {
        path: folder.root,
        found: found.to_string() + &notes.concat(),
        expected: "a folder of pictures for each class, such as cats/ and dogs/,".into(),
        remedy: "name the folder that holds these folders",
    }
}

/// What a name stands for.
enum Kind {
    Folder,
    File,
    /// A pipe, socket or device: never opened.
    Special,
    /// Where it really leads, if that is inside the folder.
    Link(Option<PathBuf>),
}

struct Walk {
    root: PathBuf,
    /// With all links resolved: what lies inside begins with it.
    real_root: PathBuf,
    files: Vec<PictureFile>,
    counts: Counts,
}

impl Walk {
    /// Lists all below the folder `class`; the folder itself may be a link.
    fn class(&mut self, class: &Path, label: u32) -> Result<()> {
        // Each real folder is entered once in a class, so that links make neither circles nor a tree without end. Those
        // under their own names come first; links wait until all of them are known.
        let mut entered = HashSet::new();
        let (mut folders, mut links) = (vec![class.to_path_buf()], Vec::new());
        loop {
            while let Some(folder) = folders.pop() {
                let path = self.root.join(&folder);
                let real = path.canonicalize().map_err(|cause| Error::Read { path, cause })?;
                if !entered.insert(real) {
                    count(&mut self.counts.links, folder);
                    continue;
                }
                for name in self.names(&folder)? {
                    let path = folder.join(name);
                    match self.kind(&path)? {
                        Kind::Folder => folders.push(path),
                        Kind::File => self.file(path, label),
                        Kind::Special => self.pass(path),
                        Kind::Link(None) => count(&mut self.counts.links, path),
                        Kind::Link(Some(target)) if target.is_dir() => links.push((path, target)),
                        Kind::Link(Some(target)) if target.is_file() => self.file(path, label),
                        Kind::Link(Some(_)) => self.pass(path),
                    }
                }
            }
            links.sort_unstable_by(|a, b| b.cmp(a));
            let Some((path, target)) = links.pop() else { return Ok(()) };
            let above = self.root.join(&path).parent().and_then(|parent| parent.canonicalize().ok());
            if above.is_none_or(|above| above.starts_with(&target)) {
                count(&mut self.counts.links, path);
            } else {
                folders.push(path);
            }
        }
    }

    fn file(&mut self, path: PathBuf, label: u32) {
        if has_extension(&path, &PICTURES) {
            self.files.push(PictureFile { path: path.into(), label });
        } else {
            self.pass(path);
        }
    }

    fn pass(&mut self, path: PathBuf) {
        let counts = &mut self.counts;
        let kind = match &path {
            path if has_extension(path, &HEIF) => &mut counts.heif,
            path if has_extension(path, &RAW) => &mut counts.raw,
            _ => &mut counts.other,
        };
        count(kind, path);
    }

    /// The names in a folder, without hidden ones, in no order.
    fn names(&self, folder: &Path) -> Result<Vec<OsString>> {
        let path = self.root.join(folder);
        let names = || -> io::Result<Vec<OsString>> {
            let names = path.read_dir()?.map(|entry| Ok(entry?.file_name()));
            names
                .filter(|name| !name.as_ref().is_ok_and(|name| name.as_encoded_bytes().starts_with(b".")))
                .collect()
        };
        names().map_err(|cause| Error::Read { path: path.clone(), cause })
    }

    fn kind(&self, path: &Path) -> Result<Kind> {
        let path = self.root.join(path);
        let metadata = path.symlink_metadata().map_err(|cause| Error::Read { path: path.clone(), cause })?;
        Ok(if metadata.is_symlink() {
            Kind::Link(path.canonicalize().ok().filter(|target| target.starts_with(&self.real_root)))
        } else if metadata.is_dir() {
            Kind::Folder
        } else if metadata.is_file() {
            Kind::File
        } else {
            Kind::Special
        })
    }
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}
