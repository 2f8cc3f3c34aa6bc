//! Where the peers lie on this machine, and the command line of each.

use super::ours::Ours;
use super::peers::{Peer, Start};
use super::{input, process};
use crate::exit::Usage;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;
use std::time::Duration;

/// How long a Python may take to import a framework, or to write a model of half a gigabyte.
const IMPORT: Duration = Duration::from_secs(300);
/// The script of the peers' folder that reads ONNX files, and writes them.
const ONNX_SCRIPT: &str = "bench_onnx.py";

/// Where the peers lie on this machine.
#[derive(Debug)]
pub(super) struct Places {
    scripts: PathBuf,
    programs: PathBuf,
    /// The folder for ONNX files, made when the first is wanted.
    models: PathBuf,
    pythons: Vec<PathBuf>,
    /// The Python that has these modules, or why there is none: looked for once.
    found: BTreeMap<String, Result<PathBuf, String>>,
}

/// What the command line of a run is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a> {
    pub(super) workload: &'a str,
    pub(super) threads: usize,
    pub(super) rounds: usize,
}

impl Places {
    /// Scripts in `scripts`, built programs in `programs` (where cargo puts them unless told), ONNX files in `models`, and
    /// Pythons to try in this order (`python3` unless told).
    ///
    /// # Errors
    /// [`Usage`] for a folder or a Python that is not there.
    pub(super) fn new(
        scripts: &Path,
        programs: Option<&Path>,
        models: PathBuf,
        pythons: &[PathBuf],
    ) -> Result<Places, Usage> {
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
        Ok(Places { scripts: scripts.to_owned(), programs, models, pythons, found: BTreeMap::new() })
    }

    /// What starts `peer` on a workload.
    ///
    /// # Errors
    /// In words, why the peer is absent.
    pub(super) fn command(&mut self, peer: &Peer, run: Run<'_>) -> Result<Command, String> {
        let threads = run.threads.to_string();
        match peer.start {
            Start::Script { file, modules, variant } => {
                let mut command = self.script(file, modules, run)?;
                command.args(["--variant", variant]);
                Ok(command)
            }
            Start::OnnxScript { library, variant } => {
                let model = self.model(run.workload)?;
                let mut command = self.script(ONNX_SCRIPT, &format!("{library}, numpy"), run)?;
                command.args(["--lib", library, "--variant", variant, "--models"]).args(model.parent());
                Ok(command)
            }
            Start::InputScript { library, modules } => {
                let mut command = self.script("bench_input.py", modules, run)?;
                command.args(["--lib", library]);
                if run.workload == "decode" {
                    let folder = input::photographs().map_err(|error| error.to_string())?;
                    let limit = input::PHOTOGRAPHS.to_string();
                    command.args(["--limit", &limit, "--images"]).arg(folder);
                }
                Ok(command)
            }
            Start::OwnScript { script, modules, variant } => {
                let python = self.python(modules)?;
                existing(self.scripts.join("common.py"))?;
                let mut command = Command::new(python);
                let folder =
                    absolute(&self.scripts).map_err(|error| format!("the peers' folder: {error}"))?;
                command.env("PYTHONPATH", folder).args(["-B", "-c", script]);
                with_run(&mut command, run).args(["--variant", variant]);
                Ok(command)
            }
            Start::Program { file, arguments } => {
                let mut command = self.program(file)?;
                command.arg(run.workload).args(arguments).arg(threads);
                Ok(command)
            }
            Start::Ourselves { name } => {
                Ours::new(run.threads, run.rounds).command(name).map_err(|error| format!("{error:#}"))
            }
            Start::OnnxProgram { library } => {
                let mut command = self.program("peer-onnx")?;
                command.arg(self.model(run.workload)?).args([library, &threads]);
                Ok(command)
            }
        }
    }

    fn script(&mut self, file: &str, modules: &str, run: Run<'_>) -> Result<Command, String> {
        let script = existing(self.scripts.join(file))?;
        let mut command = Command::new(self.python(modules)?);
        // Without traces in the peers' folder.
        command.arg("-B").arg(script);
        with_run(&mut command, run);
        Ok(command)
    }

    fn program(&self, file: &str) -> Result<Command, String> {
        let file = format!("{file}{}", std::env::consts::EXE_SUFFIX);
        existing(self.programs.join(file)).map(Command::new)
    }

    /// The ONNX file of a workload, written by the peers' script where it is not there yet.
    fn model(&mut self, workload: &str) -> Result<PathBuf, String> {
        let file = self.models.join(format!("{workload}.onnx"));
        if file.is_file() {
            return Ok(file);
        }
        let script = existing(self.scripts.join(ONNX_SCRIPT))?;
        // An interrupted script must not leave half a model under the final name.
        let part = self.models.join("part").join(format!("{workload}.onnx"));
        let mut command = Command::new(self.python("onnx, numpy")?);
        command.arg("-B").arg(script).args(["--workload", workload, "--build"]).arg(&part);
        process::run(&mut command, IMPORT).map_err(|reason| format!("there is no ONNX file: {reason}"))?;
        std::fs::rename(&part, &file).map_err(|error| format!("the ONNX file cannot be kept: {error}"))?;
        Ok(file)
    }

    /// The first Python that imports `modules`.
    fn python(&mut self, modules: &str) -> Result<PathBuf, String> {
        let pythons = &self.pythons;
        let look = || {
            let imports = |python: &&PathBuf| {
                process::run(Command::new(python).args(["-c", &format!("import {modules}")]), IMPORT).is_ok()
            };
            let none =
                || format!("none of {} Pythons imports {modules}; --python gives others", pythons.len());
            pythons.iter().find(imports).cloned().ok_or_else(none)
        };
        self.found.entry(modules.to_owned()).or_insert_with(look).clone()
    }
}

fn with_run<'a>(command: &'a mut Command, run: Run<'_>) -> &'a mut Command {
    let [threads, rounds] = [run.threads, run.rounds].map(|number| number.to_string());
    command.args(["--workload", run.workload, "--threads", &threads, "--rounds", &rounds])
}

fn existing(file: PathBuf) -> Result<PathBuf, String> {
    let name = file.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
    if file.is_file() { Ok(file) } else { Err(format!("{name} is not there")) }
}

#[cfg(test)]
mod tests {
    use super::super::peers;
    use super::*;

    const RUN: Run<'_> = Run { workload: "vgg16_forward", threads: 2, rounds: 3 };

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    fn peer(workload: &str, name: &str) -> &'static Peer {
        peers::of(workload).find(|peer| peer.name == name).unwrap()
    }

    #[test]
    fn a_program_is_started_where_it_was_built_and_absent_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("built");
        let models = folder.path().join("models");
        std::fs::create_dir_all(&programs).unwrap();
        std::fs::create_dir_all(&models).unwrap();
        for name in ["peer-burn", "peer-onnx"] {
            std::fs::write(programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)), "").unwrap();
        }
        let model = models.join("vgg16_forward.onnx");
        std::fs::write(&model, "").unwrap();
        let mut places = Places::new(folder.path(), Some(&programs), models, &[]).unwrap();
        let command = places.command(peer("vgg16_forward", "burn-flex"), RUN).unwrap();
        assert_eq!(words(&command), ["vgg16_forward", "flex", "2"]);
        let command = places.command(peer("vgg16_forward", "rten"), RUN).unwrap();
        assert_eq!(words(&command), [&*model.to_string_lossy(), "rten", "2"]);
        for (name, lacks) in [
            ("candle", "peer-candle"),
            ("keras-fit", "bench_keras.py"),
            ("torch-eager", "bench_torch.py"),
            ("openvino-f32", "bench_onnx.py"),
        ] {
            let message = places.command(peer("vgg16_forward", name), RUN).unwrap_err();
            assert!(message.starts_with(lacks) && message.ends_with(" is not there"), "{message}");
        }
        // Without its model an ONNX program is absent too.
        let message = places.command(peer("vgg16_latency", "rten"), Run { workload: "vgg16_latency", ..RUN });
        assert!(message.unwrap_err().contains("bench_onnx.py"));
    }

    #[cfg(unix)]
    fn python(folder: &Path, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[cfg(unix)]
    #[test]
    fn the_first_python_that_imports_the_modules_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let imports = |name, what: &str| {
            python(folder.path(), name, &format!("case \"$2\" in {what}) exit 0;; *) exit 1;; esac"))
        };
        let pythons = [imports("none", "nothing"), imports("torch", "*torch*"), imports("all", "*")];
        let models = || folder.path().join("models");
        let mut places = Places::new(folder.path(), None, models(), &pythons).unwrap();
        assert_eq!(places.python("torch"), Ok(pythons[1].clone()));
        assert_eq!(places.python("tensorflow, keras"), Ok(pythons[2].clone()));
        let mut places = Places::new(folder.path(), None, models(), &pythons[..1]).unwrap();
        let message = places.python("torch").unwrap_err();
        assert!(message.contains("none of 1 Pythons imports torch"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn a_model_is_written_once_and_never_by_halves() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bench_onnx.py"), "").unwrap();
        // Called as `-c import …`, or as `-B bench_onnx.py --workload NAME --build FILE`.
        let build = "[ \"$1\" = -c ] && exit 0; mkdir -p \"$(dirname \"$6\")\" && echo \"$4\" >> \"$6\"";
        let pythons = [python(folder.path(), "python", build)];
        let models = folder.path().join("models");
        let mut places = Places::new(folder.path(), None, models.clone(), &pythons).unwrap();
        for _ in 0..2 {
            let command = places.command(peer("vgg16_forward", "openvino-streams"), RUN).unwrap();
            assert!(words(&command).ends_with(&["--models".into(), models.to_string_lossy().into_owned()]));
        }
        assert_eq!(std::fs::read_to_string(models.join("vgg16_forward.onnx")).unwrap(), "vgg16_forward\n");
        std::fs::remove_file(models.join("vgg16_forward.onnx")).unwrap();
        let broken = [python(
            folder.path(),
            "broken",
            "[ \"$1\" = -c ] && exit 0; mkdir -p \"$(dirname \"$6\")\"; : > \"$6\"; exit 1",
        )];
        let mut places = Places::new(folder.path(), None, models.clone(), &broken).unwrap();
        assert!(places.model("vgg16_forward").unwrap_err().contains("no ONNX file"));
        assert!(!models.join("vgg16_forward.onnx").exists());
    }

    #[test]
    fn folders_and_pythons_that_are_not_there_are_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let lost = folder.path().join("lost");
        let models = PathBuf::new;
        for error in [
            Places::new(&lost, None, models(), &[]).unwrap_err(),
            Places::new(folder.path(), Some(&lost), models(), &[]).unwrap_err(),
            Places::new(folder.path(), None, models(), std::slice::from_ref(&lost)).unwrap_err(),
        ] {
            assert!(error.to_string().contains("lost"), "{error}");
        }
    }
}
