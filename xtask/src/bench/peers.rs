//! The programs that ours is measured beside, and how each is started.

use super::process;
use crate::exit::Usage;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a Python may take to import a framework.
const IMPORT: Duration = Duration::from_secs(180);

/// Another program that runs the same workloads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The name in its lines.
    pub(super) name: &'static str,
    start: Start,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    /// A script of the peers' folder for a Python that has these modules.
    Script { file: &'static str, variant: &'static str, modules: &'static str },
    /// A program that was built before; the arguments stand between workload and threads.
    Program { file: &'static str, arguments: &'static [&'static str] },
}

/// All peers, each by every variant that may be the best on some machine.
pub(super) const ALL: &[Peer] = &[
    Peer {
        name: "keras-fit",
        start: Start::Script { file: "bench_keras.py", variant: "fit", modules: "tensorflow, keras" },
    },
    Peer {
        name: "torch-eager",
        start: Start::Script { file: "bench_torch.py", variant: "eager", modules: "torch" },
    },
    Peer {
        name: "torch-channels_last",
        start: Start::Script { file: "bench_torch.py", variant: "channels_last", modules: "torch" },
    },
    Peer {
        name: "torch-compile",
        start: Start::Script { file: "bench_torch.py", variant: "compile", modules: "torch" },
    },
    Peer { name: "burn-flex", start: Start::Program { file: "peer-burn", arguments: &["flex"] } },
    Peer { name: "candle", start: Start::Program { file: "peer-candle", arguments: &[] } },
];

/// Where the peers lie on this machine.
#[derive(Debug)]
pub(super) struct Places {
    scripts: PathBuf,
    programs: PathBuf,
    pythons: Vec<PathBuf>,
    /// The Python that has these modules, or why there is none: looked for once.
    found: BTreeMap<&'static str, Result<PathBuf, String>>,
}

impl Places {
    /// Scripts in `scripts`, built programs in `programs` (where cargo puts them unless told), and Pythons to try in
    /// this order (`python3` unless told).
    ///
    /// # Errors
    /// [`Usage`] for a folder or a Python that is not there.
    pub(super) fn new(scripts: &Path, programs: Option<&Path>, pythons: &[PathBuf]) -> Result<Places, Usage> {
        for folder in [Some(scripts), programs].into_iter().flatten() {
            if !folder.is_dir() {
                return Err(Usage(format!("{} is no folder; give the one of the peers", folder.display())));
            }
        }
        let is_path = |python: &&PathBuf| python.components().count() > 1;
        if let Some(python) = pythons.iter().filter(is_path).find(|python| !python.is_file()) {
            return Err(Usage(format!("there is no Python at {}", python.display())));
        }
        let programs = programs.map_or_else(|| scripts.join("rust/target/release"), Path::to_owned);
        let pythons = if pythons.is_empty() { vec!["python3".into()] } else { pythons.to_vec() };
        Ok(Places { scripts: scripts.to_owned(), programs, pythons, found: BTreeMap::new() })
    }

    /// What starts `peer` on a workload.
    ///
    /// # Errors
    /// In words, why the peer is absent.
    pub(super) fn command(&mut self, peer: &Peer, workload: &str, threads: usize) -> Result<Command, String> {
        let threads = threads.to_string();
        match peer.start {
            Start::Script { file, variant, modules } => {
                let script = existing(self.scripts.join(file))?;
                let mut command = Command::new(self.python(modules)?);
                // Without traces in the peers' folder.
                command.arg("-B").arg(script);
                command.args(["--workload", workload, "--variant", variant, "--threads", &threads]);
                Ok(command)
            }
            Start::Program { file, arguments } => {
                let file = format!("{file}{}", std::env::consts::EXE_SUFFIX);
                let mut command = Command::new(existing(self.programs.join(file))?);
                command.arg(workload).args(arguments).arg(threads);
                Ok(command)
            }
        }
    }

    /// The first Python that imports `modules`.
    fn python(&mut self, modules: &'static str) -> Result<PathBuf, String> {
        let pythons = &self.pythons;
        let look = || {
            let imports = |python: &&PathBuf| {
                process::run(Command::new(python).args(["-c", &format!("import {modules}")]), IMPORT).is_ok()
            };
            pythons.iter().find(imports).cloned().ok_or_else(|| {
                let tried: Vec<_> = pythons.iter().map(|python| python.display().to_string()).collect();
                format!("no Python imports {modules} (tried {}; --python gives others)", tried.join(", "))
            })
        };
        self.found.entry(modules).or_insert_with(look).clone()
    }
}

fn existing(file: PathBuf) -> Result<PathBuf, String> {
    if file.is_file() { Ok(file) } else { Err(format!("{} is not there", file.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_program_is_started_where_it_was_built_and_absent_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("built");
        std::fs::create_dir(&programs).unwrap();
        let burn = format!("peer-burn{}", std::env::consts::EXE_SUFFIX);
        std::fs::write(programs.join(burn), "").unwrap();
        let mut places = Places::new(folder.path(), Some(&programs), &[]).unwrap();
        let peer = |name: &str| ALL.iter().find(|peer| peer.name == name).unwrap();
        let command = places.command(peer("burn-flex"), "mnist_train", 2).unwrap();
        assert_eq!(words(&command), ["mnist_train", "flex", "2"]);
        for name in ["candle", "keras-fit", "torch-eager"] {
            let message = places.command(peer(name), "mnist_train", 2).unwrap_err();
            assert!(message.contains("is not there"), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_first_python_that_imports_the_modules_is_taken() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let python = |name: &str, imports: &str| {
            let path = folder.path().join(name);
            std::fs::write(
                &path,
                format!("#!/bin/sh\ncase \"$2\" in {imports}) exit 0;; *) exit 1;; esac\n"),
            )
            .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let pythons = [python("none", "nothing"), python("torch", "*torch*"), python("all", "*")];
        let mut places = Places::new(folder.path(), None, &pythons).unwrap();
        assert_eq!(places.python("torch"), Ok(pythons[1].clone()));
        assert_eq!(places.python("tensorflow, keras"), Ok(pythons[2].clone()));
        let mut places = Places::new(folder.path(), None, &pythons[..1]).unwrap();
        let message = places.python("torch").unwrap_err();
        assert!(message.contains("no Python imports torch") && message.contains("none"), "{message}");
    }

    #[test]
    fn folders_and_pythons_that_are_not_there_are_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let lost = folder.path().join("lost");
        for error in [
            Places::new(&lost, None, &[]).unwrap_err(),
            Places::new(folder.path(), Some(&lost), &[]).unwrap_err(),
            Places::new(folder.path(), None, std::slice::from_ref(&lost)).unwrap_err(),
        ] {
            assert!(error.to_string().contains("lost"), "{error}");
        }
    }
}
