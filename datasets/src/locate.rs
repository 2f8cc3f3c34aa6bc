//! Which files of a data set to use: a named folder, the cache, or a download.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::jpeg;
use crate::layout::{Counted, pictures_in};
use crate::pins::Pins;
use crate::verify::{Difference, verify_pinned, verify_shown};
use crate::{Client, Error, File, Manifest, Places, Progress, Result, Verified, download};

/// What the user wants, as in `--data auto|embedded|DIR`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DataChoice {
    /// `CONVNET_DATA_DIR`, then the cache, then a download.
    #[default]
    Auto,
    /// Generated data only.
    Embedded,
    /// This data folder; what it lacks is generated, never downloaded.
    Folder(PathBuf),
}

impl FromStr for DataChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "auto" => Self::Auto,
            "embedded" => Self::Embedded,
            folder => Self::Folder(folder.into()),
        })
    }
}

impl fmt::Display for DataChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Embedded => f.write_str("embedded"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// Where files were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the folder named by `CONVNET_DATA_DIR`.
    DataDir,
    /// In the cache, from an earlier download.
    Cache,
    /// Just downloaded into the cache.
    Download,
    /// In the folder that the user named.
    Folder,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataDir => "CONVNET_DATA_DIR",
            Self::Cache => "cache",
            Self::Download => "download",
            Self::Folder => "folder",
        })
    }
}

/// Verified files of a data set.
#[derive(Clone, Debug)]
pub struct Located {
    /// The data folder, above the data set's own.
    pub root: PathBuf,
    /// The files in the manifest's order, as they lie there: archives, plain payloads or alternatives. Where the
    /// manifest has a layout, its folders: part by part, and class by class within each.
    pub files: Vec<PathBuf>,
    /// Where they were found.
    pub origin: Origin,
    /// How far they agree with what was published.
    pub verified: Verified,
    /// Lines worth showing about places that were passed over; none after a download, before which they were told.
    pub notes: Vec<String>,
}

/// What [`find`] found on this computer.
#[derive(Clone, Debug)]
pub enum Found {
    /// Everything is there.
    Files(Located),
    /// Not there, and the choice allows a download into this data folder.
    Downloadable {
        /// The cache.
        root: PathBuf,
        /// Bytes of the data set as published.
        bytes: u64,
        /// Lines worth showing about places that were passed over.
        notes: Vec<String>,
    },
    /// Not there; generated data must do.
    Absent {
        /// One line that says why.
        why: String,
    },
}

/// What [`obtain`] ended with.
#[derive(Clone, Debug)]
pub enum Source {
    /// The real files.
    Files(Located),
    /// Generated data must do.
    Embedded {
        /// One line that says why.
        why: String,
    },
}

/// Looks for a data set without using the network: for `--plan`, and the first half of [`obtain`].
///
/// # Errors
/// [`Error::NoFolder`] for a chosen folder that does not exist, [`Error::WrongContent`] or [`Error::Io`] for a
/// file in a folder of the user that is damaged, another one than published, or unreadable. A damaged file in
/// the cache is no error: it will be downloaded again.
pub fn find(manifest: &Manifest, choice: &DataChoice, places: &Places) -> Result<Found> {
    match choice {
        DataChoice::Embedded => Ok(Found::Absent { why: "generated data was asked for".to_owned() }),
        DataChoice::Folder(root) => {
            if !root.is_dir() {
                return Err(Error::NoFolder { path: root.clone() });
            }
            Ok(match look(manifest, root, Origin::Folder)? {
                Ok(located) => Found::Files(located),
                Err(lacking) => Found::Absent { why: lacking },
            })
        }
        DataChoice::Auto => find_anywhere(manifest, places),
    }
}

fn find_anywhere(manifest: &Manifest, places: &Places) -> Result<Found> {
    let mut notes = Vec::new();
    match &places.data_dir {
        Some(root) if !root.is_dir() => {
            notes.push(format!("CONVNET_DATA_DIR: {}: no such folder", root.display()));
        }
        Some(root) => match look(manifest, root, Origin::DataDir)? {
            Ok(located) => return Ok(Found::Files(located)),
            Err(lacking) => notes.push(format!("CONVNET_DATA_DIR: {lacking}")),
        },
        None => {}
    }
    let Some(root) = &places.cache else {
        notes.push("no cache folder is known; set CONVNET_CACHE to download".to_owned());
        return Ok(Found::Absent { why: notes.join("; ") });
    };
    match look(manifest, root, Origin::Cache) {
        Ok(Ok(located)) => return Ok(Found::Files(Located { notes, ..located })),
        Ok(Err(_nothing_cached_yet)) => {}
        Err(damaged) => notes.push(damaged.to_string()),
    }
    Ok(Found::Downloadable { root: root.clone(), bytes: manifest.size(), notes })
}

/// Finds a data set, or downloads it where the choice allows that.
///
/// A download that fails is not an error but [`Source::Embedded`] with the reason, so that a program goes on
/// without network. What was passed over before a download is told to `progress` before it begins.
///
/// # Errors
/// Those of [`find`].
pub fn obtain(
    manifest: &Manifest,
    choice: &DataChoice,
    places: &Places,
    client: &Client,
    progress: &mut dyn Progress,
) -> Result<Source> {
    let root = match find(manifest, choice, places)? {
        Found::Files(located) => return Ok(Source::Files(located)),
        Found::Absent { why } => return Ok(Source::Embedded { why }),
        Found::Downloadable { root, notes, .. } => {
            notes.iter().for_each(|note| progress.note(note));
            root
        }
    };
    let fetched =
        download(manifest, &root, client, progress).and_then(|_| look(manifest, &root, Origin::Download));
    Ok(match fetched {
        Ok(Ok(located)) => Source::Files(located),
        Ok(Err(lacking)) => Source::Embedded { why: lacking },
        Err(error) => Source::Embedded { why: error.to_string() },
    })
}

/// Checks a data set in one data folder, such as the cache; `None` where nothing of it is there. Other than [`find`] it
/// looks at all that is there, also where something lacks, and at each picture of a set that has folders of them. What takes
/// a while is shown.
///
/// # Errors
/// [`Error::WrongContent`] or [`Error::Io`] for a file that is damaged, another one than published, or unreadable;
/// [`Error::Incomplete`] where some files lack or several are damaged, with all of them.
pub fn check(
    manifest: &Manifest,
    root: &Path,
    origin: Origin,
    progress: &mut dyn Progress,
) -> Result<Option<Located>> {
    let folder = root.join(&manifest.folder);
    let (mut lacking, mut wrong) = (Vec::new(), Vec::new());
    let located =
        |files, verified| Located { root: root.to_owned(), files, origin, verified, notes: Vec::new() };
    let found = if let Some(layout) = &manifest.layout {
        let Some(Counted { found, expected }) = layout.count(&folder)? else { return Ok(None) };
        let folders: Vec<PathBuf> = layout.folders(&folder).map(|(folder, _)| folder).collect();
        let mut done = 0;
        for folder in &folders {
            let mut shown = || {
                done += 1;
                progress.prepare(&manifest.title, done, found);
            };
            wrong.extend(check_pictures(folder, &mut shown).err());
        }
        located(folders, Verified::Counted { found, expected })
    } else {
        let pins = Pins::of(&folder)?;
        let (mut files, mut differences) = (Vec::new(), Vec::new());
        for file in &manifest.files {
            let Some(path) = present(&folder, file) else {
                lacking.push(file.name.as_str());
                continue;
            };
            match verify_shown(&path, file, &pins, progress) {
                Ok(difference) => differences.extend(difference),
                Err(error) => wrong.push(error),
            }
            files.push(path);
        }
        if files.is_empty() {
            return Ok(None);
        }
        located(files, agreement(differences))
    };
    match (lacking.as_slice(), wrong.len()) {
        ([], 0) => Ok(Some(found)),
        ([], 1) => Err(wrong.remove(0)),
        (lacking, damaged) => {
            let there = match damaged {
                0 => vec![format!("what is there is whole ({})", found.verified)],
                _ => wrong.iter().map(Error::to_string).collect(),
            };
            let lacks = (!lacking.is_empty()).then(|| format!("lacks {}", lacking.join(", ")));
            let why = lacks.into_iter().chain(there).collect::<Vec<_>>().join("; ");
            Err(Error::Incomplete { path: folder, why })
        }
    }
}

fn agreement(differences: Vec<Difference>) -> Verified {
    if differences.is_empty() { Verified::Published } else { Verified::Differing(differences) }
}

/// Where a data set seems to lie, told by names and lengths without reading a file: the first of `CONVNET_DATA_DIR`
/// and the cache that has all of it, and that data folder.
pub fn glance(manifest: &Manifest, places: &Places) -> Option<(Origin, PathBuf)> {
    let seems = |root: &PathBuf| {
        let folder = root.join(&manifest.folder);
        match &manifest.layout {
            Some(layout) => matches!(layout.count(&folder), Ok(Some(_))),
            None => manifest.files.iter().all(|file| {
                let length = |path: PathBuf| path.metadata().map(|metadata| metadata.len());
                present(&folder, file).is_some_and(|path| length(path).is_ok_and(|n| file.may_have(n)))
            }),
        }
    };
    let places = [(Origin::DataDir, &places.data_dir), (Origin::Cache, &places.cache)];
    let mut roots = places.into_iter().filter_map(|(origin, root)| root.clone().map(|root| (origin, root)));
    roots.find(|(_, root)| seems(root))
}

fn check_pictures(folder: &Path, shown: &mut dyn FnMut()) -> Result<()> {
    let mut corrupt = Vec::new();
    for path in pictures_in(folder)? {
        let bytes = fs::read(&path).map_err(Error::io(&path, "cannot read"))?;
        if let Err(why) = jpeg::check(&bytes) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            corrupt.push(format!("{name} ({why})"));
        }
        shown();
    }
    corrupt.sort();
    match corrupt.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Error::WrongContent {
            path: folder.to_owned(),
            found: format!("{} corrupt pictures, the first is {first}", corrupt.len()),
            expected: "whole JPEG pictures".to_owned(),
        }),
    }
}

/// Checks all files below `root`; the inner error says what is lacking, the outer one what is wrong.
fn look(manifest: &Manifest, root: &Path, origin: Origin) -> Result<Result<Located, String>> {
    let folder = root.join(&manifest.folder);
    let located =
        |files, verified| Located { root: root.to_owned(), files, origin, verified, notes: Vec::new() };
    if let Some(layout) = &manifest.layout {
        return Ok(match layout.count(&folder)? {
            None => Err(format!("{} is not in {}", manifest.folder, root.display())),
            Some(Counted { found, expected }) => {
                let folders = layout.folders(&folder).map(|(folder, _)| folder).collect();
                Ok(located(folders, Verified::Counted { found, expected }))
            }
        });
    }
    let mut files = Vec::new();
    for file in &manifest.files {
        match present(&folder, file) {
            Some(path) => files.push(path),
            None => return Ok(Err(format!("{} is not in {}", file.name, folder.display()))),
        }
    }
    let pins = Pins::of(&folder)?;
    let mut differences = Vec::new();
    for (path, file) in files.iter().zip(&manifest.files) {
        differences.extend(verify_pinned(path, file, &pins)?);
    }
    Ok(Ok(located(files, agreement(differences))))
}

/// The published file, or its payload or an alternative in its place.
pub(crate) fn present(folder: &Path, file: &File) -> Option<PathBuf> {
    file.names().map(|name| folder.join(name)).find(|path| path.exists())
}
