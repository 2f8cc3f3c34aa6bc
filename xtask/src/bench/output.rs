//! Where the lines and the tables go.

use super::results::{Results, Section};
use super::row::Limit;
use super::tables;
use crate::exit::Usage;
use anyhow::Result;
use convnet_report::write_file;
use serde::Serialize;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What this run has found, and where it is told.
#[derive(Debug)]
pub(super) struct Output {
    /// All that is known here: of this run alone, or of the file.
    results: Results,
    to: To,
}

#[derive(Debug)]
enum To {
    /// The standard output, a device or a pipe: each line as it comes.
    Stream(Option<PathBuf>),
    /// A file that is whole at any moment: written when a workload is done.
    File(PathBuf),
}

impl Output {
    /// The standard output, or the place at `out`; a file of earlier results is gone on with.
    ///
    /// # Errors
    /// [`Usage`] for a file of something else, and for a place that cannot be written: better now than after an hour.
    pub(super) fn new(out: Option<&Path>) -> Result<Output> {
        let Some(path) = out else { return Ok(Output { results: Results::default(), to: To::Stream(None) }) };
        if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Ok(Output { results: Results::default(), to: To::Stream(Some(path.to_owned())) });
        }
        let results = read(path)?;
        let output = Output { results, to: To::File(path.to_owned()) };
        output.save(path)?;
        Ok(output)
    }

    /// Tells a line at once where lines are told as they come.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn line(&self, line: &impl Serialize) -> Result<()> {
        let To::Stream(device) = &self.to else { return Ok(()) };
        let line = serde_json::to_string(line)? + "\n";
        match device {
            Some(device) => Ok(write_file(device, line.as_bytes())?),
            None => Ok(std::io::stdout().write_all(line.as_bytes())?),
        }
    }

    /// Keeps what was found of a workload in the place of what was known of it.
    ///
    /// # Errors
    /// When the file, which another bench may have gone on with, cannot be read or written.
    pub(super) fn keep(&mut self, workload: &str, found: Section) -> Result<()> {
        if let To::File(path) = &self.to {
            self.results = read(path)?;
        }
        self.results.replace(workload, found);
        match &self.to {
            To::File(path) => self.save(path),
            To::Stream(_) => Ok(()),
        }
    }

    fn save(&self, path: &Path) -> Result<()> {
        write_file(path, self.results.text()?.as_bytes())?;
        if let Some(page) = page(path).filter(|_| !self.results.sections.is_empty()) {
            write_file(&page, tables::markdown(&self.results).as_bytes())?;
        }
        Ok(())
    }

    /// What is known of the machine of this limit, for a terminal.
    pub(super) fn text(&self, limit: &Limit) -> String {
        let mut machines = self.results.machines().into_iter();
        let here = machines.find(|sections| sections[0].limit.is_of_machine(limit));
        here.map_or_else(String::new, |sections| tables::text(&sections))
    }
}

fn read(path: &Path) -> Result<Results> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Usage(format!("{} cannot be read: {error}", path.display())).into()),
    };
    let other = |line| {
        Usage(format!("{} holds something else ({line}): give another file with --out", path.display()))
    };
    Ok(Results::parse(&text).map_err(other)?)
}

/// The file of the tables beside that of the lines.
fn page(out: &Path) -> Option<PathBuf> {
    let is_lines = out.extension().is_some_and(|extension| extension == "json" || extension == "jsonl");
    is_lines.then(|| out.with_extension("md"))
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::limit;
    use super::super::summary::{OURS, tests::run};
    use super::*;

    fn found(workload: &str, rate: f64) -> Section {
        Section { rows: vec![run(workload, OURS, rate, false)], ..Section::new(limit("A", 2, "monday")) }
    }

    #[test]
    fn the_page_lies_beside_a_file_of_lines_only() {
        assert_eq!(page(Path::new("results/bench.json")), Some("results/bench.md".into()));
        assert_eq!(page(Path::new("bench.jsonl")), Some("bench.md".into()));
        assert_eq!((page(Path::new("bench")), page(Path::new("bench.md"))), (None, None));
    }

    #[test]
    fn a_file_is_gone_on_with_by_this_run_and_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bench.json");
        let (mut first, mut second) = (Output::new(Some(&file)).unwrap(), Output::new(Some(&file)).unwrap());
        assert!(!folder.path().join("bench.md").exists());
        first.keep("mnist_train", found("mnist_train", 1.0)).unwrap();
        second.keep("vgg16_forward", found("vgg16_forward", 2.0)).unwrap();
        first.keep("mnist_train", found("mnist_train", 3.0)).unwrap();
        let known = Output::new(Some(&file)).unwrap().results;
        let rates: Vec<_> =
            known.sections[0].rows.iter().map(|row| (&*row.workload, row.images_per_s)).collect();
        assert_eq!(rates, [("vgg16_forward", 2.0), ("mnist_train", 3.0)]);
        let page = fs::read_to_string(folder.path().join("bench.md")).unwrap();
        assert!(page.contains("| vgg16_forward | 2 | convnet |") && page.contains("## A"), "{page}");
        assert!(first.text(&limit("A", 2, "tuesday")).contains("vgg16_forward"));
        assert_eq!(first.text(&limit("B", 2, "monday")), "");
    }

    #[test]
    fn a_file_of_something_else_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.json");
        fs::write(&file, "{\"mine\": 1}\n").unwrap();
        let error = Output::new(Some(&file)).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("notes.json"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\"mine\": 1}\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_place_that_cannot_be_written_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for file in [folder.path().to_owned(), folder.path().join("lost/bench.json")] {
            let message = Output::new(Some(&file)).unwrap_err().to_string();
            assert!(message.contains(&*file.to_string_lossy()), "{message}");
        }
        let full = Output::new(Some(Path::new("/dev/full"))).unwrap();
        let message = full.line(&1).unwrap_err().to_string();
        assert!(message.contains("/dev/full"), "{message}");
    }
}
