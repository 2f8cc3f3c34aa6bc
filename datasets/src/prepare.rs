//! The book's split of a larger set of pictures, from whatever archive or folder holds it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::archive::{self, Bounds, Spent};
use crate::layout::pictures_in;
use crate::staging::Staging;
use crate::unpack::write;
use crate::{Error, Layout, Manifest, Progress, Result, jpeg};

/// Bytes of the largest picture that is taken; the largest of the 25,000 has less than one MB.
const LARGEST: u64 = 32 << 20;
/// How deep a folder is searched: `download/PetImages/Cat/0.jpg` and one more.
const DEPTH: usize = 4;
/// How many skipped pictures are told one by one; the list in the folder has all of them.
const TOLD: usize = 20;
/// The archive of labelled pictures inside Kaggle's.
const PACKED: &str = "train.zip";
/// The file beside the parts that says where they came from.
const ORIGIN: &str = "ORIGIN.txt";

/// Makes the folders of `layout` below `root` from `source`: an archive as published or as Kaggle serves it (also one
/// inside another), a folder of such pictures, or a folder that is already divided. They appear when they are
/// complete; corrupt pictures are left out, told to `progress` and listed in `ORIGIN.txt`, and so are those that are not there.
///
/// # Errors
/// [`Error::Source`] when too many pictures are missing, more than of what stands there already, or one is there twice,
/// [`Error::Archive`] as [`unpack`](crate::unpack), [`Error::Io`] when the disk refuses. What stood there before stays then.
pub(crate) fn prepare(
    manifest: &Manifest,
    layout: &Layout,
    source: &Path,
    root: &Path,
    progress: &mut dyn Progress,
) -> Result<()> {
    let target = root.join(&manifest.folder);
    Staging::sweep(&target)?;
    let staging = Staging::beside(&target)?;
    let folder = staging.folder();
    for (folder, _) in layout.folders(&folder) {
        fs::create_dir_all(&folder).map_err(Error::io(&folder, "cannot create"))?;
    }
    let mut gathered =
        Gathered { manifest, layout, folder: &folder, progress, from: HashMap::new(), skipped: Vec::new() };
    if source.is_dir() {
        match divided(layout, &[source, &source.join(&manifest.folder)]) {
            Some(tree) => gathered.copy_tree(&tree)?,
            None => gathered.walk(source, source, 0)?,
        }
        // Kaggle's download, unpacked once.
        let packed = source.join(PACKED);
        if gathered.from.is_empty() && packed.is_file() {
            gathered.unpack(&packed, &staging)?;
        }
    } else {
        gathered.unpack(source, &staging)?;
    }
    gathered.finish(source, &target)?;
    staging.settle()
}

/// The first of these folders that is already divided and complete.
fn divided(layout: &Layout, candidates: &[&Path]) -> Option<PathBuf> {
    let complete = |folder: &&&Path| matches!(layout.count(folder), Ok(Some(_)));
    candidates.iter().find(complete).map(|folder| folder.to_path_buf())
}

/// Pictures that have been looked at.
struct Gathered<'a> {
    manifest: &'a Manifest,
    layout: &'a Layout,
    folder: &'a Path,
    progress: &'a mut dyn Progress,
    /// Where the picture for each place came from, whole or not.
    from: HashMap<String, String>,
    /// Pictures that are left out, and why.
    skipped: Vec<(String, &'static str)>,
}

impl Gathered<'_> {
    /// Takes the pictures of an archive, and of the one that Kaggle packs into another.
    fn unpack(&mut self, archive: &Path, staging: &Staging) -> Result<()> {
        let mut spent = Spent::new(Bounds::default());
        let inner = staging.spare(PACKED);
        let mut nested = false;
        archive::visit(archive, &mut spent, &mut |entry| {
            let Some(content) = entry.content else { return Ok(()) };
            if entry.name == PACKED {
                nested = true;
                return write(content, &inner);
            }
            self.offer_entry(entry.name, content)
        })?;
        if nested && self.from.is_empty() {
            archive::visit(&inner, &mut spent, &mut |entry| match entry.content {
                Some(content) => self.offer_entry(entry.name, content),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    fn offer_entry(&mut self, name: String, content: archive::Content<'_>) -> Result<()> {
        let Some(place) = self.layout.place(&name) else { return Ok(()) };
        if content.size > LARGEST {
            return self.offer(place, name, Err("larger than any picture of this set"));
        }
        let mut bytes = Vec::new();
        content.read(&mut |more| {
            bytes.extend_from_slice(more);
            Ok(())
        })?;
        self.offer(place, name, Ok(&bytes))
    }

    /// Takes the pictures of a folder, told by their names.
    fn walk(&mut self, top: &Path, folder: &Path, depth: usize) -> Result<()> {
        let entries = fs::read_dir(folder).map_err(Error::io(folder, "cannot list"))?;
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io(folder, "cannot list"))?;
            let kind = entry.file_type().map_err(Error::io(&entry.path(), "cannot read"))?;
            paths.push((entry.path(), kind.is_dir()));
        }
        // What is reported does not depend on the file system's order.
        paths.sort();
        for (path, is_folder) in paths {
            if is_folder {
                if depth < DEPTH {
                    self.walk(top, &path, depth + 1)?;
                }
                continue;
            }
            let name = self.name_of(top, &path);
            let Some(place) = self.layout.place(&name).filter(|_| path.is_file()) else { continue };
            self.offer_file(place, name, &path)?;
        }
        Ok(())
    }

    /// Takes a folder that is already divided, as it is.
    fn copy_tree(&mut self, tree: &Path) -> Result<()> {
        let parts: Vec<PathBuf> = self.layout.folders(tree).map(|(folder, _)| folder).collect();
        for folder in parts {
            let mut pictures: Vec<PathBuf> = pictures_in(&folder)?.collect();
            pictures.sort();
            for path in pictures {
                let place = self.name_of(tree, &path);
                self.offer_file(place.clone(), place, &path)?;
            }
        }
        Ok(())
    }

    /// The path of a picture below the folder that was named, with `/`.
    fn name_of(&self, top: &Path, path: &Path) -> String {
        let below = path.strip_prefix(top).unwrap_or(path).components();
        below.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    fn offer_file(&mut self, place: String, name: String, path: &Path) -> Result<()> {
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(Error::io(path, "cannot read"))?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io(path, "cannot read"))?;
        if bytes.len() as u64 > LARGEST {
            return self.offer(place, name, Err("larger than any picture of this set"));
        }
        self.offer(place, name, Ok(&bytes))
    }

    /// Writes a picture to its place, or counts it as skipped.
    fn offer(&mut self, place: String, name: String, picture: Result<&[u8], &'static str>) -> Result<()> {
        if let Some(other) = self.from.get(&place) {
            let found =
                format!("{other} and {name} are both {place}; name the folder that holds one of them");
            return Err(Error::Source { path: name.into(), why: found });
        }
        match picture.and_then(|bytes| jpeg::check(bytes).map(|()| bytes)) {
            Ok(bytes) => {
                let path = self.folder.join(&place);
                fs::write(&path, bytes).map_err(Error::io(&path, "cannot write"))?;
            }
            Err(why) => {
                if self.skipped.len() < TOLD {
                    self.progress.note(&format!("skipped: {name} is {why}"));
                }
                self.skipped.push((name.clone(), why));
            }
        }
        self.from.insert(place, name);
        self.progress.prepare(&self.manifest.title, self.from.len() as u64, self.layout.pictures());
        Ok(())
    }

    /// Sees that enough has come together, not less than what stands at `target`, and writes down where it came from.
    fn finish(&mut self, source: &Path, target: &Path) -> Result<()> {
        let refuse = |why: String| Error::Source { path: source.to_owned(), why };
        if self.from.is_empty() {
            return Err(refuse(format!("holds no pictures of this set; {}", self.forms())));
        }
        let counted = match self.layout.count(self.folder) {
            Ok(counted) => counted.map_or(0, |counted| counted.found),
            Err(Error::WrongContent { path, found, expected }) => {
                let part = self.name_of(self.folder, &path);
                let forms = self.forms();
                return Err(refuse(format!("gives {part} {found}, expected {expected}; {forms}")));
            }
            Err(other) => return Err(other),
        };
        let stands = self.layout.whole(target, counted)?;
        if stands > counted {
            return Err(refuse(format!(
                "gives {counted} pictures where {} has {stands}, which stay; to take the fewer ones all the same, remove that folder first",
                target.display()
            )));
        }
        let (skipped, total) = (self.skipped.len(), self.layout.pictures());
        let absent = total - self.from.len() as u64;
        let name = source.file_name().unwrap_or(source.as_os_str()).to_string_lossy();
        let mut text = format!("{counted} of {total} pictures, from {name}\n");
        for (picture, why) in &self.skipped {
            let _ = writeln!(text, "skipped: {} is {why}", picture.escape_debug());
        }
        for absent in self.layout.absent(|place| self.from.contains_key(place), self.from.keys()) {
            let _ = writeln!(text, "not there: {absent}");
        }
        let told = [(skipped as u64, "corrupt and skipped"), (absent, "not there")];
        let told: Vec<_> = told
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !told.is_empty() {
            let line = format!("{counted} of {total} pictures: {}", told.join(", "));
            self.progress.note(&format!("{line}; listed in {}/{ORIGIN}", self.manifest.folder));
        }
        let path = self.folder.join(ORIGIN);
        fs::write(&path, text).map_err(Error::io(&path, "cannot write"))
    }

    /// What would do, in words.
    fn forms(&self) -> String {
        let (part, class) = (&self.layout.parts[0], &self.layout.classes[0]);
        let (folder, prefix, number) = (&class.folder, &class.prefix, part.first);
        format!(
            "a zip, tar.gz or folder with {}/{number}.jpg, {prefix}.{number}.jpg or {}/{folder}/… would do",
            class.archive, part.folder
        )
    }
}
