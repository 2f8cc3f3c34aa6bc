//! A data set that the user already has, taken into the cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::download::{lock, pin};
use crate::locate::{check, present};
use crate::pins::Pins;
use crate::prepare::prepare;
use crate::staging::{sync_folder, temporary_file};
use crate::verify::{is_gzip, verify_pinned, verify_shown};
use crate::{Error, File, How, Located, Manifest, Origin, Progress, Result, Silent};

/// Takes a data set from `source`, a file or folder that the user has, into `root`, a data folder such as the cache.
///
/// For pictures `source` is an archive (zip or tar.gz), a folder of them, or a folder that is already divided; they
/// are prepared as after a download. For files it is the file itself under any name, or a folder that holds all
/// files, itself or in the manifest's folder; they are verified and copied. What `root` already had is replaced;
/// `source` is only read.
///
/// # Errors
/// [`Error::Source`] when files or pictures are missing or there twice, fewer pictures come than `root` has, or a file is
/// damaged or another one; [`Error::Archive`] for an archive that is damaged or hostile, [`Error::Io`] when it cannot
/// be read or the disk refuses. What `root` had stays then.
pub fn adopt(
    manifest: &Manifest,
    source: &Path,
    root: &Path,
    progress: &mut dyn Progress,
) -> Result<Located> {
    fs::metadata(source).map_err(Error::io(source, "cannot read"))?;
    let target = root.join(&manifest.folder);
    match &manifest.layout {
        Some(layout) => {
            let _lock = lock(&root.join("downloads"), progress)?;
            if !same(source, &target) && !same(source, root) {
                prepare(manifest, layout, source, root, progress)?;
            }
        }
        None => {
            let _lock = lock(&target, progress)?;
            for (file, path) in manifest.files.iter().zip(sources(manifest, source)?) {
                take(manifest, file, &path, &target, progress)?;
            }
        }
    }
    let lacking =
        || Error::Source { path: source.to_owned(), why: format!("{} is not there", manifest.name) };
    check(manifest, root, Origin::Cache, &mut Silent)?.ok_or_else(lacking)
}

/// Whether two paths lead to one folder.
fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Where each file of the manifest is to be read.
fn sources(manifest: &Manifest, source: &Path) -> Result<Vec<PathBuf>> {
    let refuse = |why: String| Error::Source { path: source.to_owned(), why };
    if !source.is_dir() {
        return match manifest.files.len() {
            1 => Ok(vec![source.to_owned()]),
            n => Err(refuse(format!(
                "{} consists of {n} files; name the folder that holds them",
                manifest.name
            ))),
        };
    }
    let below = source.join(&manifest.folder);
    let find = |file: &File| {
        let found = present(source, file).or_else(|| present(&below, file));
        found.ok_or_else(|| refuse(format!("{} is neither there nor in {}", file.name, manifest.folder)))
    };
    manifest.files.iter().map(find).collect()
}

/// Says of a file of the user what it is not: it is theirs, so nobody is told to remove it.
fn not_this(error: Error, manifest: &Manifest, file: &File) -> Error {
    match error {
        Error::WrongContent { path, found, expected } => {
            let (file, name) = (&file.name, &manifest.name);
            let why =
                format!("{found}, expected {expected}: this is not {file} of {name}; it was not touched");
            Error::Source { path, why }
        }
        other => other,
    }
}

/// Verifies a file and copies it into `folder` under the name that its content has in the manifest.
fn take(
    manifest: &Manifest,
    file: &File,
    source: &Path,
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<()> {
    let pins = Pins::of(folder)?;
    verify_shown(source, file, &pins, progress).map_err(|error| not_this(error, manifest, file))?;
    let copy = temporary_file(folder)?;
    let path = copy.path().to_owned();
    let mut reader = fs::File::open(source).map_err(Error::io(source, "cannot read"))?;
    io::copy(&mut reader, &mut copy.as_file()).map_err(Error::io(&path, "cannot write"))?;
    copy.as_file().sync_all().map_err(Error::io(&path, "cannot write to the disk"))?;
    // The copy counts, whatever has become of the source meanwhile.
    let difference = verify_pinned(&path, file, &pins)?;
    let name = match difference.map(|difference| difference.how) {
        Some(How::Alternative { name, .. }) => name,
        Some(How::Unpublished { sha256, .. }) => {
            pin(file, Some(&sha256), folder, progress)?;
            file.name.clone()
        }
        Some(How::PackedAgain { .. }) => file.name.clone(),
        None => match &file.payload {
            Some(payload) if !is_gzip(&path)? => payload.name.clone(),
            _ => file.name.clone(),
        },
    };
    let target = folder.join(&name);
    copy.persist(&target)
        .map_err(|e| Error::io(&target, "cannot rename the finished file to this name")(e.error))?;
    sync_folder(folder)?;
    // A damaged one under another of the file's names could be found first.
    for other in file.names().filter(|other| *other != name).map(|other| folder.join(other)) {
        if let Err(Error::WrongContent { .. }) = verify_pinned(&other, file, &pins) {
            fs::remove_file(&other).map_err(Error::io(&other, "cannot remove"))?;
        }
    }
    Ok(())
}
