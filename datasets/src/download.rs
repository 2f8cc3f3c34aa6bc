//! From mirrors into a folder: one process at a time, nothing under a final name before it is verified.

use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;

use crate::partial::Partial;
use crate::pins::Pins;
use crate::prepare::prepare;
use crate::staging::sweep_files;
use crate::transfer::{Broken, fetch};
use crate::verify::{verify_pinned, verify_published};
use crate::{Announcement, Client, Error, File, Manifest, Progress, Result};

/// Attempts at one mirror that bring no new byte before the next mirror is asked.
const FRUITLESS: usize = 3;
/// Attempts at one mirror in all; ends a server that breaks off after every byte.
const ATTEMPTS: usize = 20;

/// Fetches what `root`, a data folder, lacks of a data set, and returns the paths of all its files in the
/// manifest's order; where the manifest has a layout, its folders of pictures.
///
/// Mirrors are tried in turn; a broken transfer is resumed, also one of an earlier run. Several processes may do
/// this at once: all but one wait. A file gets its final name only after size and checksum were found right; a file
/// for which no checksum was published is held to that of its first download. An archive of pictures passes through
/// `root/downloads`, and its folders appear when they are complete.
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
    let target = root.join(&manifest.folder);
    let Some(layout) = &manifest.layout else {
        let _lock = lock(&target, progress)?;
        let pins = Pins::of(&target)?;
        // Looked at again under the lock: another process may have finished meanwhile.
        let lacks = |file: &&File| verify_pinned(&target.join(&file.name), file, &pins).is_err();
        let missing: Vec<&File> = manifest.files.iter().filter(lacks).collect();
        if !missing.is_empty() && !manifest.mirrors.is_empty() {
            progress.announce(&announcement(manifest, &missing, &target, None));
        }
        for file in missing {
            download_file(manifest, file, &target, client, progress, &mut |partial, sum, progress| {
                pin(file, sum, &target, progress)?;
                Ok(partial.finish(&target.join(&file.name))?)
            })?;
        }
        return Ok(manifest.files.iter().map(|file| target.join(&file.name)).collect());
    };
    let downloads = root.join("downloads");
    let _lock = lock(&downloads, progress)?;
    if !matches!(layout.count(&target), Ok(Some(_))) {
        let archives: Vec<&File> = manifest.files.iter().collect();
        if !manifest.mirrors.is_empty() {
            progress.announce(&announcement(manifest, &archives, &target, Some(layout.bytes)));
        }
        for file in archives {
            download_file(manifest, file, &downloads, client, progress, &mut |partial, sum, progress| {
                match prepare(manifest, layout, partial.path(), root, progress) {
                    Ok(()) => {
                        pin(file, sum, &downloads, progress)?;
                        Ok(partial.discard()?)
                    }
                    // What cannot be used is not kept, or every later attempt would end here again.
                    Err(Error::Archive { why, .. } | Error::Source { why, .. }) => {
                        partial.discard()?;
                        Err(Broken::Never(format!("sends an archive that cannot be used: {why}")))
                    }
                    Err(error) => Err(Broken::Here(error)),
                }
            })?;
        }
    }
    Ok(layout.folders(&target).map(|(folder, _)| folder).collect())
}

fn announcement<'a>(
    manifest: &'a Manifest,
    missing: &[&File],
    folder: &'a Path,
    stay: Option<u64>,
) -> Announcement<'a> {
    Announcement {
        title: &manifest.title,
        files: missing.len(),
        bytes: missing.iter().map(|file| file.largest()).sum(),
        stay,
        folder,
        licence: &manifest.licence,
    }
}

/// What becomes of a file that has come whole and verified, or with this SHA-256 where none was published.
type Finish<'a> = dyn FnMut(&Partial, Option<&str>, &mut dyn Progress) -> Result<(), Broken> + 'a;

fn download_file(
    manifest: &Manifest,
    file: &File,
    folder: &Path,
    client: &Client,
    progress: &mut dyn Progress,
    finish: &mut Finish<'_>,
) -> Result<()> {
    let mut failures: Vec<(&str, String)> = Vec::new();
    for mirror in &manifest.mirrors {
        match from_mirror(mirror, file, folder, client, progress, finish) {
            Ok(()) => return Ok(()),
            Err(Broken::Here(error)) => return Err(error),
            Err(Broken::Again(why) | Broken::Slow(why) | Broken::Never(why)) => {
                progress.note(&format!("{} {why}", host(mirror)));
                failures.push((host(mirror), why));
            }
        }
    }
    let why = match failures.as_slice() {
        [] => format!("no mirror is known; put the file at {}", folder.join(&file.name).display()),
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
    folder: &Path,
    client: &Client,
    progress: &mut dyn Progress,
    finish: &mut Finish<'_>,
) -> Result<(), Broken> {
    let url = format!("{mirror}{}", file.name);
    let partial = Partial::beside(&folder.join(&file.name));
    let pins = Pins::of(folder)?;
    let mut farthest = 0;
    let mut fruitless = 0;
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let (before, mut slow) = (farthest, false);
        let outcome = fetch(client, &url, &partial, file, |count, total| {
            farthest = farthest.max(count);
            progress.advance(&file.name, count, total);
        });
        match outcome {
            Ok(resumed) => match verify_published(partial.path(), file, &pins) {
                Ok(unpublished) => return finish(&partial, unpublished.as_deref(), progress),
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
            Err(Broken::Slow(why)) => {
                last = why;
                slow = true;
            }
            Err(other) => return Err(other),
        }
        fruitless = if farthest > before && !slow { 0 } else { fruitless + 1 };
        if fruitless == FRUITLESS {
            break;
        }
        thread::sleep(client.pause);
    }
    Err(Broken::Again(last))
}

/// Writes down the checksum of a file for which nobody published one, when it comes for the first time.
pub(crate) fn pin(file: &File, sum: Option<&str>, folder: &Path, progress: &mut dyn Progress) -> Result<()> {
    let Some(sha256) = sum else { return Ok(()) };
    let mut pins = Pins::of(folder)?;
    if pins.check(&file.name, sha256) == Ok(false) {
        pins.add(&file.name, sha256)?;
        let name = &file.name;
        progress
            .note(&format!("{name}: no checksum was published; later downloads must match sha256 {sha256}"));
    }
    Ok(())
}

/// Makes `folder`, waits until no other process downloads into it, and removes what a killed one has left there; the lock ends
/// with the returned file, or with the process.
pub(crate) fn lock(folder: &Path, progress: &mut dyn Progress) -> Result<fs::File> {
    let locked = wait(folder, progress)?;
    sweep_files(folder)?;
    Ok(locked)
}

fn wait(folder: &Path, progress: &mut dyn Progress) -> Result<fs::File> {
    fs::create_dir_all(folder).map_err(Error::io(folder, "cannot create"))?;
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
