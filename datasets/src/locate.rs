//! Which files of a data set to use: a named folder, the cache, or a download.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Client, Error, File, Manifest, Places, Progress, Result, Verified, download, verify};

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
    /// The files in the manifest's order; archives or plain payloads, as they lie there.
    pub files: Vec<PathBuf>,
    /// Where they were found.
    pub origin: Origin,
    /// How far they agree with what was published.
    pub verified: Verified,
    /// Lines worth showing about places that were passed over.
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
    if let Some(root) = &places.data_dir {
        match look(manifest, root, Origin::DataDir)? {
            Ok(located) => return Ok(Found::Files(located)),
            Err(lacking) => notes.push(format!("CONVNET_DATA_DIR: {lacking}")),
        }
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
/// without network.
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
    let (root, notes) = match find(manifest, choice, places)? {
        Found::Files(located) => return Ok(Source::Files(located)),
        Found::Absent { why } => return Ok(Source::Embedded { why }),
        Found::Downloadable { root, notes, .. } => (root, notes),
    };
    let fetched =
        download(manifest, &root, client, progress).and_then(|_| look(manifest, &root, Origin::Download));
    let why = match fetched {
        Ok(Ok(located)) => return Ok(Source::Files(Located { notes, ..located })),
        Ok(Err(lacking)) => lacking,
        Err(error) => error.to_string(),
    };
    Ok(Source::Embedded { why: notes.into_iter().chain([why]).collect::<Vec<_>>().join("; ") })
}

/// Checks all files below `root`; the inner error says what is lacking, the outer one what is wrong.
fn look(manifest: &Manifest, root: &Path, origin: Origin) -> Result<Result<Located, String>> {
    let folder = root.join(&manifest.folder);
    let mut files = Vec::new();
    for file in &manifest.files {
        match present(&folder, file) {
            Some(path) => files.push(path),
            None => return Ok(Err(format!("{} is not in {}", file.name, folder.display()))),
        }
    }
    let mut others = Vec::new();
    for (path, file) in files.iter().zip(&manifest.files) {
        others.extend(verify(path, file)?);
    }
    let verified = if others.is_empty() { Verified::Published } else { Verified::OtherContainer(others) };
    Ok(Ok(Located { root: root.to_owned(), files, origin, verified, notes: Vec::new() }))
}

/// The archive, or the plain payload in its place.
fn present(folder: &Path, file: &File) -> Option<PathBuf> {
    let names = [Some(&file.name), file.payload.as_ref().map(|payload| &payload.name)];
    names.into_iter().flatten().map(|name| folder.join(name)).find(|path| path.exists())
}
