//! Finding the files: which folders are entered, which links are followed, what is passed over.

use super::note::{Counts, Note, count, on_classes};
use super::{PictureFile, PictureFolder};
use crate::{Error, Result};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};

const PICTURES: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"];
const HEIF: [&str; 6] = ["heic", "heif", "heics", "heifs", "hif", "avif"];
const RAW: [&str; 24] = [
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srw", "x3f",
];

/// Which links are followed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Links {
    /// Those that lead to something inside the folder.
    Inside,
    /// Those to files too, and those in the place of a class's folder, wherever they lead.
    Anywhere,
}

pub(super) fn list(root: &Path, wanted: Option<&[String]>, links: Links) -> Result<PictureFolder> {
    let failed = |cause| Error::Read { path: root.to_path_buf(), cause };
    let mut walk = Walk {
        root: root.to_path_buf(),
        real_root: root.canonicalize().map_err(failed)?,
        links,
        files: Vec::new(),
        counts: Counts::default(),
    };
    let mut folders: Vec<OsString> = Vec::new();
    for (name, kind) in walk.names(Path::new(""))? {
        let path = PathBuf::from(&name);
        match walk.kind(&path, kind) {
            Kind::Folder => folders.push(name),
            Kind::File if is_picture(&path) => count(&mut walk.counts.outside, path),
            Kind::File | Kind::Special => walk.pass(path),
            Kind::Link(link) => match link.filter(|link| link.inside || links == Links::Anywhere) {
                Some(Link { target, .. }) if target.is_dir() => folders.push(name),
                _ => count(&mut walk.counts.links, path),
            },
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
    /// Unless it leads nowhere or in a circle.
    Link(Option<Link>),
}

/// Where a link really leads, and whether that is inside the folder.
struct Link {
    target: PathBuf,
    inside: bool,
}

struct Walk {
    root: PathBuf,
    /// With all links resolved: what lies inside begins with it.
    real_root: PathBuf,
    links: Links,
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
                for (name, kind) in self.names(&folder)? {
                    let path = folder.join(name);
                    let anywhere = self.links == Links::Anywhere;
                    match self.kind(&path, kind) {
                        Kind::Folder => folders.push(path),
                        Kind::File => self.file(path, label),
                        Kind::Special => self.pass(path),
                        Kind::Link(Some(Link { target, inside: true })) if target.is_dir() => {
                            links.push((path, target));
                        }
                        Kind::Link(Some(Link { target, inside }))
                            if target.is_file() && (inside || anywhere) =>
                        {
                            self.file(path, label);
                        }
                        Kind::Link(Some(Link { inside: true, .. })) => self.pass(path),
                        Kind::Link(_) => count(&mut self.counts.links, path),
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
        if is_picture(&path) {
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

    /// The names in a folder, without hidden ones, in no order, and what they stand for, which most systems tell with the names.
    fn names(&self, folder: &Path) -> Result<Vec<(OsString, FileType)>> {
        let path = self.root.join(folder);
        let names = || -> io::Result<Vec<(OsString, FileType)>> {
            let mut names = Vec::new();
            for entry in path.read_dir()? {
                let entry = entry?;
                let name = entry.file_name();
                if !name.as_encoded_bytes().starts_with(b".") {
                    names.push((name, entry.file_type()?));
                }
            }
            Ok(names)
        };
        names().map_err(|cause| Error::Read { path: path.clone(), cause })
    }

    fn kind(&self, path: &Path, kind: FileType) -> Kind {
        if kind.is_symlink() {
            let target = self.root.join(path).canonicalize().ok();
            Kind::Link(target.map(|target| Link { inside: target.starts_with(&self.real_root), target }))
        } else if kind.is_dir() {
            Kind::Folder
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Special
        }
    }
}

/// Whether a file is a picture that is read here, as its extension says.
///
/// ```
/// assert!(convnet_data::is_picture("cats/1.JPG".as_ref()) && !convnet_data::is_picture("cats/1.txt".as_ref()));
/// ```
pub fn is_picture(file: &Path) -> bool {
    has_extension(file, &PICTURES)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}
