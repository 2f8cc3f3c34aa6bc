//! From mirrors into a folder: one process at a time, nothing under a final name before it is verified.

use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;

use crate::partial::Partial;
use crate::transfer::{Broken, fetch};
use crate::verify::verify_published;
use crate::{Announcement, Client, Error, File, Manifest, Progress, Result, verify};

/// Attempts at one mirror that bring no new byte before the next mirror is asked.
const FRUITLESS: usize = 3;
/// Attempts at one mirror in all; ends a server that breaks off after every byte.
const ATTEMPTS: usize = 20;

/// Fetches what `root`, a data folder, lacks of a data set, and returns the paths of all its files in the
/// manifest's order.
///
/// Mirrors are tried in turn; a broken transfer is resumed, also one of an earlier run. Several processes may do
/// this at once: all but one wait. A file gets its final name only after size and checksum were found right.
///
/// # Errors
/// [`Error::Unavailable`] when no mirror delivered a file, [`Error::Io`] when this computer's disk refuses.
/// Files that were complete before stay; partial ones stay under the name `….part` for the next attempt.
pub fn download(
    manifest: &Manifest,
    root: &Path,
    client: &Client,
    progress: &mut dyn Progress,
) -> Result<Vec<PathBuf>> {
    let folder = root.join(&manifest.folder);
    fs::create_dir_all(&folder).map_err(Error::io(&folder, "cannot create"))?;
    let _lock = lock(&folder, progress)?;

    // Looked at again under the lock: another process may have finished meanwhile.
    let target = |file: &File| folder.join(&file.name);
    let missing: Vec<&File> =
        manifest.files.iter().filter(|file| verify(&target(file), file).is_err()).collect();
    if !missing.is_empty() {
        progress.announce(&Announcement {
            title: &manifest.title,
            files: missing.len(),
            bytes: missing.iter().map(|file| file.size).sum(),
            folder: &folder,
            licence: &manifest.licence,
        });
    }
    for file in missing {
        download_file(manifest, file, &target(file), client, progress)?;
    }
    Ok(manifest.files.iter().map(target).collect())
}

fn download_file(
    manifest: &Manifest,
    file: &File,
    target: &Path,
    client: &Client,
    progress: &mut dyn Progress,
) -> Result<()> {
    let mut failures: Vec<(&str, String)> = Vec::new();
    for mirror in &manifest.mirrors {
        match from_mirror(mirror, file, target, client, progress) {
            Ok(()) => return Ok(()),
            Err(Broken::Here(error)) => return Err(error),
            Err(Broken::Again(why) | Broken::Never(why)) => {
                progress.note(&format!("{} {why}", host(mirror)));
                failures.push((host(mirror), why));
            }
        }
    }
    let why = match failures.as_slice() {
        [] => format!("no mirror is known; put the file at {}", target.display()),
        // Without network all mirrors fail alike: said once.
        [(first, why), rest @ ..] if !rest.is_empty() && rest.iter().all(|(_, other)| other == why) => {
            let others: String = rest.iter().map(|(host, _)| format!(", {host}")).collect();
            format!("{first}{others}: each {why}")
        }
        _ => failures.iter().map(|(host, why)| format!("{host} {why}")).collect::<Vec<_>>().join("; "),
    };
    Err(Error::Unavailable { name: manifest.name.clone(), file: file.name.clone(), why })
}

fn from_mirror(
    mirror: &str,
    file: &File,
    target: &Path,
    client: &Client,
    progress: &mut dyn Progress,
) -> Result<(), Broken> {
    let url = format!("{mirror}{}", file.name);
    let partial = Partial::beside(target);
    let mut farthest = 0;
    let mut fruitless = 0;
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let before = farthest;
        let outcome = fetch(client, &url, &partial, file.size, |count| {
            farthest = farthest.max(count);
            progress.advance(&file.name, count, file.size);
        });
        match outcome {
            Ok(resumed) => match verify_published(partial.path(), file) {
                Ok(()) => return Ok(partial.finish(target)?),
                Err(Error::WrongContent { found, expected, .. }) => {
                    partial.discard()?;
                    last = format!("sends another file ({found}, expected {expected})");
                    // Perhaps only the earlier part was bad: worth one attempt from the start.
                    if !resumed {
                        return Err(Broken::Never(last));
                    }
                    farthest = 0;
                }
                Err(error) => return Err(Broken::Here(error)),
            },
            Err(Broken::Again(why)) => last = why,
            Err(other) => return Err(other),
        }
        fruitless = if farthest > before { 0 } else { fruitless + 1 };
        if fruitless == FRUITLESS {
            break;
        }
        thread::sleep(client.pause);
    }
    Err(Broken::Again(last))
}

/// Waits until no other process downloads into `folder`; the lock ends with the returned file, or with the process.
fn lock(folder: &Path, progress: &mut dyn Progress) -> Result<fs::File> {
    let path = folder.join(".download.lock");
    let file = fs::File::create(&path).map_err(Error::io(&path, "cannot create"))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            progress.note(&format!("another process downloads into {}; waiting for it", folder.display()));
        }
        Err(TryLockError::Error(e)) => return Err(Error::io(&path, "cannot lock")(e)),
    }
    file.lock().map_err(Error::io(&path, "cannot lock"))?;
    Ok(file)
}

fn host(mirror: &str) -> &str {
    mirror.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(mirror)
}
