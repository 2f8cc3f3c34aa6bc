//! An archive becomes a folder, whole or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::archive::{self, Bounds, Content, Spent};
use crate::staging::Staging;
use crate::{Error, Result};

/// Unpacks a zip or tar.gz archive, told apart by its first bytes, into the new folder `target`.
///
/// Only files and folders below `target` are made, with the system's usual rights; names may be in any script. The
/// folder appears when everything is in it and on the disk; after an error nothing stays. Archives inside are left
/// packed. Memory does not grow with the archive's content.
///
/// # Errors
/// [`Error::Archive`] for anything else than such an archive: one that is damaged or encrypted, that exceeds
/// `bounds`, or that has an entry which leads outside, has no portable name, occurs twice (also where capitals are
/// not told apart), or is a link or device. [`Error::Io`] when `target` exists or the disk refuses.
///
/// ```no_run
/// # fn main() -> convnet_datasets::Result<()> {
/// use convnet_datasets::{Bounds, unpack};
/// unpack("pictures.zip".as_ref(), "pictures".as_ref(), &Bounds::default())?;
/// # Ok(())
/// # }
/// ```
pub fn unpack(archive: &Path, target: &Path, bounds: &Bounds) -> Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        let exists = std::io::ErrorKind::AlreadyExists.into();
        return Err(Error::io(target, "cannot unpack to this name")(exists));
    }
    let staging = Staging::beside(target)?;
    let folder = staging.folder();
    archive::visit(archive, &mut Spent::new(*bounds), &mut |entry| {
        let path = folder.join(&entry.name);
        match entry.content {
            None => fs::create_dir_all(&path).map_err(Error::io(&path, "cannot create")),
            Some(content) => {
                let parent = path.parent().unwrap_or(&folder);
                fs::create_dir_all(parent).map_err(Error::io(parent, "cannot create"))?;
                write(content, &path)
            }
        }
    })?;
    staging.settle()
}

/// Writes an entry's content to a file that does not exist yet.
pub(crate) fn write(content: Content<'_>, path: &Path) -> Result<()> {
    // Never an existing one: where the file system finds two names equal that we do not, that is told.
    let mut file = fs::File::create_new(path).map_err(Error::io(path, "cannot create"))?;
    content.read(&mut |bytes| file.write_all(bytes).map_err(Error::io(path, "cannot write")))
}
