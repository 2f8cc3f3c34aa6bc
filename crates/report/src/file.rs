//! Writing a file so that a reader sees the old one or the new one, whole, whatever happens in between.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::Error;

/// Writes `bytes` to `path`: into a temporary file beside it, synced, renamed, folder synced.
///
/// A link is followed. A device or pipe (`/dev/stdout`) is written to directly, since renaming over it would replace it.
///
/// # Errors
/// [`Error::Write`] naming `path` and the cause (disk full, not a folder, permission …); the old file is then untouched.
pub fn write_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    let path = path.as_ref();
    write(path, bytes).map_err(|cause| Error::Write { path: path.to_owned(), cause })
}

/// Makes the folder `path` and those above it; one that is there already is fine.
///
/// # Errors
/// [`Error::Write`] naming `path` and the cause, a file in its place among them.
pub fn create_folder(path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    fs::create_dir_all(path).map_err(|cause| Error::Write { path: path.to_owned(), cause })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => {
            let mut device = fs::OpenOptions::new().write(true).open(path)?;
            return device.write_all(bytes).and_then(|()| device.flush());
        }
        Ok(_) => fs::canonicalize(path)?,
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".convnet-").suffix(".part");
    // A temporary file is private by default; a report is as readable as any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(&folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    sync_folder(&folder)
}

/// Makes the rename itself durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(()); // elsewhere a folder cannot be opened as a file
    }
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder; the file itself has been synced.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        write_file(&path, b"old").unwrap();
        write_file(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        fs::write(&file, b"kept").unwrap();
        let message = write_file(file.join("results.json"), b"x").unwrap_err().to_string();
        assert!(message.contains("out") && message.contains("results.json"), "{message}");
        assert!(message.contains("is a file, not a folder"), "{message}");
        let message = create_folder(&file).unwrap_err().to_string();
        assert!(message.contains("a file stands where the folder should be"), "{message}");
        assert_eq!(fs::read(&file).unwrap(), b"kept");
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = write_file(folder.path(), b"x").unwrap_err().to_string();
        assert!(message.contains("a folder stands where the file should be"), "{message}");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = write_file(folder.path().join("none/results.json"), b"x").unwrap_err().to_string();
        assert!(message.contains("none") && message.contains("no such file or folder"), "{message}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_named_and_stays_a_device() {
        use std::os::unix::fs::FileTypeExt as _;
        let message = write_file("/dev/full", b"x").unwrap_err().to_string();
        assert!(message.contains("/dev/full") && message.contains("disk is full"), "{message}");
        assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_modes_are_ordinary() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        let plain = folder.path().join("plain");
        fs::write(&plain, b"").unwrap();
        assert_eq!(
            fs::metadata(&real).unwrap().permissions().mode(),
            fs::metadata(&plain).unwrap().permissions().mode()
        );
    }
}
