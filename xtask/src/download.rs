//! `cargo xtask download`: data sets and weights, from their publishers or from what the user already has.

use crate::exit::Usage;
use crate::fetching::{Fetching, size};
use crate::stdout::print;
use anyhow::{Result, anyhow, bail};
use clap::Args;
use convnet_datasets::{
    Client, DataChoice, Found, Located, Manifest, Origin, Places, Silent, adopt, check, download, find,
    glance,
};
use convnet_report::{Align, Progress, Table};
use std::path::{Path, PathBuf};

/// Stands for everything that has an address.
const ALL: &str = "all";

#[derive(Args, Debug)]
#[command(after_help = "\
Without a name it shows what there is and downloads nothing. Files go to the cache: CONVNET_CACHE, else `convnet` in
the user's cache folder. What lies in CONVNET_DATA_DIR is used and not downloaded again. A download that broke off goes
on where it ended. HTTPS_PROXY and its companions are honoured.

Examples:
  cargo xtask download --list                                   what there is, how large, and where it lies
  cargo xtask download mnist cats_and_dogs                      both
  cargo xtask download all                                      everything that has an address
  cargo xtask download cats_and_dogs --from ~/kaggle/train.zip  pictures that you already have, not downloaded again
  cargo xtask download --verify                                 checks all that is there

Exit codes: 0 all done; 1 a download, a check or the disk failed (the rest still ran); 2 wrong usage or input.")]
pub(crate) struct Arguments {
    /// What to download: names as `--list` shows them, or `all`
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Show what there is: name, size, where it lies, title
    #[arg(long, conflicts_with_all = ["verify", "from"])]
    list: bool,

    /// Check what is there, in CONVNET_DATA_DIR and in the cache, and download nothing
    #[arg(long, conflicts_with = "from")]
    verify: bool,

    /// Take NAME from a file or folder that you already have: verified, prepared and copied into the cache
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`Usage`] and the errors of `convnet-datasets`; what a download or a check failed of is told before.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let places = Places::from_environment();
    let manifests = named(&arguments.names)?;
    if let Some(source) = &arguments.from {
        let [manifest] = manifests.as_slice() else {
            return Err(Usage("`--from PATH` needs exactly one NAME, of what PATH holds".into()).into());
        };
        return take(manifest, source, &places);
    }
    if arguments.verify {
        return verify(&manifests, &places, !arguments.names.is_empty());
    }
    if arguments.list || arguments.names.is_empty() {
        print(&listed(&manifests, &places))?;
    }
    if arguments.list {
        return Ok(());
    }
    if arguments.names.is_empty() {
        let lacking = manifests.iter().filter(|m| !m.mirrors.is_empty() && glance(m, &places).is_none());
        let bytes = size(lacking.map(Manifest::size).sum());
        let what = "nothing was downloaded; give one or several of these names";
        return Err(Usage(format!("{what}, or `{ALL}` for what is lacking ({bytes})")).into());
    }
    fetch(&manifests, &places)
}

/// The manifests that were named; all where none was.
fn named(names: &[String]) -> Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    if names.is_empty() {
        return Ok(Manifest::names().map(Manifest::named).collect::<Result<_, _>>()?);
    }
    for name in names {
        let known: Vec<&str> = if name == ALL { Manifest::names().collect() } else { vec![name.as_str()] };
        for known in known {
            let manifest = Manifest::named(known)?;
            let wanted = name != ALL || !manifest.mirrors.is_empty();
            if wanted && manifests.iter().all(|other: &Manifest| other.name != manifest.name) {
                manifests.push(manifest);
            }
        }
    }
    Ok(manifests)
}

/// The table of `--list`, and where its places are.
fn listed(manifests: &[Manifest], places: &Places) -> String {
    let columns =
        [("name", Align::Left), ("size", Align::Right), ("where", Align::Left), ("title", Align::Left)];
    let mut table = Table::new(&columns);
    for manifest in manifests {
        let known = manifest.files.iter().all(|file| file.size.is_some());
        let most = if known { "" } else { "< " };
        let bytes = manifest.layout.as_ref().map_or(manifest.size(), |layout| layout.bytes);
        let place = match glance(manifest, places) {
            Some((origin, _)) => origin.to_string(),
            None if manifest.mirrors.is_empty() => "absent, --from only".to_string(),
            None if manifest.layout.is_some() => format!("absent, {} to download", size(manifest.size())),
            None => "absent".to_string(),
        };
        table.row([manifest.name.clone(), format!("{most}{}", size(bytes)), place, manifest.title.clone()]);
    }
    let shown =
        |root: &Option<PathBuf>| root.as_deref().map_or("not set".into(), |r| r.display().to_string());
    // The cache is made when something comes; a folder of data that is not there is a slip of the pen.
    let there = places.data_dir.as_deref().is_none_or(Path::is_dir);
    let absent = if there { "" } else { ": no such folder" };
    format!("{table}\nCONVNET_DATA_DIR: {}{absent}\ncache: {}", shown(&places.data_dir), shown(&places.cache))
}

/// Checks what is there; what was named and is not there counts as failed.
fn verify(manifests: &[Manifest], places: &Places, named: bool) -> Result<()> {
    let (mut failed, mut progress) = (Vec::new(), Progress::stderr());
    if let Some(root) = places.data_dir.as_deref().filter(|root| !root.is_dir()) {
        progress.say(&format!("CONVNET_DATA_DIR: {}: no such folder", root.display()));
    }
    for manifest in manifests {
        let mut found = false;
        for (origin, root) in [(Origin::DataDir, &places.data_dir), (Origin::Cache, &places.cache)] {
            let Some(root) = root else { continue };
            let checked = check(manifest, root, origin, &mut Fetching::new(&mut progress));
            match checked {
                Ok(None) => continue,
                Ok(Some(located)) => print(&there(manifest, &located))?,
                Err(error) => {
                    print(&format!("{}: {origin}: {error}", manifest.name))?;
                    failed.push(manifest.name.as_str());
                }
            }
            found = true;
        }
        if !found {
            print(&format!("{}: not here", manifest.name))?;
            failed.extend(named.then_some(manifest.name.as_str()));
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("{} failed the check", failed.join(", ")) }
}

fn there(manifest: &Manifest, located: &Located) -> String {
    let folder = located.root.join(&manifest.folder);
    format!("{}: {}, {}; {}", manifest.name, located.origin, folder.display(), located.verified)
}

/// Takes one data set from what the user has.
fn take(manifest: &Manifest, source: &Path, places: &Places) -> Result<()> {
    if let Err(error) = source.metadata() {
        return Err(Usage(format!("{}: {error}; name a file or folder", source.display())).into());
    }
    let cache = places.cache.as_ref();
    let cache = cache.ok_or_else(|| Usage("no cache folder is known; set CONVNET_CACHE to one".into()))?;
    let mut progress = Progress::stderr();
    let located = adopt(manifest, source, cache, &mut Fetching::new(&mut progress))?;
    print(&there(manifest, &located))
}

/// Downloads what is lacking, one after another; what fails does not stop the rest.
fn fetch(manifests: &[Manifest], places: &Places) -> Result<()> {
    let (mut progress, client) = (Progress::stderr(), Client::default());
    let mut failed = Vec::new();
    for manifest in manifests {
        match fetch_one(manifest, places, &client, &mut progress) {
            Ok(line) => print(&line)?,
            Err(error) => {
                progress.say(&format!("{}: {error:#}", manifest.name));
                failed.push(manifest.name.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let served = manifests.iter().find(|m| !m.mirrors.is_empty() && failed.contains(&m.name.as_str()));
    if let Some(Manifest { name, .. }) = served {
        progress.say(&format!("if you have it already: cargo xtask download {name} --from PATH"));
    }
    bail!("{} of {} could not be had: {}", failed.len(), manifests.len(), failed.join(", "))
}

fn fetch_one(
    manifest: &Manifest,
    places: &Places,
    client: &Client,
    progress: &mut Progress,
) -> Result<String> {
    let root = match find(manifest, &DataChoice::Auto, places)? {
        Found::Files(located) => return Ok(there(manifest, &located)),
        Found::Absent { why } => bail!(why),
        Found::Downloadable { root, notes, .. } => {
            notes.iter().for_each(|note| progress.say(note));
            root
        }
    };
    if manifest.mirrors.is_empty() {
        let files: Vec<_> = manifest.files.iter().map(|file| file.name.as_str()).collect();
        let (files, name) = (files.join(", "), &manifest.name);
        bail!("no mirror is known of {files}; where you have it: cargo xtask download {name} --from PATH");
    }
    download(manifest, &root, client, &mut Fetching::new(progress))?;
    let located = check(manifest, &root, Origin::Download, &mut Silent)?;
    let located = located.ok_or_else(|| anyhow!("it has been removed from {} again", root.display()))?;
    Ok(there(manifest, &located))
}
