//! `convnet cache`: where files are kept, how large they are, and away with them.

use anyhow::{Context, Result, bail};
use convnet_datasets::Places;
use std::fs;
use std::io;
use std::path::Path;

/// Tells where downloads and features are kept and how large they are.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  convnet cache            where, and how large
  convnet cache --clear    removes the features of `convnet train`; downloads stay")]
pub(crate) struct Arguments {
    /// Remove the features that `convnet train` keeps; downloads stay
    #[arg(long)]
    clear: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Some(cache) = Places::from_environment().cache else {
        bail!("no folder for the cache is known; name one with CONVNET_CACHE");
    };
    let features = cache.join("features");
    if arguments.clear {
        let bytes = size(&features)?;
        match fs::remove_dir_all(&features) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", features.display()));
            }
            _ => {}
        }
        return crate::print(&format!("{}: {} removed", features.display(), told(bytes)));
    }
    let (all, of_features) = (size(&cache)?, size(&features)?);
    crate::print(&format!(
        "{}: {}, of which {} features (`convnet cache --clear` removes them)",
        cache.display(),
        told(all),
        told(of_features)
    ))
}

fn told(bytes: u64) -> String {
    match bytes as f64 / 1024.0 {
        kib if kib < 1024.0 => format!("{kib:.1} KiB"),
        kib if kib < 1024.0 * 1024.0 => format!("{:.1} MiB", kib / 1024.0),
        kib => format!("{:.1} GiB", kib / 1024.0 / 1024.0),
    }
}

/// Bytes of all files under a folder; links are not followed. A folder that is not there has none.
fn size(folder: &Path) -> Result<u64> {
    let mut folders = vec![folder.to_path_buf()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.with_context(|| format!("{} cannot be read", folder.display()))?,
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("{} cannot be read", folder.display()))?;
            // A file that another process has removed meanwhile takes no room.
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += about.len();
            }
        }
    }
    Ok(bytes)
}
